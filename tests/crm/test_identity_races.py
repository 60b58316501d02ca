"""Events of one new person at once: one contact, whoever is quicker."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hub.flow import drain
from hub.store.models import contact_points, contacts, events, leads, possible_duplicates
from hub.store.store import Store
from hub.store.working_set import WorkingSet
from tests.support.hub import Hub, lead

SITES = ("one", "two", "three")


@pytest.fixture
def sites(hub: Hub) -> list[Hub]:
    """Three connections, each worked on by a process of its own (a store opened anew)."""
    for name in SITES:
        hub.site(name)
    return [Hub(Store.open(hub.store.settings)) for _ in SITES]


def drain_at_once(sites: list[Hub], monkeypatch: pytest.MonkeyPatch, *, held: bool) -> None:
    """Drain every site at one moment; `held`: nobody writes before all have looked."""
    gate = threading.Barrier(len(SITES))
    looked: set[int] = set()
    real = WorkingSet.flush

    def flush(ws: WorkingSet) -> None:
        thread = threading.get_ident()
        if thread not in looked:
            looked.add(thread)
            gate.wait(20)
        real(ws)

    def work(place: int) -> int:
        gate.wait(20)
        return sites[place].drain(SITES[place])

    with monkeypatch.context() as patch, ThreadPoolExecutor(len(SITES)) as pool:
        if held:
            patch.setattr(WorkingSet, "flush", flush)
        list(pool.map(work, range(len(SITES))))


def check_one_person(hub: Hub) -> None:
    waiting = hub.rows(events, status="waiting")
    assert not waiting, waiting[0]["error_message"]
    assert hub.statuses() == {"done": len(hub.rows(events))}
    contact = hub.one(contacts)
    assert {row["contact_id"] for row in hub.rows(leads)} == {contact["id"]}
    assert {row["contact_id"] for row in hub.rows(contact_points)} == {contact["id"]}
    assert not hub.rows(possible_duplicates)


def test_one_new_person_in_three_connections_at_once(
    hub: Hub, sites: list[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SITES:
        hub.post(name, lead(1))
    # SQLite has one writer: there the three can only queue.
    held = not hub.store.database.is_sqlite
    drain_at_once(sites, monkeypatch, held=held)
    check_one_person(hub)
    assert len(hub.rows(leads)) == len(SITES)


def test_many_events_of_one_new_person_in_batches_of_many_sizes(
    hub: Hub, sites: list[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(24):
        sender = {"phone": "+79161110001", "email": "one@example.ru", "name": "Один"}
        hub.post(SITES[number % 3], lead(number, **sender))
    for place, size in enumerate((1, 3, 100)):
        sites[place].option("events.batch_size", size)
    drain_at_once(sites, monkeypatch, held=False)
    check_one_person(hub)
    assert len(hub.rows(leads)) == 24


def test_two_people_in_opposite_order_do_not_deadlock(
    hub: Hub, sites: list[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = list(range(20))
    for place, name in enumerate(SITES):
        for number in people[::-1] if place % 2 else people:
            hub.post(name, lead(number, event_id=f"{name}-{number}"))
    drain_at_once(sites, monkeypatch, held=False)
    for _ in range(3):
        for place, name in enumerate(SITES):
            hub.make_due()
            sites[place].drain(name)
    assert hub.statuses() == {"done": 60}
    assert len(hub.rows(contacts)) == 20
    assert not hub.rows(possible_duplicates)


def test_the_conflict_does_not_cost_the_rest_of_the_batch(
    hub: Hub, sites: list[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking and writing somebody else makes the same person, every single time."""
    hub.post("one", lead(1))
    for number in (1, 2, 3):
        hub.post("two", lead(number, event_id=f"two-{number}"))
    real = drain._apply
    done: list[bool] = []

    def apply(*args: Any) -> None:
        if not done:
            done.append(True)
            sites[0].drain("one")
        real(*args)

    if hub.store.database.is_sqlite:
        sites[0].drain("one")
    with monkeypatch.context() as patch:
        if not hub.store.database.is_sqlite:
            patch.setattr(drain, "_apply", apply)
        hub.drain("two")
    assert hub.statuses() == {"done": 4}
    assert len(hub.rows(contacts)) == 3
