"""The hub of a soak, as real processes, with everything it stands on."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import requests
from redis import Redis
from redis.exceptions import RedisError
from ruamel.yaml import YAML

from hub.settings import Settings
from hub.store.store import Store
from tests.soak.ground import Clock, Cluster, Disk
from tests.soak.vendors import Vendors
from tests.support.hub import Hub
from tests.support.running import RunningHub, free_port
from tests.support.waiting import wait_until

KEY = "a key for tests only"
#: Seconds; a paused worker sleeps longer than the longest of them.
LEASES = {"drain_seconds": 3, "deliver_seconds": 4, "sync_seconds": 5}
OPTIONS: dict[str, Any] = {
    "network": {"allow": ["127.0.0.0/8"]},
    # Trouble is the rule here: nothing may run out of tries.
    "events": {"retry_schedule": [1] * 5 + [2] * 500, "bug_tries": 1},
    "leases": LEASES,
    "workers": {"live": 2, "deliver": 2, "bulk": 2},
    "gateway": {"processes": 2, "threads": 16},
}
UP_SECONDS = 90


class World:
    """One hub on one database, started anew whenever it is found dead."""

    def __init__(self, seed: int, database: str) -> None:
        self.disk = Disk()
        self.cluster = Cluster(self.disk.folder) if database == "postgresql" else None
        self.clock = Clock()
        self.vendors = Vendors(seed)
        self.home, self.port = self.disk.folder / "home", free_port()
        self.starts = 0
        self._hub: RunningHub | None = None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where the hub answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        """The hub's settings, for a store that the soak looks into."""
        url = self.cluster.url() if self.cluster else ""
        return Settings(home=self.home, database_url=url, secret_key=KEY, file=OPTIONS)

    def prepare(self) -> Hub:
        """The store with every connection in it; the hub is not started yet."""
        self.vendors.start()
        if self.cluster:
            self.cluster.ensure_up()
            self.cluster.create()
        self.home.mkdir()
        with (self.home / "hub.yml").open("w", encoding="utf-8") as file:
            YAML().dump(OPTIONS, file)
        hub = Hub(Store.open(self.settings, migrate=True))
        files = {**self.vendors.sources(), **self.vendors.destinations()}
        for name, document in files.items():
            hub.connect(name, document)
        return hub

    def ensure_up(self) -> None:
        """Start `hub up` if it is not running."""
        with self._lock:
            if self._hub is not None and self._hub.process.poll() is None:
                return
            environment = {"HUB_SECRET_KEY": KEY, **self.clock.environment()}
            if self.cluster:
                environment["DATABASE_URL"] = self.cluster.url()
            try:
                self._hub = RunningHub(self.home, port=self.port, **environment)
            except OSError:
                return  # its log finds no room: the next call tries again
            self.starts += 1

    def await_up(self) -> None:
        """Wait until the site answers, whatever has to be started for it."""

        def is_up() -> bool:
            self.ensure_up()
            return self.answers()

        wait_until(is_up, UP_SECONDS, f"the start of the hub ({self.output})")

    def answers(self) -> bool:
        """Whether the site says that it is ready."""
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    @property
    def output(self) -> str:
        """The ends of the logs."""
        return self._hub.output if self._hub else ""

    def pids(self, kind: str) -> list[int]:
        """The living processes of a kind, PostgreSQL's among them."""
        if kind in {"backend", "postmaster"}:
            assert self.cluster is not None
            master = self.cluster.postmaster
            return self.cluster.backends() if kind == "backend" else [master] if master else []
        hub = self._hub
        if hub is None or hub.process.poll() is not None:
            return []
        return [hub.process.pid] if kind == "hub" else hub.pids(kind)

    def signal(self, pid: int, number: signal.Signals) -> bool:
        """Send a signal; False when the process was gone already."""
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        if number == signal.SIGKILL and self._hub is not None and pid == self._hub.process.pid:
            # Until it is gone it looks alive, and nobody would start another.
            self._hub.process.wait(timeout=10)
        return True

    def redis(self) -> Redis:
        """The embedded Redis."""
        return Redis(unix_socket_path=str(self.settings.redis_socket), socket_timeout=2)

    def flush_redis(self) -> bool:
        """Take everything from Redis; False when it is away."""
        try:
            return bool(self.redis().flushall())
        except RedisError:
            return False

    def end_redis(self) -> bool:
        """Have Redis end in good order; whoever keeps it starts it again."""
        try:
            self.redis().shutdown(nosave=True)
        except RedisError:
            return False
        return True

    def end_hub(self) -> None:
        """End the hub in good order; its store stays."""
        if self._hub is not None and self._hub.process.poll() is None:
            self._hub.stop()

    def stop(self) -> None:
        """Stop the hub and everything else that was started, and forget it."""
        self.end_hub()
        self.vendors.stop()
        if self.cluster:
            self.cluster.remove()
        self.disk.remove()
        self.clock.remove()
