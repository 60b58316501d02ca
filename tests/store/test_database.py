"""What a transaction waits for, and the writer that stays when the database comes and goes."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from hub.settings import Settings
from hub.store import facts, leases
from hub.store.database import Database
from hub.store.models import events
from hub.store.raw import RawWriter
from hub.store.store import Store
from tests.store.test_inbox import new_event
from tests.support.hub import Hub
from tests.support.servers import Postgres


def waits_for_disk(database: Database, *, durable: bool) -> bool:
    """What the database itself says inside such a transaction."""
    with database.write(durable=durable) as db:
        if database.is_sqlite:
            return bool(db.scalar(text("PRAGMA synchronous")) == 2)
        return bool(db.scalar(text("SHOW synchronous_commit")) != "off")


def test_only_what_asks_for_it_spares_the_disk(hub: Hub) -> None:
    database = hub.store.database
    if not database.is_sqlite:
        # The tests' cluster does not wait at all; as a session's own setting it would.
        @event.listens_for(database.engine, "begin")
        def _wait(connection: Any) -> None:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = on")

    wanted = [True, False, True, False, False, True]
    assert [waits_for_disk(database, durable=durable) for durable in wanted] == wanted


def test_what_spares_the_disk_is_whole_and_seen_by_all(hub: Hub) -> None:
    database, other = hub.store.database, Database(hub.store.settings.store_url)
    with database.write(durable=False) as db:
        facts.set_fact(db, "here", "yes")
    with other.read() as db:
        assert facts.get_fact(db, "here") == "yes"
    with suppress(ZeroDivisionError), database.write(durable=False) as db:
        facts.set_fact(db, "here", "no")
        raise ZeroDivisionError
    with other.read() as db:
        assert facts.get_fact(db, "here") == "yes"
    other.dispose()


def test_an_event_is_synced_even_on_a_connection_that_once_was_not(sqlite_hub: Hub) -> None:
    """The writer's connection comes from the pool, where a sparing one may have left it."""
    database = sqlite_hub.store.database
    assert not waits_for_disk(database, durable=False)
    seen = database.write_raw(lambda cursor: cursor.execute("PRAGMA synchronous").fetchone()[0])
    assert seen == 2


def test_a_lost_lease_that_a_crash_undid_does_not_pass_for_the_next_one(hub: Hub) -> None:
    """The same token again, another owner: only one of them may write."""
    database = hub.store.database
    leases.release(database, _held(database, "elsewhere-1-1"))
    first = _held(database, "elsewhere-1-1")
    with database.write() as db:
        # What a crash of the database does to a lease that did not wait for the disk.
        db.execute(text("UPDATE leases SET owner = '', token = token - 1"))
    second = _held(database, "elsewhere-2-2")
    assert second.token == first.token
    with pytest.raises(leases.LeaseLostError), database.write() as db:
        leases.fence(db, first)
    leases.release(database, first)
    with database.write() as db:
        leases.fence(db, second, last=True)
    assert _held(database, "elsewhere-3-3").token == second.token + 1


def _held(database: Database, owner: str) -> leases.Lease:
    lease = leases.acquire(database, "drain-7", owner, 60)
    assert lease is not None
    return lease


def test_a_database_that_was_restarted_costs_no_sender_anything(
    postgres_url: str, postgres_cluster: Postgres, tmp_path: Path
) -> None:
    """The kept connection is dead: seen at the next event, which goes over a new one."""
    hub = Hub(Store.open(Settings(home=tmp_path, database_url=postgres_url, secret_key="k")))
    key = hub.site().id
    assert hub.store.inbox.accept(new_event(key, "before"))
    postgres_cluster._admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", ("hub",)
    )
    assert hub.store.inbox.accept(new_event(key, "after"))
    assert len(hub.rows(events)) == 2
    hub.store.database.dispose()


def test_what_the_writer_raises_is_sqlalchemy_s_and_leaves_nothing(hub: Hub) -> None:
    box = hub.store.inbox
    with pytest.raises(IntegrityError):
        # There is no such connection.
        box.accept(new_event(999_999, "k"))
    assert not hub.rows(events)
    assert box.accept(new_event(hub.site().id, "k"))


def test_a_database_that_is_not_there_is_told_as_such() -> None:
    away = Database("postgresql+psycopg://postgres@/nothing?host=/nowhere")
    for _ in range(2):
        with pytest.raises(OperationalError):
            away.write_raw(lambda cursor: cursor.execute("SELECT 1"))
    away.dispose()


def test_a_forked_child_gets_a_connection_of_its_own(sqlite_hub: Hub) -> None:
    writer = RawWriter(sqlite_hub.store.database.engine, None)
    writer._begins = True
    first = writer.run(lambda cursor: id(cursor.connection))
    assert writer.run(lambda cursor: id(cursor.connection)) == first
    parents = writer._connection
    writer._process = -1
    writer.run(lambda cursor: None)
    assert writer._connection is not parents
    # Its parent's stays open.
    assert parents.execute("SELECT 1").fetchone() == (1,)
    parents.close()
    writer.close()


def test_what_is_read_together_takes_one_connection_and_gives_it_back(hub: Hub) -> None:
    database, taken, given = hub.store.database, list[int](), list[int]()
    event.listen(database.engine, "checkout", lambda *_: taken.append(1))
    event.listen(database.engine, "checkin", lambda *_: given.append(1))
    database.share_reading()
    for _ in range(3):
        with database.read() as db, database.read() as inner:
            assert (db.scalar(text("SELECT 1")), inner.scalar(text("SELECT 2"))) == (1, 2)
    assert (len(taken), len(given)) == (1, 0)
    database.end_shared_reading()
    database.end_shared_reading()
    assert (len(taken), len(given)) == (1, 1)
    with database.read() as db:
        db.scalar(text("SELECT 1"))
    assert (len(taken), len(given)) == (2, 2)


def test_what_is_read_together_is_read_after_an_own_write_too(hub: Hub) -> None:
    database = hub.store.database

    def seen() -> str | None:
        with database.read() as db:
            return facts.get_fact(db, "here")

    database.share_reading()
    try:
        assert seen() is None
        with database.write() as db:
            facts.set_fact(db, "here", "one")
        assert seen() == "one"
        with database.write(durable=False) as db:
            facts.set_fact(db, "here", "two")
        assert seen() == "two"
    finally:
        database.end_shared_reading()


def test_a_shared_connection_that_failed_is_not_read_from_again(hub: Hub) -> None:
    database = hub.store.database
    database.share_reading()
    try:
        with pytest.raises((OperationalError, ProgrammingError)), database.read() as db:
            db.execute(text("SELECT no_such_column FROM events"))
        with database.read() as db:
            assert db.scalar(text("SELECT 1")) == 1
    finally:
        database.end_shared_reading()


def test_each_thread_reads_on_its_own(hub: Hub) -> None:
    database, other = hub.store.database, list[object]()
    database.share_reading()
    try:
        with database.read() as db:

            def look() -> None:
                with database.read() as its:
                    other.append(its)

            thread = threading.Thread(target=look)
            thread.start()
            thread.join(10)
            assert len(other) == 1
            assert other[0] is not db
    finally:
        database.end_shared_reading()


def test_who_writes_between_looks_keeps_no_second_connection(hub: Hub) -> None:
    database = hub.store.database
    open_now, most = [0], [0]

    @event.listens_for(database.engine, "checkout")
    def _out(*_: object) -> None:
        open_now[0] += 1
        most[0] = max(most[0], open_now[0])

    @event.listens_for(database.engine, "checkin")
    def _in(*_: object) -> None:
        open_now[0] -= 1

    database.share_reading()
    with database.read() as db:
        db.scalar(text("SELECT 1"))
    with database.write() as db:
        facts.set_fact(db, "here", "yes")
    with database.read() as db:
        assert facts.get_fact(db, "here") == "yes"
    database.end_shared_reading()
    assert (open_now[0], most[0]) == (0, 1)
