"""A call's recording through the API: whoever listens is written down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import event, select

from connectors.mango import client
from connectors.mango.emulator import Emulator
from hub.registry import connector
from hub.store.models import audit
from hub.store.store import Store
from tests.api.conftest import Caller
from tests.connectors.test_mango_recording import recorded
from tests.support.people import IRINA, VERA
from tests.support.rows import Rows


@pytest.fixture
def mango() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


def test_a_program_has_a_call_returned_from_a_manager_s_phone(
    admin: Caller, rows: Rows, mango: Emulator
) -> None:
    document = mango.connection()
    document["settings"] = {**document["settings"], "managers": {"101": VERA.email}}
    connection = rows.connection("mango", document)
    call = rows.record("call", connection_id=connection, direction="in", from_number=IRINA.phone)
    answer = admin("POST", f"/calls/{call}/call-back", json={"manager": VERA.email})
    assert answer.status_code == 200, answer.text
    assert answer.json == {"call_id": call, "manager": VERA.email, "extension": "101"}
    assert [asked["to_number"] for asked in mango.asked] == [IRINA.phone.lstrip("+")]
    nobody = admin("POST", f"/calls/{call}/call-back", json={"manager": "boris@example.ru"})
    assert nobody.status_code == 409
    assert admin("POST", "/calls/999/call-back", json={"manager": VERA.email}).status_code == 404


def test_a_recording_is_heard_at_the_address_in_its_call(
    admin: Caller, rows: Rows, mango: Emulator, store: Store
) -> None:
    connection = rows.connection("mango", mango.connection())
    call = rows.record(
        "call", connection_id=connection, external_id="1", recording_id=recorded(mango)
    )
    address = admin.get(f"/calls/{call}")["recording_url"]
    assert address == f"http://localhost/api/v1/calls/{call}/recording"
    answer = admin("GET", f"/calls/{call}/recording")
    assert answer.status_code == 302
    assert requests.get(answer.headers["Location"], timeout=5).content.startswith(b"RIFF")
    with store.database.read() as db:
        seen = db.execute(select(audit.c.action, audit.c.subject, audit.c.subject_id)).all()
    assert ("viewed", "recording", str(call)) in [tuple(row) for row in seen]


def test_no_connection_waits_while_the_provider_is_asked(
    admin: Caller, rows: Rows, mango: Emulator, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, pool, held = set[object](), store.database.engine.pool, list[int]()
    event.listen(pool, "checkout", lambda _raw, record, _proxy: taken.add(record))
    event.listen(pool, "checkin", lambda _raw, record: taken.discard(record))

    def ask(*given: Any) -> str:
        held.append(len(taken))
        return real(*given)

    real = client.recording_link
    monkeypatch.setitem(vars(connector("mango")), "recording_link", ask)
    connection = rows.connection("mango", mango.connection())
    call = rows.record(
        "call", connection_id=connection, external_id="1", recording_id=recorded(mango)
    )
    assert admin("GET", f"/calls/{call}/recording").status_code == 302
    assert held == [0]


def test_without_one_it_says_so(admin: Caller, rows: Rows, mango: Emulator) -> None:
    silent = rows.record("call", connection_id=rows.connection("mango", mango.connection()))
    mail = rows.record("call", connection_id=rows.connection("mail"), recording_id="r")
    for call, words in ((silent, "no recording"), (mail, "gives out no recordings")):
        assert admin.get(f"/calls/{call}")["recording_url"] is None
        answer = admin("GET", f"/calls/{call}/recording")
        assert answer.status_code == 409
        assert words in answer.json["detail"]
    assert admin("GET", "/calls/999/recording").status_code == 404
