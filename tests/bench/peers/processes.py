"""A peer's processes: started together, killed together with all they started, weighed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.peers.place import ROOT, Command, Place, Unavailable, environment


@dataclass(frozen=True)
class _Known:
    parent: int
    session: int


def _table() -> dict[int, _Known]:
    """Every living process of this machine."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            fields = folder.joinpath("stat").read_text().rpartition(")")[2].split()
            if fields[0] not in "ZX":
                found[int(folder.name)] = _Known(int(fields[1]), int(fields[3]))
    return found


class Running:
    """The processes of one peer at one place."""

    def __init__(self, commands: Sequence[Command], place: Place) -> None:
        self._commands, self._place = commands, place
        self._started: list[subprocess.Popen[bytes]] = []
        #: Sessions seen below ours: who is orphaned still belongs to one of them.
        self._sessions: set[int] = set()

    def start(self) -> None:
        """Start every process; their words go to logs in the place's folder."""
        self._started, self._sessions = [], set()
        for number, command in enumerate(self._commands):
            with (self._place.folder / f"process-{number}.log").open("ab") as log:
                process = subprocess.Popen(
                    list(command.arguments),
                    cwd=ROOT,
                    env=environment(self._place, command.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self._started.append(process)
            self._sessions.add(process.pid)

    def tree(self) -> set[int]:
        """Every living process that is ours: started by ours, or of a session of ours."""
        table = _table()
        mine = {process.pid for process in self._started} & table.keys()
        while True:
            self._sessions |= {table[pid].session for pid in mine}
            grown = {
                pid
                for pid, known in table.items()
                if pid not in mine and (known.parent in mine or known.session in self._sessions)
            }
            if not grown:
                return mine
            mine |= grown

    def kill(self) -> None:
        """kill -9 of all of them; returns when none is left."""
        until = time.monotonic() + 10
        while (pids := self.tree()) and time.monotonic() < until:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)
        for process in self._started:
            process.wait(timeout=10)

    def await_port(self, seconds: float) -> None:
        """Wait until somebody listens; Unavailable with the last words when nobody does."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if any(process.poll() is not None for process in self._started):
                break
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._place.port), 1):
                return
            time.sleep(0.02)
        raise Unavailable(f"does not start: {self.words()}")

    def words(self) -> str:
        """The ends of the logs."""
        logs = sorted(self._place.folder.glob("process-*.log"))
        return " | ".join(path.read_text("utf-8", "replace")[-400:] for path in logs)

    def pss_mb(self) -> float:
        """The memory that is theirs: proportional set size of all processes, MB."""
        total = 0
        for pid in self.tree():
            with suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        return total / 1024


def busy_percent(seconds: float = 1.0) -> float:
    """How much of the machine's processors is taken right now, before we ask for any."""

    def read() -> tuple[int, int]:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
        times = [int(field) for field in first.split()[1:9]]
        return sum(times), times[3] + times[4]  # idle, and idle while a disk works

    all_before, idle_before = read()
    time.sleep(seconds)
    all_after, idle_after = read()
    passed = max(all_after - all_before, 1)
    return 100 * (1 - (idle_after - idle_before) / passed)
