import pytest, schemathesis, traceback
from hypothesis import settings, HealthCheck, given, Phase
from schemathesis import GenerationMode
from hub.store import tokens
from tests.support.people import IRINA, PAVEL

def test_api(app, rows, store):
    c = rows.connection()
    i = rows.contact(IRINA); rows.contact(PAVEL)
    rows.record("order", contact_id=i, number="1", lines=[{"sku":"a"}]); rows.stock(c, "A", "5.5"); rows.event(c); rows.delivery(c, 1)
    token = tokens.create(store.database, "t", "admin")
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    bad = {}
    for result in schema.get_all_operations():
        op = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                strategy = op.as_strategy(generation_mode=mode)
                @settings(max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
                @given(case=strategy)
                def check(case):
                    case.call_and_validate(headers={"Authorization": f"Bearer {token}"})
                check()
            except BaseException as e:
                if isinstance(e, KeyboardInterrupt): raise
                bad[(op.label, mode.name)] = e
    for k, e in bad.items():
        print("=====", k, type(e).__name__)
        for x in getattr(e, "exceptions", [e]):
            print(str(x)[:900])
    assert not bad
