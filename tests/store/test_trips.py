"""A commit that goes out with the last statements: all of it happens, or an error says why not."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from hub.store import trips
from hub.store.database import is_away, utc_now
from hub.store.models import facts
from hub.store.store import Store


def put(db: Connection, name: str) -> None:
    db.execute(insert(facts).values(name=name, value="", updated_at=utc_now()))


def names(store: Store) -> set[str]:
    with store.database.read() as db:
        return set(db.scalars(select(facts.c.name).where(facts.c.name.like("trip%"))))


def test_it_is_committed_with_what_came_before_and_after(store: Store) -> None:
    with store.database.write() as db:
        put(db, "trip 1")
        trips.to_the_end(db)
        put(db, "trip 2")
        put(db, "trip 3")
    assert names(store) == {"trip 1", "trip 2", "trip 3"}
    with store.database.write() as db:
        put(db, "trip 4")
    assert len(names(store)) == 4


def test_one_that_fails_undoes_all_and_the_next_transaction_is_well(store: Store) -> None:
    with store.database.write() as db:
        put(db, "trip 1")

    def twice() -> None:
        with store.database.write() as db:
            put(db, "trip 2")
            trips.to_the_end(db)
            put(db, "trip 1")
            for number in range(100):
                put(db, f"trip 3-{number}")

    with pytest.raises(IntegrityError):
        twice()
    assert names(store) == {"trip 1"}
    with store.database.write() as db:
        trips.to_the_end(db)
        put(db, "trip 5")
    assert names(store) == {"trip 1", "trip 5"}


def test_what_the_program_raises_undoes_all(store: Store) -> None:
    def fail() -> None:
        with store.database.write() as db:
            trips.to_the_end(db)
            put(db, "trip 1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(store) == set()


def test_a_server_that_goes_away_is_told_as_such(postgres_store: Store) -> None:
    def cut() -> None:
        with postgres_store.database.write() as db:
            own = db.scalar(text("SELECT pg_backend_pid()"))
            trips.to_the_end(db)
            put(db, "trip 1")
            with postgres_store.database.write() as other:
                other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})

    with pytest.raises(DBAPIError) as caught:
        cut()
    assert is_away(caught.value)
    assert names(postgres_store) == set()
    with postgres_store.database.write() as db:
        put(db, "trip 2")
    assert names(postgres_store) == {"trip 2"}
