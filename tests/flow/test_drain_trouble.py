"""Workers that die, sleep too long or meet an event that kills them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from hub.flow import drain
from hub.flow.prepare import prepare
from hub.flow.replay import replay_events
from hub.store import leases
from hub.store.models import attempts, events, leads
from hub.store.models import leases as leases_table
from tests.support.hub import Hub, lead, patch_parse


class Killed(BaseException):
    """The process is gone: no code of ours sees it."""


def die(*_args: Any, **_options: Any) -> None:
    raise Killed


def kill_a_worker(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker of another machine dies while it works: its lease stays behind, then runs out."""
    with monkeypatch.context() as patch:
        patch.setattr(leases, "owner_name", lambda: "elsewhere-1-1")
        patch.setattr(leases, "release", lambda *_, **__: None)
        with pytest.raises(Killed):
            hub.drain()
    with hub.store.database.write() as db:
        db.execute(update(leases_table).values(expires_at=leases.EPOCH))


def test_an_event_that_kills_its_worker_is_parked_and_the_others_are_done(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(event: Any, connection: Any) -> Any:
        records = list(real(event, connection))
        if "L-3'" in str(records):
            raise Killed
        return records

    real = patch_parse(monkeypatch, parse)
    hub.site()
    for number in range(1, 6):
        hub.post("site", lead(number))
    for _ in range(drain.DEFAULT_DEATHS + 1):
        kill_a_worker(hub, monkeypatch)
    hub.drain()
    parked = hub.one(events, status="dead")
    assert (parked["event_key"], parked["error_code"]) == ("evt-3", "poison")
    assert hub.statuses() == {"dead": 1, "done": 4}
    assert {row["external_id"] for row in hub.rows(leads)} == {"L-1", "L-2", "L-4", "L-5"}


def test_a_parked_event_runs_again_when_a_person_says_so(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = patch_parse(monkeypatch, die)
    hub.site()
    hub.post("site", lead(1))
    for _ in range(drain.DEFAULT_DEATHS + 1):
        kill_a_worker(hub, monkeypatch)
    hub.drain()
    parked = hub.one(events, status="dead")
    patch_parse(monkeypatch, real)
    replay_events(hub.store, [parked["id"]], "parse", "test", "the parser is mended")
    hub.drain()
    assert hub.one(events)["status"] == "done"
    assert len(hub.rows(leads)) == 1


def test_a_store_that_goes_away_again_and_again_parks_nothing(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One death makes the next worker careful; a store that then goes away is no further one."""

    def away(*_: Any) -> Any:
        raise OperationalError("SELECT 1", {}, Exception("the server closed the connection"))

    real = patch_parse(monkeypatch, die)
    hub.site()
    hub.post("site", lead(1))
    kill_a_worker(hub, monkeypatch)
    patch_parse(monkeypatch, real)
    for _ in range(4):
        with monkeypatch.context() as patch:
            patch.setattr(drain, "prepare", away)
            with pytest.raises(OperationalError):
                hub.drain()
    hub.drain()
    assert hub.statuses() == {"done": 1}
    assert hub.one(events)["deaths"] == 0


def test_a_death_is_forgotten_when_all_is_done(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """One kill must not make every batch after it a batch of one."""
    real = patch_parse(monkeypatch, die)
    configured = hub.site()
    for number in range(3):
        hub.post("site", lead(number))
    kill_a_worker(hub, monkeypatch)
    patch_parse(monkeypatch, real)
    hub.drain()
    assert hub.statuses() == {"done": 3}
    assert hub.one(leases_table, name=f"drain-{configured.id}")["deaths"] == 0


def test_a_worker_whose_lease_was_taken_writes_nothing(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept through its lease after parsing; another worker did the work meanwhile."""
    hub.site()
    hub.post("site", lead(1))
    slept: list[bool] = []

    def sleep_through_the_lease(configured: Any, stored: Any) -> Any:
        prepared = prepare(configured, stored)
        if not slept:
            slept.append(True)
            with hub.store.database.write() as db:
                db.execute(update(leases_table).values(expires_at=leases.EPOCH))
            assert hub.drain() == 1
        return prepared

    monkeypatch.setattr(drain, "prepare", sleep_through_the_lease)
    assert hub.drain() == 0
    assert slept
    assert len(hub.rows(attempts)) == 1
    assert hub.one(events)["attempts"] == 1
    assert len(hub.rows(leads)) == 1


def test_a_sleeper_does_not_free_the_lease_of_its_successor(hub: Hub) -> None:
    database = hub.store.database
    first = leases.acquire(database, "drain-7", "elsewhere-1-1", seconds=0)
    assert first is not None
    second = leases.acquire(database, "drain-7", "elsewhere-2-2", seconds=60)
    assert second is not None
    assert (second.token, second.deaths) == (first.token + 1, 1)
    leases.release(database, first)
    assert leases.acquire(database, "drain-7", "elsewhere-3-3", seconds=60) is None
    with pytest.raises(leases.LeaseLostError), database.write() as db:
        leases.fence(db, first)
    with database.write() as db:
        leases.fence(db, second, healthy=True)
        assert db.scalar(select(leases_table.c.deaths)) == 0


def test_the_work_of_a_killed_worker_goes_on_at_once_on_the_same_machine(hub: Hub) -> None:
    """The owner's process is seen to be gone: nobody waits for the lease to run out."""
    configured = hub.site()
    hub.post("site", lead(1))
    host = leases.owner_name().rsplit("-", 2)[0]
    gone = leases.acquire(
        hub.store.database, f"drain-{configured.id}", f"{host}-{2**22 + 7}-1", seconds=60
    )
    assert gone is not None
    assert hub.drain() == 1
    assert hub.statuses() == {"done": 1}


def test_a_worker_of_another_machine_keeps_its_lease(hub: Hub) -> None:
    configured = hub.site()
    hub.post("site", lead(1))
    held = leases.acquire(
        hub.store.database, f"drain-{configured.id}", f"elsewhere-{2**22 + 7}-1", seconds=60
    )
    assert held is not None
    assert hub.drain() == 0
