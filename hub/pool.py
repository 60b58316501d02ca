"""Threads of one worker process, shared so that slow systems leave quick ones alone.

A job is a doorbell: it hands an id to the pool and ends. The pool runs each id in short turns, in
the order they were asked for. What took long the last time may hold only a part of the threads,
what nobody knows yet may hold all but one; so a thread is always near for what is quick.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

#: A call that takes longer makes its system a slow one until a quicker turn.
QUICK_SECONDS = 1.0
#: A thread without work ends after this many seconds.
IDLE_SECONDS = 20.0
QUICK, UNKNOWN, SLOW = "quick", "unknown", "slow"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """How a turn ended: whether the id wants another one, and how long its slowest call took
    (None when nothing was called)."""

    again: bool = False
    slowest_seconds: float | None = None


class Paces(Protocol):
    """How long each system's slowest call took the last time; outlives the process."""

    def get(self, name: str) -> float | None:
        """Seconds, or None when nobody knows."""

    def set(self, name: str, seconds: float) -> None:
        """Remember it."""


Work = Callable[[int], Result]


class Pool:
    """Runs `work(id)` in at most `threads` threads, one at a time per id.

    `reserve` threads are kept from slow systems, one from unknown ones (of a pool of one: none).
    """

    def __init__(self, name: str, threads: int, reserve: int, work: Work, paces: Paces) -> None:
        self._name, self._threads, self._work, self._paces = name, threads, work, paces
        self._room = {
            QUICK: threads,
            UNKNOWN: max(1, threads - 1),
            SLOW: max(1, threads - reserve),
        }
        self._changed = threading.Condition()
        #: Waiting ids in order, with the name of the system each works for.
        self._waiting: OrderedDict[int, str] = OrderedDict()
        self._running: dict[int, tuple[str, str]] = {}
        self._again: set[int] = set()
        #: Seconds of each system's slowest call, as far as this process knows.
        self._known: dict[str, float | None] = {}
        self._alive = 0
        self._stopping = False

    def ask(self, key: int, system: str) -> bool:
        """Ask for a turn of this id; False when it waits for one or has one already.

        An id that has one gets another at its end: what it was asked for may be newer.
        """
        if system not in self._known:
            self._known[system] = self._paces.get(system)
        with self._changed:
            if self._stopping or key in self._waiting:
                return False
            if key in self._running:
                self._again.add(key)
                return False
            self._waiting[key] = system
            self._changed.notify()
            if self._alive - len(self._running) < len(self._waiting):
                self._grow()
            return True

    def is_stopping(self) -> bool:
        """Whether turns should end after the call they are in."""
        return self._stopping

    def stop(self, seconds: float) -> bool:
        """Start no more turns and wait for those under way; False when some did not end in time.

        What they hold is taken over when the process is gone: the rows are the truth.
        """
        until = time.monotonic() + seconds
        with self._changed:
            self._stopping = True
            self._waiting.clear()
            self._changed.notify_all()
            while self._running and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            return not self._running

    def _grow(self) -> None:
        if self._alive < self._threads:
            self._alive += 1
            name = f"{self._name}-{self._alive}"
            threading.Thread(target=self._run, daemon=True, name=name).start()

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            key, system = taken
            result = Result()
            try:
                result = self._work(key)
            except Exception:
                # The row stays due: the sweep rings for it again.
                log.exception("a turn of %s failed", self._name)
            if result.slowest_seconds is not None:
                self._known[system] = result.slowest_seconds
                self._paces.set(system, result.slowest_seconds)
            with self._changed:
                del self._running[key]
                if (result.again or key in self._again) and not self._stopping:
                    self._waiting[key] = system
                self._again.discard(key)
                if self._stopping:
                    self._changed.notify_all()

    def _take(self) -> tuple[int, str] | None:
        with self._changed:
            until = time.monotonic() + IDLE_SECONDS
            while True:
                found = self._admissible()
                if found is not None:
                    return found
                left = until - time.monotonic()
                if self._stopping or left <= 0:
                    self._alive -= 1
                    return None
                self._changed.wait(left)

    def _admissible(self) -> tuple[int, str] | None:
        """The first waiting id whose kind has room; taken."""
        unproven = [kind for _, kind in self._running.values() if kind != QUICK]
        for key, system in self._waiting.items():
            kind = self._kind(system)
            held = unproven.count(SLOW) if kind == SLOW else len(unproven)
            if kind == QUICK or (held < self._room[kind] and len(unproven) < self._room[UNKNOWN]):
                del self._waiting[key]
                self._running[key] = (system, kind)
                return key, system
        return None

    def _kind(self, system: str) -> str:
        seconds = self._known.get(system)
        if seconds is None:
            return UNKNOWN
        return SLOW if seconds > QUICK_SECONDS else QUICK
