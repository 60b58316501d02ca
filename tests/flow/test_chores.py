"""What the leading scheduler does beside the sweep."""

from __future__ import annotations

import threading

from hub import schedule
from hub.commands.work import CHORES
from hub.flow.chores import Chore, Chores
from hub.flow.watch import HEARTBEAT
from hub.queues import queues_for
from hub.store import facts
from hub.store.store import Store

PATIENCE_SECONDS = 30


def test_a_slow_or_failing_chore_keeps_nothing_waiting(sqlite_store: Store) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def slow(_store: Store) -> None:
        begun.set()
        go_on.wait(PATIENCE_SECONDS)
        raise ValueError("what a chore may do")

    chores = (Chore("slow", 60, slow), Chore("quick", 60, lambda _store: done.set()))
    assert {"tidy", "take up stock"} <= {chore.name for chore in CHORES}
    sweep = schedule.Sweep(sqlite_store, queues_for(sqlite_store.settings), chores)
    sweep.enqueue(queues_for(sqlite_store.settings).redis)
    assert begun.wait(PATIENCE_SECONDS)
    # The sweep has come to its end while the chore is still at work, and does so again.
    sweep.enqueue(queues_for(sqlite_store.settings).redis)
    with sqlite_store.database.read() as db:
        assert facts.get_fact(db, HEARTBEAT)
    assert done.wait(PATIENCE_SECONDS), "nor does another chore wait for it"
    go_on.set()
    sweep.give_up()


def test_a_chore_is_done_once_in_its_time(sqlite_store: Store) -> None:
    times: list[int] = []
    chores = Chores(sqlite_store, (Chore("once", 3600, lambda _store: times.append(1)),))
    for _ in range(3):
        chores.look()
        chores.wait()
    assert times == [1]
