"""Keeps child processes running: starts, watches, starts again, replaces, ends them all."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from hub.embedded import spawn
from hub.embedded.child import LONGEST_WAIT_SECONDS, Child, Running
from hub.embedded.console import Console
from hub.embedded.home import log_file, tail
from hub.sdk.errors import HubError

READY_SECONDS = 60.0
STOP_SECONDS = 10.0
#: How long a replaced child may finish what it has begun.
LEAVE_SECONDS = 60.0
#: A death wakes the supervisor; this look is for nothing else.
LOOK_SECONDS = 30.0
ENDING = (signal.SIGINT, signal.SIGTERM)
RELOAD = signal.SIGUSR1


class NotReadyError(HubError):
    """A process did not come up."""

    code = "not_ready"


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
        fork_server: spawn.ForkServer | None = None,
    ) -> None:
        self._children = [Running(child) for child in children]
        self._coming: list[Running] = []
        self._leaving: list[tuple[Running, float]] = []
        self._home, self._console = home, console
        self._starter = spawn.Starter(environment, folder, fork_server)
        self._fork_server = fork_server
        self._fork_server_due = 0.0
        self._stopping, self._reloading, self._exit_code = False, False, 0
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def run(self, on_ready: Callable[[], None] | None = None) -> int:
        """Start every child in order, keep them all running; returns the exit code.

        `on_ready` is called once in a thread of its own when all are up. Must run in the main
        thread: signals come there, and the kernel ends children with the thread that made them.
        """
        numbers = (*ENDING, RELOAD, signal.SIGHUP, signal.SIGCHLD)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            self._start_all()
            if on_ready is not None and not self._stopping:
                threading.Thread(target=self._beside, args=(on_ready,), daemon=True).start()
            while not self._stopping:
                if self._reloading:
                    self._reload()
                self._look()
                self._rest(self._until_next_look())
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
        # A terminal that is closed hangs up; elsewhere a hang-up is the usual word for «reload».
        if number == RELOAD or (number == signal.SIGHUP and not os.isatty(0)):
            self._reloading = True
        elif number != signal.SIGCHLD:
            self._stopping = True
        self._wake()

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b".")
        except BlockingIOError:
            return

    def _rest(self, seconds: float, heard: int | None = None) -> None:
        files = [self._wake_read] if heard is None else [self._wake_read, heard]
        if self._wake_read in select.select(files, [], [], seconds)[0]:
            os.read(self._wake_read, 4096)

    def _until_next_look(self) -> float:
        if self._fork_server is not None and self._fork_server.is_loading():
            return 0.05
        due = [running.due_at for running in self._children if not running.alive]
        due += [until for _, until in self._leaving]
        return max(0.0, min([*due, time.monotonic() + LOOK_SECONDS]) - time.monotonic())

    def _beside(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._console.line(f"{type(error).__name__}: {error}")
            self.stop(1)

    # Starting and watching.

    def _start_all(self) -> None:
        if self._fork_server is not None:
            self._fork_server.await_loaded()
        for running in self._children:
            if self._stopping:
                return
            self._start(running)
            self._await_ready(running)

    def _start(self, running: Running) -> None:
        running.start(self._home, self._console, self._starter)

    def _await_ready(self, running: Running) -> None:
        child = running.child
        until = time.monotonic() + READY_SECONDS
        while not self._stopping and not running.is_ready():
            if running.has_died() or time.monotonic() > until:
                path = log_file(self._home, child.name)
                raise NotReadyError(
                    self._console.choose(
                        f"«{child.name}» не запустился, журнал {path}:",
                        f"«{child.name}» did not start, its log {path}:",
                    )
                    + f"\n{tail(path)}"
                )
            self._rest(0.02, running.heard)
            if self._reloading:
                self._look()
        running.hush()

    def _look(self) -> None:
        now = time.monotonic()
        for running in self._children:
            if running.has_died():
                self._bury(running, now)
            elif not running.alive and now >= running.due_at and not self._may_fork_soon():
                try:
                    self._start(running)
                    running.hush()
                except (HubError, OSError) as error:
                    self._console.line(f"{running.child.name}: {error}")
                    running.postpone(now)
        for leaving in list(self._leaving):
            if leaving[0].has_died() or now > leaving[1]:
                leaving[0].reap()
                self._leaving.remove(leaving)
        self._tend_fork_server(now)

    def _may_fork_soon(self) -> bool:
        return self._fork_server is not None and self._fork_server.is_loading()

    def _tend_fork_server(self, now: float) -> None:
        if self._fork_server is None:
            return
        if self._fork_server.has_died() and now >= self._fork_server_due:
            self._fork_server_due = now + LONGEST_WAIT_SECONDS
            self._fork_server.renew()
        # What a killed child leaves behind becomes ours to bury.
        known = {running.process.pid for running in self._known() if running.process is not None}
        if self._fork_server.process is not None:
            known.add(self._fork_server.process.pid)
        spawn.bury_strangers(known)

    def _known(self) -> list[Running]:
        return [*self._children, *self._coming, *(running for running, _ in self._leaving)]

    def _bury(self, running: Running, now: float) -> None:
        code = running.reap()
        running.postpone(now)
        self._console.say(
            f"«{running.child.name}» остановился (код {code}), запускаю снова через "
            f"{running.due_at - now:.1f} с; журнал: {self._home / 'log' / running.child.name}.log",
            f"«{running.child.name}» stopped (code {code}), starting it again in "
            f"{running.due_at - now:.1f} s; log: {self._home / 'log' / running.child.name}.log",
        )

    # Replacing.

    def _reload(self) -> None:
        """Replace every child but the foundation, one by one: the new one comes first."""
        if self._fork_server is not None:
            self._fork_server.renew()
            while self._fork_server.is_loading() and not self._stopping:
                self._look()
                self._rest(0.05)
        try:
            for place, old in enumerate(self._children):
                if not old.child.foundation and not self._stopping:
                    self._children[place] = self._replace(old)
            self._console.say("Процессы заменены", "The processes have been replaced")
        except (HubError, OSError) as error:
            self._console.line(str(error))
        self._reloading = False

    def _replace(self, old: Running) -> Running:
        """The child's new process, ready; the old one is told to finish. Stays when that fails."""
        new = Running(old.child)
        self._coming.append(new)
        try:
            self._start(new)
            self._await_ready(new)
        except (HubError, OSError):
            if new.alive:
                new.reap()
            raise
        finally:
            self._coming.remove(new)
        if old.process is not None:
            old.process.signal(signal.SIGTERM)
            self._leaving.append((old, time.monotonic() + LEAVE_SECONDS))
        return new

    # Ending.

    def _end_all(self) -> None:
        self._stopping = True
        for running in self._children:
            if running.alive and running.child.farewell is not None:
                running.child.farewell()
        self._end([running for running in self._known() if not running.child.foundation])
        self._end([running for running in self._children if running.child.foundation])
        if self._fork_server is not None:
            self._fork_server.end()

    def _end(self, group: list[Running]) -> None:
        for running in reversed(group):
            if running.process is not None:
                running.process.signal(signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        while time.monotonic() < until and any(
            running.alive and not running.has_died() for running in group
        ):
            self._rest(0.02)
        for running in group:
            if running.alive:
                running.reap()
