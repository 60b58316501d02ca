"""Ids drawn in advance, when PostgreSQL crashes and gives the same numbers again."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.exc import OperationalError

from hub.store.database import Database
from hub.store.models import leads
from hub.store.store import Store
from tests.support.hub import Hub, lead

#: More than one draw's ids are left of the first batch, so that a batch takes some of either.
COUNT = 150
#: The number given last, as the disk knows it.
DRAWN_TO = 60


def crash(hub: Hub) -> None:
    """What a crash of the server does to whoever asked it: the sessions are gone, and sequences go
    on from what had come to the disk, in the middle of what was drawn."""
    with hub.store.database.write() as db:
        for table in ("leads", "contacts"):
            sequence = select(func.pg_get_serial_sequence(table, "id")).scalar_subquery()
            db.execute(select(func.setval(sequence.cast(REGCLASS), DRAWN_TO)))
    ended = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    other = Database(hub.store.settings.store_url)
    with other.read() as db:
        db.execute(ended)
    other.dispose()


def test_no_record_is_lost_when_a_crashed_server_gives_ids_again(postgres_store: Store) -> None:
    hub = Hub(postgres_store)
    hub.site()
    hub.post("site", lead(0))
    hub.drain()
    for number in range(1, COUNT):
        hub.post("site", lead(number))
    crash(hub)
    for _ in range(10):
        # The first looks meet connections that the crash has cut.
        with suppress(OperationalError):
            hub.drain()
    assert hub.statuses() == {"done": COUNT}
    assert {row["external_id"] for row in hub.rows(leads)} == {f"L-{n}" for n in range(COUNT)}
