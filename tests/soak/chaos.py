"""The chaos driver: carries out a plan of faults, then puts everything right again."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import cycle

from tests.soak.plan import Fault
from tests.soak.senders import Senders
from tests.soak.world import LEASES, World

#: A worker that is paused wakes up when its lease has run out and another may hold it.
SLEEP_SECONDS = max(LEASES.values()) + 1.5
ILL_SECONDS = 10.0
FULL_SECONDS = 2.5
AWAY_SECONDS = 1.5
#: How far the clock goes off, in seconds: further than any lease, less than senders' windows.
JUMPS = (-60, -20, 20, 60)
JUMPED_SECONDS = 4.0
VICTIM_SECONDS = 4.0
ANSWER_SECONDS = 60.0
#: Who is killed instead of somebody who is not alive.
SUBSTITUTES = ("worker live", "web worker", "worker deliver", "worker bulk")
PAUSED = ("worker live", "worker deliver", "worker bulk", "worker live", "web worker")


class Chaos:
    """Breaks a world by a plan. `counts` says how often what was done, `skipped` what was not."""

    def __init__(self, world: World, senders: Senders, faults: Sequence[Fault]) -> None:
        self._world, self._senders, self._faults = world, senders, faults
        self.counts: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.skipped: dict[str, str] = {}
        self.refused_while_full = 0
        #: Called while the disk is full: somebody must then have something to say.
        self.on_full: Callable[[], object] = lambda: None
        self._later: list[tuple[float, Callable[[], object]]] = []

    def run(self, until: float, on_kill: Callable[[int], None]) -> None:
        """Carry out the plan, at most until this moment (monotonic); then all is well again."""
        try:
            for fault in self._faults:
                if time.monotonic() >= until:
                    break
                self._pass(fault.gap)
                if fault.is_kill:
                    self._kill(fault)
                    on_kill(sum(self.kills.values()))
                else:
                    self._other(fault)
        finally:
            self._put_right()

    def _pass(self, seconds: float) -> None:
        """Let time go by, doing what falls due in it."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            self._do_due(now)
            self._world.ensure_up()
            time.sleep(min(0.1, until - now))

    def _do_due(self, now: float) -> None:
        due = [act for at, act in self._later if at <= now]
        self._later = [(at, act) for at, act in self._later if at > now]
        for act in due:
            act()

    def _after(self, seconds: float, act: Callable[[], object]) -> None:
        self._later.append((time.monotonic() + seconds, act))

    def _kill(self, fault: Fault) -> None:
        """kill -9 of one process of the kind; of another kind when none is alive for a while."""
        until = time.monotonic() + VICTIM_SECONDS
        kind, substitutes = fault.kind, cycle(SUBSTITUTES)
        while not (pids := self._world.pids(kind)):
            self._pass(0.1)
            if time.monotonic() > until:
                kind = next(substitutes)
        if self._world.signal(pids[int(fault.luck * len(pids))], signal.SIGKILL):
            self.kills[kind] += 1
        if kind == "postmaster" and self._world.cluster:
            self._world.cluster.stop(signal.SIGKILL)
            self._after(AWAY_SECONDS, self._world.cluster.ensure_up)

    def _other(self, fault: Fault) -> None:
        acts = {
            "redis flushed": self._world.flush_redis,
            "redis restarted": self._world.end_redis,
            "paused past its lease": lambda: self._pause(fault.luck),
            "vendors ill": lambda: self._ail(fault.luck),
            "clock jumped": lambda: self._jump(fault.luck),
            "disk full": self._fill,
            "postgresql stopped": self._stop_postgres,
        }
        if acts[fault.kind]() is not False:
            self.counts[fault.kind] += 1

    def _pause(self, luck: float) -> bool:
        kind = PAUSED[int(luck * len(PAUSED))]
        pids = self._world.pids(kind)
        if not pids or not self._world.signal(pids[0], signal.SIGSTOP):
            return False
        self._after(SLEEP_SECONDS, lambda: self._world.signal(pids[0], signal.SIGCONT))
        return True

    def _ail(self, luck: float) -> None:
        self._world.vendors.ail(random.Random(luck))  # noqa: S311  # luck, not a secret
        self._after(ILL_SECONDS, self._world.vendors.heal)

    def _jump(self, luck: float) -> None:
        self._world.clock.jump(JUMPS[int(luck * len(JUMPS))])
        self._after(JUMPED_SECONDS, lambda: self._world.clock.jump(0))

    def _fill(self) -> bool:
        if self._world.disk.why_not:
            self.skipped["disk full"] = f"no permission: {self._world.disk.why_not}"
            return False
        # What is due is done meanwhile: on SQLite one paused in the middle of a write holds up
        # everybody, and it is we who wake that one.
        until = time.monotonic() + ANSWER_SECONDS
        while not self._world.answers() and time.monotonic() < until:
            self._pass(0.2)
        before = self._senders.answers["503"]
        self._world.disk.fill()
        self.on_full()
        self._pass(FULL_SECONDS)
        self._world.disk.free()
        self.refused_while_full += self._senders.answers["503"] - before
        if self._world.cluster:
            # A full disk ends PostgreSQL; whoever keeps it starts it again.
            self._world.cluster.ensure_up()
        return True

    def _stop_postgres(self) -> None:
        assert self._world.cluster is not None
        self._world.cluster.stop()
        self._after(AWAY_SECONDS, self._world.cluster.ensure_up)

    def _put_right(self) -> None:
        for _, act in self._later:
            act()
        self._later = []
        self._world.disk.free()
        self._world.clock.jump(0)
        self._world.vendors.heal()
        if self._world.cluster:
            self._world.cluster.ensure_up()
        self._world.ensure_up()
