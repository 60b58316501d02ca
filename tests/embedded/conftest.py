"""A console that remembers, free ports, and the real `hub` command as a process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from hub.embedded.console import Console
from tests.support.waiting import wait_until

#: Variables of the machine that runs the tests which would change what a hub does.
FOREIGN = ("DATABASE_URL", "REDIS_URL", "HUB_SECRET_KEY", "HUB_LANGUAGE", "HUB_HOST", "DEMO_ONCE")
START_SECONDS = 60.0


class Heard(Console):
    """A console whose lines a test reads."""

    def __init__(self, language: str = "en", *, verbose: bool = False) -> None:
        super().__init__(language, verbose=verbose)
        self.lines: list[str] = []
        self._mutex = threading.Lock()

    def line(self, text: str = "") -> None:
        with self._mutex:
            self.lines.append(text)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def console() -> Heard:
    return Heard()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class HubProcess:
    """`hub <command>` in a HUB_HOME, its output in a file."""

    def __init__(self, home: Path, *arguments: str, port: int | None = None) -> None:
        self.home, self.port = home, port or free_port()
        home.mkdir(parents=True, exist_ok=True)
        self._log = home.parent / f"{home.name}-{self.port}-{len(list(home.parent.iterdir()))}.out"
        environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        environment |= {"HUB_HOME": str(home), "HUB_PORT": str(self.port), "HUB_LANGUAGE": "en"}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hub.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def await_up(self) -> HubProcess:
        """Wait until it says that it is up; fails with its output when it ended instead."""

        def up() -> bool:
            assert self.process.poll() is None, self.output
            return "The hub is up" in self.output

        wait_until(up, START_SECONDS, "the start")
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def children(self) -> dict[int, str]:
        """The processes it started, by pid, with their command lines."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != self.process.pid:
                try:
                    environment = (folder / "environ").read_bytes().split(b"\0")
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    # Redis writes its title over its environment.
                    if f"HUB_HOME={self.home}".encode() in environment or str(self.home) in words:
                        found[int(folder.name)] = words
                except OSError:
                    continue
        return {pid: words for pid, words in found.items() if words}

    def pids(self, words: str) -> list[int]:
        """The processes whose command lines hold these words, the first started first."""
        return sorted(pid for pid, line in self.children().items() if words in line)

    def answers(self) -> bool:
        """Whether the site answers that it is ready."""
        try:
            state = requests.get(f"{self.url}/readyz", timeout=5).json()
        except (requests.RequestException, ValueError):
            return False
        return bool(state["status"] == "ready")

    def cleanup(self) -> None:
        """End it whatever state it is in."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
