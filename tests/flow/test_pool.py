"""Threads that slow systems share, and quick ones always find."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from hub.pool import Pool, Result
from tests.support.waiting import wait_until


class Memory(dict[str, float]):
    """How long each system took, in this test only."""

    def set(self, name: str, seconds: float) -> None:
        """Remember it."""
        self[name] = seconds


class Systems:
    """Systems that answer when the test lets them."""

    def __init__(self) -> None:
        self.gates: dict[int, threading.Event] = {}
        self.began: list[int] = []
        self.ended: list[int] = []
        self.again: Counter[int] = Counter()
        self.took: dict[int, float | None] = {}
        self.most_at_once: Counter[int] = Counter()
        self._now: Counter[int] = Counter()
        self._lock = threading.Lock()

    def hold(self, *keys: int) -> None:
        """These answer only after `let`."""
        for key in keys:
            self.gates[key] = threading.Event()

    def let(self, *keys: int) -> None:
        """Answer now."""
        for key in keys:
            self.gates[key].set()

    def work(self, key: int) -> Result:
        """One turn."""
        with self._lock:
            self.began.append(key)
            self._now[key] += 1
            self.most_at_once[key] = max(self.most_at_once[key], self._now[key])
        if key in self.gates:
            assert self.gates[key].wait(30)
        with self._lock:
            self._now[key] -= 1
            self.ended.append(key)
            wants = self.again[key] > 0
            self.again[key] -= 1
        if key == 666:
            raise RuntimeError("a bug")
        return Result(wants, self.took.get(key, 0.01))


@pytest.fixture
def systems() -> Systems:
    return Systems()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def pool(systems: Systems, memory: Memory) -> Iterator[Pool]:
    """Four threads, one of them kept from slow systems."""
    made = Pool("test", 4, 1, systems.work, memory)
    yield made
    systems.let(*systems.gates)
    assert made.stop(10)


def ask(pool: Pool, *keys: int) -> list[bool]:
    return [pool.ask(key, f"system {key}") for key in keys]


def test_everything_asked_for_is_done_once(pool: Pool, systems: Systems) -> None:
    assert ask(pool, *range(50)) == [True] * 50
    wait_until(lambda: len(systems.ended) == 50, 10, "the work")
    assert sorted(systems.ended) == list(range(50))


def test_one_id_has_one_turn_at_a_time_and_another_when_asked_meanwhile(
    pool: Pool, systems: Systems
) -> None:
    systems.hold(1)
    ask(pool, 1)
    wait_until(lambda: systems.began == [1], 5, "the turn")
    assert ask(pool, 1, 1, 1) == [False] * 3
    systems.let(1)
    wait_until(lambda: systems.ended == [1, 1], 5, "the other turn")
    assert systems.most_at_once[1] == 1


def test_who_wants_another_turn_goes_to_the_end_of_the_line(
    systems: Systems, memory: Memory
) -> None:
    alone = Pool("alone", 1, 1, systems.work, memory)
    systems.hold(1)
    systems.again[1] = 2
    ask(alone, 1)
    wait_until(lambda: systems.began == [1], 5, "the turn")
    ask(alone, 2, 3)
    systems.let(1)
    wait_until(lambda: len(systems.ended) == 5, 5, "all turns")
    assert systems.ended == [1, 2, 3, 1, 1]
    assert alone.stop(5)


def test_slow_systems_leave_a_thread_to_quick_ones(
    pool: Pool, systems: Systems, memory: Memory
) -> None:
    slow, quick = range(100, 120), range(10)
    memory.update({f"system {key}": 30.0 for key in slow})
    memory.update({f"system {key}": 0.01 for key in quick})
    systems.hold(*slow)
    ask(pool, *slow)
    wait_until(lambda: len(systems.began) == 3, 5, "the slow ones' threads")
    for _ in range(5):
        ask(pool, *quick)
        wait_until(lambda: not set(quick) - set(systems.ended), 5, "the quick ones")
        systems.ended.clear()
    # And among themselves the slow ones take turns.
    systems.let(*slow)
    wait_until(lambda: len(systems.ended) >= 20, 5, "the slow ones")
    assert set(slow) <= set(systems.began)


def test_what_nobody_knows_yet_holds_all_threads_but_one(
    pool: Pool, systems: Systems, memory: Memory
) -> None:
    unknown = range(100, 110)
    memory["system 1"] = 0.01
    systems.hold(*unknown)
    ask(pool, *unknown)
    wait_until(lambda: len(systems.began) == 3, 5, "the unknown ones' threads")
    ask(pool, 1)
    wait_until(lambda: systems.ended == [1], 5, "the quick one")


def test_a_system_that_turns_slow_is_known_as_such_and_forgiven_later(
    pool: Pool, systems: Systems, memory: Memory
) -> None:
    systems.took[1] = 30.0
    ask(pool, 1)
    wait_until(lambda: memory.get("system 1") == 30.0, 5, "the memory")
    # A turn that called nobody says nothing about how quick the system is.
    systems.took[1] = None
    ask(pool, 1)
    wait_until(lambda: systems.ended == [1, 1], 5, "the turn")
    assert memory["system 1"] == 30.0
    systems.took[1] = 0.2
    ask(pool, 1)
    wait_until(lambda: memory["system 1"] == 0.2, 5, "the memory")


def test_a_failing_turn_harms_nothing(pool: Pool, systems: Systems) -> None:
    ask(pool, 666, 1)
    wait_until(lambda: sorted(systems.ended) == [1, 666], 5, "both")
    assert ask(pool, 666) == [True]


def test_stopping_waits_for_turns_but_not_for_ever(systems: Systems, memory: Memory) -> None:
    ending = Pool("ending", 2, 1, systems.work, memory)
    systems.hold(1)
    ask(ending, 1)
    wait_until(lambda: systems.began == [1], 5, "the turn")
    assert not ending.stop(0.05)
    assert ending.is_stopping()
    assert ask(ending, 2) == [False]
    systems.let(1)
    assert ending.stop(5)
    assert systems.began == [1]


def test_idle_threads_end_and_come_back(
    systems: Systems, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.pool.IDLE_SECONDS", 0.01)
    resting = Pool("resting", 3, 1, systems.work, memory)
    for number in range(3):
        ask(resting, number)
        wait_until(lambda: resting._alive == 0, 5, "the end of the threads")
    assert systems.ended == [0, 1, 2]
