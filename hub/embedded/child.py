"""One child of the supervisor: what it is, and the process that runs now."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.embedded import spawn
from hub.embedded.console import Console
from hub.embedded.home import log_file

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 5.0
#: A child that lived this long has recovered: its next death is a first one again.
RECOVERED_SECONDS = 1.5


@dataclass(frozen=True)
class Child:
    """A process to keep running.

    `prepare` runs before each start, `farewell` before it is ended for good. The next child is
    started when it is ready: when `ready` says so or, where it `announces` itself, when it has
    written to the file handed over as HUB_READY_FD. It finds `listener` as HUB_LISTEN_FD. A child
    of the `foundation` is ended only after all the others, and never replaced.
    """

    name: str
    command: Sequence[str]
    prepare: Callable[[], None] | None = None
    ready: Callable[[], bool] | None = None
    foundation: bool = False
    announces: bool = False
    listener: socket.socket | None = None
    farewell: Callable[[], None] | None = None


class Running:
    """One child's process and its history of deaths."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: spawn.Process | None = None
        self.heard: int | None = None
        self.started_at = 0.0
        self.wait = FIRST_WAIT_SECONDS
        self.due_at = 0.0

    def start(self, home: Path, console: Console, starter: spawn.Starter) -> None:
        """Start the process. OSError or HubError when that cannot be done."""
        child = self.child
        if child.prepare is not None:
            child.prepare()
        handed, opened, reader = {}, [], -1
        if child.listener is not None:
            handed["HUB_LISTEN_FD"] = child.listener.fileno()
        if child.announces:
            self.heard, handed["HUB_READY_FD"] = os.pipe()
            opened.append(handed["HUB_READY_FD"])
        path = log_file(home, child.name)
        if console.verbose:
            reader, output = os.pipe()
            copying = (reader, path, child.name, console)
            threading.Thread(target=_copy, args=copying, daemon=True).start()
        else:
            output = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        opened.append(output)
        try:
            self.process = starter.start(child.command, output, handed)
        finally:
            for number in opened:
                os.close(number)
        self.started_at = time.monotonic()

    @property
    def alive(self) -> bool:
        """Whether there is a process, or one that has not been reaped yet."""
        return self.process is not None

    def has_died(self) -> bool:
        """Whether its process ended and waits to be reaped."""
        return self.process is not None and self.process.has_died()

    def reap(self) -> int:
        """Kill what the process left in its group; returns its exit code."""
        assert self.process is not None
        code = self.process.reap()
        self.process = None
        self.hush()
        return code

    def is_ready(self) -> bool:
        """Whether the next child may be started."""
        if self.heard is None:
            return self.child.ready is None or self.child.ready()
        return bool(select.select([self.heard], [], [], 0)[0]) and os.read(self.heard, 1) != b""

    def postpone(self, now: float) -> None:
        """Set when it is started again; a child that keeps dying waits longer each time."""
        if self.started_at and now - self.started_at >= RECOVERED_SECONDS:
            self.wait = FIRST_WAIT_SECONDS
        self.due_at = now + self.wait
        self.wait = min(self.wait * 2, LONGEST_WAIT_SECONDS)

    def hush(self) -> None:
        """Listen no longer for its announcement."""
        if self.heard is not None:
            os.close(self.heard)
        self.heard = None


def _copy(reader: int, path: Path, name: str, console: Console) -> None:
    """Write a child's output to its log and, with its name, to the console."""
    with os.fdopen(reader, "rb") as lines, path.open("ab") as log:
        for line in lines:
            log.write(line)
            log.flush()
            console.line(f"{name:<16} {line.decode('utf-8', 'replace').rstrip()}")
