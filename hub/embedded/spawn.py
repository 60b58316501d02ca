"""Starts the hub's programs: forked where the fork server runs, executed everywhere else."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hub import settings as hub_settings
from hub.embedded import forkserver, launch

#: A fork takes a millisecond; a fork server that says nothing for so long is stopped or stuck.
FORK_SECONDS = 3.0
LOADING_SECONDS = 30.0


class Process:
    """A started process, whichever way: its number is its group's number too."""

    def __init__(self, pid: int, popen: subprocess.Popen[bytes] | None = None) -> None:
        self.pid, self._popen = pid, popen

    def has_died(self) -> bool:
        """Whether it ended, without reaping it: its group's number stays taken."""
        try:
            return bool(os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))
        except ChildProcessError:
            return True

    def signal(self, number: int) -> None:
        """Send a signal; one that is gone already hears nothing."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def reap(self) -> int:
        """Kill what is left of its group, wait for it; returns its exit code."""
        # PermissionError: macOS says so of a group whose last process is a zombie.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if self._popen is not None:
            return self._popen.wait()
        try:
            return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        except ChildProcessError:
            return -signal.SIGKILL


class ForkServer:
    """The supervisor's end of the fork server."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment, self._folder = dict(environment), folder
        self._channel: socket.socket | None = None
        self._ready, self._since = False, 0.0
        self.process: Process | None = None

    def grow(self, ours_alone: Sequence[int] = ()) -> None:
        """Import for all, and fork it from this process: what is imported here is shared. It closes
        the open files that are `ours_alone`; nothing else may be open yet.

        Where it has further threads, whose locks a fork would leave taken, one is executed.
        """
        if threading.active_count() > 1:
            self.renew()
            return
        launch.adopt_orphans()
        forkserver.prepare_names()
        # Before the imports: some libraries read it then and never again.
        hub_settings.set_environment(self._environment)
        forkserver.preload()
        ours, theirs = self._pair()
        supervisor = os.getpid()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        pid = os.fork()
        if pid == 0:
            try:
                for number in (ours.detach(), *ours_alone):
                    os.close(number)
                os.setsid()
                os.chdir(self._folder)
                forkserver.serve(theirs, supervisor)
            finally:
                os._exit(0)
        self._take(Process(pid), ours, theirs)

    def renew(self) -> None:
        """Start one anew, with the code that is on the disk now; the present one ends."""
        self.end()
        launch.adopt_orphans()
        ours, theirs = self._pair()
        module = ("-m", forkserver.__name__, str(theirs.fileno()), str(os.getpid()))
        popen = subprocess.Popen(  # noqa: S603  # our own module
            [sys.executable, *module],
            stdin=subprocess.DEVNULL,
            env=self._environment,
            cwd=self._folder,
            start_new_session=True,
            pass_fds=(theirs.fileno(),),
        )
        self._take(Process(popen.pid, popen), ours, theirs)

    @staticmethod
    def _pair() -> tuple[socket.socket, socket.socket]:
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def _take(self, process: Process, ours: socket.socket, theirs: socket.socket) -> None:
        theirs.close()
        self.process, self._channel = process, ours
        self._ready, self._since = False, time.monotonic()

    def is_loading(self) -> bool:
        """Whether it will soon be able to fork: asking now would mean to wait for its imports."""
        return self._load(0)

    def _load(self, seconds: float) -> bool:
        """Look at most so long for the word that it has loaded; whether it is still loading."""
        if self._channel is None or self._ready:
            return False
        if select.select([self._channel], [], [], seconds)[0]:
            self._ready = self._hear() is not None
            return False
        if time.monotonic() - self._since > LOADING_SECONDS:
            self.end()
            return False
        return True

    def await_loaded(self) -> None:
        """Wait until it can fork or is gone."""
        while self._load(1.0):
            continue

    def fork(
        self, command: Sequence[str], output: int, handed: Mapping[str, int]
    ) -> Process | None:
        """Fork the program; None when it has to be started another way."""
        if self._channel is None or self.is_loading() or not forkserver.can_fork(command):
            return None
        word, say = os.pipe()
        try:
            request = json.dumps({"command": list(command), "names": list(handed)}).encode()
            socket.send_fds(self._channel, [request], [output, word, *handed.values()])
            answer = self._hear() if select.select([self._channel], [], [], FORK_SECONDS)[0] else {}
            pid = int((answer or {}).get("pid", 0))
            if pid:
                os.write(say, b".")
                return Process(pid)
        except OSError:
            pass
        finally:
            # Without our word, one that comes late ends by itself.
            os.close(word)
            os.close(say)
        self.end()
        return None

    def _hear(self) -> dict[str, int] | None:
        """Its next message; None, and it is ended, when it is gone."""
        assert self._channel is not None
        try:
            text = self._channel.recv(4096)
        except OSError:
            text = b""
        if text:
            message: dict[str, int] = json.loads(text)
            return message
        self.end()
        return None

    def has_died(self) -> bool:
        """Whether it has to be started anew."""
        return self.process is None or self.process.has_died()

    def end(self) -> None:
        """Let it go. Those it has forked stay."""
        if self._channel is not None:
            self._channel.close()
        if self.process is not None:
            self.process.reap()
        self._channel, self.process, self._ready = None, None, False


def bury_strangers(known: Collection[int]) -> None:
    """Reap dead children that nobody here started: the kernel made us their parent.

    For a process that adopts orphans and whose own children are all `known`.
    """
    with suppress(ChildProcessError):
        while dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if dead.si_pid in known:
                return
            os.waitpid(dead.si_pid, 0)


class Starter:
    """Starts programs with one environment, in one folder."""

    def __init__(
        self, environment: Mapping[str, str], folder: Path, fork_server: ForkServer | None = None
    ) -> None:
        self._environment, self._folder = dict(environment), folder
        self._fork_server = fork_server

    def start(self, command: Sequence[str], output: int, handed: Mapping[str, int]) -> Process:
        """Start a program in a session of its own; the kernel ends it with this process.

        What it prints goes to the open file `output`; `handed` are open files whose numbers it
        finds in its environment under these names. OSError when it cannot be started.
        """
        if self._fork_server is not None:
            forked = self._fork_server.fork(command, output, handed)
            if forked is not None:
                return forked
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
        names = {name: str(number) for name, number in handed.items()}
        popen = subprocess.Popen(  # noqa: S603  # our own commands, no shell
            [*launcher, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**self._environment, **names},
            cwd=self._folder,
            start_new_session=True,
            pass_fds=tuple(handed.values()),
        )
        return Process(popen.pid, popen)
