"""The overview says that no scheduler is at work: nobody else can."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete

from hub.flow import tick, watch
from hub.store import facts
from hub.store.database import utc_now
from hub.store.models import facts as facts_table
from hub.store.models import incidents
from hub.store.store import Store
from tests.support.people import ALICE
from tests.web.conftest import SignIn

WELL, SILENT = "ваше внимание не требуется", "Планировщик не работает"


@pytest.mark.parametrize(("minutes", "silent"), [(None, True), (2, True), (0, False)])
def test_a_silent_scheduler_is_a_trouble(minutes: int | None, *, silent: bool) -> None:
    now = utc_now()
    at = None if minutes is None else now - timedelta(minutes=minutes)
    assert watch.is_silent(at, now) == silent


def test_nothing_is_well_while_no_scheduler_sweeps(sqlite_store: Store, sign_in: SignIn) -> None:
    admin = sign_in(ALICE)
    with sqlite_store.database.write() as db:
        db.execute(delete(incidents))
        db.execute(delete(facts_table).where(facts_table.c.name == watch.HEARTBEAT))
    page = admin.get("/admin")
    assert SILENT in page
    assert "hub scheduler" in page
    assert WELL not in page
    long_ago = utc_now() - timedelta(hours=2)
    with sqlite_store.database.write() as db:
        facts.set_fact(db, watch.HEARTBEAT, long_ago.isoformat())
    assert SILENT in admin.get("/admin")
    tick.tick(sqlite_store)
    page = admin.get("/admin")
    assert SILENT not in page
    assert WELL in page
