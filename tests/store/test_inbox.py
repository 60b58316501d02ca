"""Group commit: many at once, each durable, each once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from greenlet import getcurrent, greenlet

from hub.sdk.request import RawRequest
from hub.store import inbox
from hub.store.database import Database
from hub.store.inbox import Inbox
from hub.store.inbox_rows import NewEvent, store_events
from hub.store.models import event_bodies, events
from tests.support.hub import NOW, Hub
from tests.support.waiting import wait_until

THREADS = 32


def new_event(connection_id: int, key: str, body: bytes = b"{}", **changes: Any) -> NewEvent:
    request = RawRequest(body, headers=(("X-A", "1"),), path="a/b", query="c=d", **changes)
    return NewEvent(connection_id, key, "lane", "kind", NOW, request)


def at_once(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """Run in so many threads, all let go at one moment."""
    gate = threading.Barrier(threads)

    def run(number: int) -> Any:
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


@pytest.fixture
def connection_id(hub: Hub) -> int:
    return hub.site().id


def test_what_is_accepted_is_kept_as_it_was(hub: Hub, connection_id: int) -> None:
    body = bytes(range(256))
    assert hub.store.inbox.accept(new_event(connection_id, "k", body, remote_addr="192.0.2.1"))
    row, kept = hub.one(events), hub.one(event_bodies)
    assert (row["event_key"], row["ordering_key"], row["type"]) == ("k", "lane", "kind")
    assert (row["status"], row["attempts"], row["received_at"]) == ("received", 0, NOW)
    assert bytes(kept["body"]) == body
    assert kept["headers"] == [["X-A", "1"]]
    assert (kept["path"], kept["query"], kept["remote_addr"]) == ("a/b", "c=d", "192.0.2.1")


def test_every_accepted_event_is_in_the_store_once(hub: Hub, connection_id: int) -> None:
    """32 threads, every event from two of them: one is told «new», the other «known»."""
    each = 12

    def work(number: int) -> list[tuple[str, bool]]:
        pair = number // 2
        keys = [f"{pair}-{place}" for place in range(each)]
        return [
            (key, hub.store.inbox.accept(new_event(connection_id, key, key.encode())))
            for key in keys
        ]

    told = [answer for answers in at_once(work) for answer in answers]
    assert len(told) == THREADS * each
    fresh = Counter(key for key, is_new in told if is_new)
    assert set(fresh.values()) == {1}
    rows = hub.rows(events)
    assert sorted(row["event_key"] for row in rows) == sorted(fresh)
    bodies = {row["event_id"]: bytes(row["body"]) for row in hub.rows(event_bodies)}
    assert {row["id"]: row["event_key"].encode() for row in rows} == bodies


def test_repeats_within_one_group_are_known(hub: Hub, connection_id: int) -> None:
    keys = ["b", "a", "b", "c", "a", "b"]
    group = [new_event(connection_id, key, str(n).encode()) for n, key in enumerate(keys)]
    stored = store_events(hub.store.database, group)
    assert stored == [True, True, False, True, False, False]
    again = store_events(hub.store.database, group[:2])
    assert again == [False, False]
    # Of repeats the first is kept.
    kept = {row["event_key"]: row["id"] for row in hub.rows(events)}
    bodies = {row["event_id"]: bytes(row["body"]) for row in hub.rows(event_bodies)}
    assert {key: bodies[event_id] for key, event_id in kept.items()} == {
        "a": b"1",
        "b": b"0",
        "c": b"3",
    }


def test_a_large_group_with_repeats_keeps_each_with_its_own_body(
    hub: Hub, connection_id: int
) -> None:
    """More rows than one statement takes, the repeats spread over all of them."""
    old = [new_event(connection_id, str(n), b"old") for n in range(0, 150, 7)]
    store_events(hub.store.database, old)
    keys = [str(n % 150) for n in range(200)]
    group = [new_event(connection_id, key, b"%d" % n) for n, key in enumerate(keys)]
    stored = store_events(hub.store.database, group)
    assert stored == [n < 150 and n % 7 != 0 for n in range(200)]
    bodies = {row["event_id"]: bytes(row["body"]) for row in hub.rows(event_bodies)}
    for row in hub.rows(events):
        number = int(row["event_key"])
        assert bodies[row["id"]] == (b"old" if number % 7 == 0 else b"%d" % number)


def test_events_of_one_commit_keep_their_order_of_arrival(hub: Hub, connection_id: int) -> None:
    """Whatever their keys: the drain goes by id, and who was told of first is worked on first."""
    keys = ["m", "a", "z", "Ж", "b", "a", "_", "B"]
    store_events(hub.store.database, [new_event(connection_id, key) for key in keys])
    kept = sorted(hub.rows(events), key=lambda row: int(row["id"]))
    assert [row["event_key"] for row in kept] == list(dict.fromkeys(keys))


def test_two_processes_that_accept_the_same_events_keep_each_once(
    hub: Hub, connection_id: int
) -> None:
    """Two inboxes on one store, as two gateway processes have; opposite orders, no deadlock."""
    both = [Inbox(hub.store.database), Inbox(Database(hub.store.settings.store_url))]

    def work(number: int) -> int:
        keys = [f"key-{place}" for place in range(30)]
        order = keys if number % 2 else keys[::-1]
        return sum(both[number % 2].accept(new_event(connection_id, key)) for key in order)

    assert sum(at_once(work, 8)) == 30
    assert len(hub.rows(events)) == 30


def test_an_error_reaches_everybody_who_waited_and_the_next_go_on(
    hub: Hub, connection_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told «stored» by a group that was not, and nobody waits for ever."""
    box = Inbox(hub.store.database)
    release, groups = threading.Event(), []

    def fail(_database: Database, group: Sequence[NewEvent]) -> list[bool]:
        groups.append(len(group))
        release.wait(10)
        raise OSError("the disk is full")

    def work(number: int) -> str:
        try:
            box.accept(new_event(connection_id, f"key-{number}"))
        except OSError as error:
            return str(error)
        return "stored"

    with monkeypatch.context() as patch, ThreadPoolExecutor(THREADS) as pool:
        patch.setattr(inbox, "store_events", fail)
        waiting = [pool.submit(work, number) for number in range(THREADS)]
        wait_until(lambda: len(box._queue) == THREADS - 1, 10, "every request queued")
        release.set()
        assert {one.result(10) for one in waiting} == {"the disk is full"}
    # One went alone, the others shared one try.
    assert groups == [1, THREADS - 1]
    assert not hub.rows(events)
    assert at_once(work, 4) == ["stored"] * 4


def test_a_group_shares_one_commit(
    hub: Hub, connection_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Inbox(hub.store.database)
    real, release, sizes = store_events, threading.Event(), []

    def slow(database: Database, group: Sequence[NewEvent]) -> list[bool]:
        sizes.append(len(group))
        release.wait(10)
        return real(database, group)

    monkeypatch.setattr(inbox, "store_events", slow)
    with ThreadPoolExecutor(THREADS) as pool:
        futures = [
            pool.submit(box.accept, new_event(connection_id, f"key-{number}"))
            for number in range(THREADS)
        ]
        wait_until(lambda: len(box._queue) == THREADS - 1, 10, "every request queued")
        release.set()
        assert all(one.result(10) for one in futures)
    assert sizes == [1, THREADS - 1]
    assert len(hub.rows(events)) == THREADS


def test_requests_of_one_thread_are_all_queued_before_the_first_one_leads(
    hub: Hub, connection_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a thread of many senders does it; meanwhile another thread leads, and hands over."""
    box = Inbox(hub.store.database)
    release, sizes = threading.Event(), []

    def slow(database: Database, group: Sequence[NewEvent]) -> list[bool]:
        sizes.append(len(group))
        release.wait(10)
        return store_events(database, group)

    def take(key: str) -> None:
        assert box.accept(new_event(connection_id, key), others_first=True)
        assert inbox.here.has_shared

    monkeypatch.setattr(inbox, "store_events", slow)
    monkeypatch.setattr(inbox.here, "others_first", getcurrent().switch)
    with ThreadPoolExecutor(1) as pool:
        leading = pool.submit(box.accept, new_event(connection_id, "led"))
        wait_until(lambda: sizes == [1], 10, "the other thread's commit")
        standing = [greenlet(take) for _ in range(3)]
        for number, one in enumerate(standing):
            one.switch(f"key-{number}")
        assert [event.event.event_key for event in box._queue] == ["key-0", "key-1", "key-2"]
        release.set()
        for one in standing:
            one.switch()
        assert leading.result(10)
    assert all(one.dead for one in standing)
    assert sizes == [1, 3]
    assert len(hub.rows(events)) == 4


def test_what_was_not_stored_has_shared_nothing(
    hub: Hub, connection_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_database: Database, _group: Sequence[NewEvent]) -> list[bool]:
        raise OSError("the disk is full")

    box = Inbox(hub.store.database)
    with monkeypatch.context() as patch:
        patch.setattr(inbox, "store_events", fail)
        patch.setattr(inbox.here, "has_shared", False)
        with pytest.raises(OSError, match="full"):
            box.accept(new_event(connection_id, "key"), others_first=True)
        assert not inbox.here.has_shared
    # Nor has what its caller may not be kept from.
    assert box.accept(new_event(connection_id, "key"))
    assert not inbox.here.has_shared
