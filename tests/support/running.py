"""A whole hub as real processes, for tests that kill them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests
from redis import Redis
from redis.exceptions import RedisError

from hub.sdk.request import RawRequest
from tests.support.servers import redis_binary
from tests.support.waiting import wait_until

START_SECONDS = 60
FOREIGN = ("DATABASE_URL", "REDIS_URL", "HUB_SECRET_KEY", "HUB_LANGUAGE", "HUB_HOST")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes() -> dict[int, tuple[int, str]]:
    """Every process of this machine: its parent and its command line."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            command = folder.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        found[int(folder.name)] = (parent, command)
    return found


class RunningHub:
    """`hub up` in a HUB_HOME of its own."""

    def __init__(
        self,
        home: Path,
        *,
        within: Sequence[str] = (),
        host: str = "127.0.0.1",
        port: int | None = None,
        **environment: str,
    ) -> None:
        self.home, self.port = home, port or free_port()
        self.url = f"http://{host}:{self.port}"
        home.mkdir(parents=True, exist_ok=True)
        self._log = home / "up.log"
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*within, sys.executable, "-m", "hub.cli", "up"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={
                    **kept,
                    "HUB_HOME": str(home),
                    "HUB_PORT": str(self.port),
                    "HUB_HOST": host,
                    "HUB_LOG_LEVEL": "INFO",
                    **environment,
                },
                start_new_session=True,
            )

    def await_up(self) -> None:
        """Wait until the site answers and the workers and the scheduler run."""
        wait_until(self._is_up, START_SECONDS, f"the start of the hub ({self.output})")

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.output
        try:
            ready = requests.get(f"{self.url}/readyz", timeout=2)
        except requests.RequestException:
            return False
        return ready.status_code == 200 and all(
            self.pids(name) for name in ("worker live", "scheduler")
        )

    def answers(self) -> bool:
        """Whether the site says that it is ready."""
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    @property
    def output(self) -> str:
        """What `hub up` printed, and the ends of the processes' logs."""
        logs = [self._log, *sorted(self.home.glob("log/*"))]
        return "\n".join(f"== {path.name}\n{path.read_text()[-1500:]}" for path in logs)

    def pids(self, kind: str) -> list[int]:
        """The hub's processes of a kind: web worker | web | worker live | scheduler | redis."""
        table = processes()
        mine: set[int] = {self.process.pid}
        while grown := {pid for pid, (parent, _) in table.items() if parent in mine} - mine:
            mine |= grown
        found = []
        for pid in sorted(mine - {self.process.pid}):
            parent, command = table[pid]
            is_web = "gunicorn" in command
            of_web = is_web and "gunicorn" in table.get(parent, (0, ""))[1]
            kinds = {
                "web": is_web and not of_web,
                "web worker": of_web,
                "redis": any(name in command for name in ("redis-server", "valkey-server")),
            }
            if kinds.get(kind, command.rstrip().endswith(kind)):
                found.append(pid)
        return found

    def kill(self, kind: str) -> int:
        """kill -9 of every process of the kind; returns how many there were."""
        pids = self.pids(kind)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return len(pids)

    def post(self, session: requests.Session, name: str, request: RawRequest) -> bool:
        """Send a request as it is; whether the hub said that it has it."""
        path = f"/{request.path}" if request.path else ""
        try:
            answer = session.request(
                request.method,
                f"{self.url}/in/{name}{path}",
                data=request.body,
                headers=dict(request.headers),
                timeout=10,
            )
        except requests.RequestException:
            return False
        return answer.ok

    def stop(self) -> None:
        """End it, by force when it does not end by itself."""
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=20)


@contextmanager
def running_hub(home: Path, **environment: str) -> Iterator[RunningHub]:
    """A hub that is up, and gone at the end."""
    hub = RunningHub(home, port=None, **environment)
    try:
        hub.await_up()
        yield hub
    finally:
        hub.stop()


class OwnRedis:
    """A Redis that a test starts and kills as it likes, always at the same address."""

    def __init__(self, folder: Path, host: str = "") -> None:
        self._folder, self._host = folder, host
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_port() if host else 0
        self.url = f"redis://{host}:{self._port}" if host else f"unix://{folder / 'r.sock'}"

    def start(self) -> None:
        """Start it, empty."""
        binary = redis_binary()
        assert binary is not None
        place = ["--unixsocket", str(self._folder / "r.sock")]
        if self._host:
            place = ["--bind", self._host, "--protected-mode", "no"]
        options = ["--port", str(self._port), *place, "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [binary, *options, "--dir", str(self._folder)], stdout=subprocess.DEVNULL
        )
        wait_until(self._answers, 10, "the start of Redis")

    def _answers(self) -> bool:
        try:
            return bool(Redis.from_url(self.url).ping())
        except RedisError:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Stop it, or let it go on."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None
