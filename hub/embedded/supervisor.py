"""Keeps child processes running: starts, watches, starts again, ends them all."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from hub.embedded import launch
from hub.embedded.console import Console
from hub.embedded.home import log_file, tail
from hub.sdk.errors import HubError

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.3, 5.0
#: A child that lived this long has recovered: its next death is a first one again.
RECOVERED_SECONDS = 30.0
READY_SECONDS = 60.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.1
ENDING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Child:
    """A process to keep running.

    `prepare` runs before each start; `ready` is asked until it is true before the next child is
    started. A child of the `foundation` is ended only after all the others.
    """

    name: str
    command: Sequence[str]
    prepare: Callable[[], None] | None = None
    ready: Callable[[], bool] | None = None
    foundation: bool = False


class NotReadyError(HubError):
    """A process did not come up."""

    code = "not_ready"


class _Running:
    """One child's process and its history of deaths."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.wait = FIRST_WAIT_SECONDS
        self.due_at = 0.0

    @property
    def alive(self) -> bool:
        return self.process is not None

    def has_died(self) -> bool:
        """Whether the process ended, without reaping it: its group's number stays taken."""
        if self.process is None:
            return False
        try:
            return bool(os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))
        except ChildProcessError:
            return True

    def reap(self) -> int:
        """Kill what the dead process left in its group; returns its exit code."""
        assert self.process is not None
        _signal_group(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        self.process = None
        return code


class Supervisor:
    """Runs children in the foreground until told to stop. One `run` per object."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        home: Path,
        environment: Mapping[str, str],
        folder: Path,
        console: Console,
    ) -> None:
        self._children = [_Running(child) for child in children]
        self._home, self._environment, self._folder = home, dict(environment), folder
        self._console = console
        self._stopping, self._exit_code = False, 0
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def run(self, on_ready: Callable[[], None] | None = None) -> int:
        """Start every child in order, keep them all running; returns the exit code.

        `on_ready` is called once in a thread of its own when all are up. Must run in the main
        thread: signals come there, and the kernel ends children with the thread that made them.
        """
        before = {number: signal.signal(number, self._on_signal) for number in ENDING}
        try:
            self._start_all()
            if on_ready is not None and not self._stopping:
                threading.Thread(target=self._beside, args=(on_ready,), daemon=True).start()
            while not self._stopping:
                self._look()
                self._rest(LOOK_SECONDS)
        except NotReadyError as error:
            self._console.line(error.message)
            self._exit_code = 1
        finally:
            self._end_all()
            for number, handler in before.items():
                signal.signal(number, handler)
        return self._exit_code

    def stop(self, code: int = 0) -> None:
        """End everything; `run` returns this code. May be called from any thread."""
        self._exit_code, self._stopping = code, True
        self._wake()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        self._wake()

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b".")
        except BlockingIOError:
            return

    def _rest(self, seconds: float) -> None:
        if select.select([self._wake_read], [], [], seconds)[0]:
            os.read(self._wake_read, 4096)

    def _beside(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._console.line(f"{type(error).__name__}: {error}")
            self.stop(1)

    # Starting and watching.

    def _start_all(self) -> None:
        for running in self._children:
            if self._stopping:
                return
            self._start(running)
            self._await_ready(running)

    def _start(self, running: _Running) -> None:
        child = running.child
        if child.prepare is not None:
            child.prepare()
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
        path = log_file(self._home, child.name)
        with path.open("ab") as log:
            running.process = subprocess.Popen(  # noqa: S603  # our own commands, no shell
                [*launcher, *child.command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._console.verbose else log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._folder,
                start_new_session=True,
            )
        running.started_at = time.monotonic()
        if self._console.verbose:
            threading.Thread(
                target=_copy, args=(running.process, path, child.name, self._console), daemon=True
            ).start()

    def _await_ready(self, running: _Running) -> None:
        child = running.child
        if child.ready is None:
            return
        until = time.monotonic() + READY_SECONDS
        while not self._stopping and not child.ready():
            if running.has_died() or time.monotonic() > until:
                path = log_file(self._home, child.name)
                raise NotReadyError(
                    self._console.choose(
                        f"«{child.name}» не запустился, журнал {path}:",
                        f"«{child.name}» did not start, its log {path}:",
                    )
                    + f"\n{tail(path)}"
                )
            self._rest(0.05)

    def _look(self) -> None:
        now = time.monotonic()
        for running in self._children:
            if running.has_died():
                self._bury(running, now)
            elif not running.alive and now >= running.due_at:
                try:
                    self._start(running)
                except (HubError, OSError) as error:
                    self._console.line(f"{running.child.name}: {error}")
                    self._postpone(running, now)

    def _bury(self, running: _Running, now: float) -> None:
        code = running.reap()
        if now - running.started_at >= RECOVERED_SECONDS:
            running.wait = FIRST_WAIT_SECONDS
        self._console.say(
            f"«{running.child.name}» остановился (код {code}), запускаю снова через "
            f"{running.wait:.1f} с; журнал: {self._home / 'log' / running.child.name}.log",
            f"«{running.child.name}» stopped (code {code}), starting it again in "
            f"{running.wait:.1f} s; log: {self._home / 'log' / running.child.name}.log",
        )
        self._postpone(running, now)

    @staticmethod
    def _postpone(running: _Running, now: float) -> None:
        running.due_at = now + running.wait
        running.wait = min(running.wait * 2, LONGEST_WAIT_SECONDS)

    # Ending.

    def _end_all(self) -> None:
        self._stopping = True
        self._end([running for running in self._children if not running.child.foundation])
        self._end([running for running in self._children if running.child.foundation])

    def _end(self, group: list[_Running]) -> None:
        for running in reversed(group):
            if running.process is not None and not running.has_died():
                running.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        while time.monotonic() < until and any(
            running.alive and not running.has_died() for running in group
        ):
            self._rest(0.02)
        for running in group:
            if running.alive:
                running.reap()


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return  # PermissionError: macOS says so of a group whose last process is a zombie


def _copy(process: subprocess.Popen[bytes], path: Path, name: str, console: Console) -> None:
    """Write a child's output to its log and, with its name, to the console."""
    assert process.stdout is not None
    with process.stdout, path.open("ab") as log:
        for line in process.stdout:
            log.write(line)
            log.flush()
            console.line(f"{name:<16} {line.decode('utf-8', 'replace').rstrip()}")
