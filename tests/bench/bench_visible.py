"""From the POST to the record in an API reply, at 20 and at 200 events a second.

The hub is the real one, every process of it, on SQLite and on PostgreSQL (fsync on). The floor is
plain RQ: one job per event on a forking worker that has everything imported, with the same work,
store and API. Events leave on time, whether the last one is there or not; of 200 a second one in
ten is watched, for watching all of them would measure the watching. A watched event's time runs
from before its POST to the end of the GET that shows it, asked again half a millisecond after a
reply that does not. So it cannot be less than two requests take that do nothing, one after the
other, twenty pairs a second: they are measured beside it.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from statistics import median

import orjson

from connectors.standard_webhook.emulator import Emulator
from hub.settings import Settings
from hub.store import connections, tokens
from hub.store.store import Store
from tests.bench.bench_accept import KEY
from tests.bench.report import Report
from tests.support import servers
from tests.support.hub import lead
from tests.support.running import FOREIGN, OwnRedis, free_port, running_hub
from tests.support.web import gunicorn

SECONDS = 6.0
#: At 200 a second the floor falls behind: what one second sends takes it many.
FLOOR_SECONDS = {20: 3.0, 200: 1.0}
SENDERS, WATCHED_PER_SECOND = 8, 20
AGAIN_SECONDS = 0.0005
PATIENCE_SECONDS = 15.0
#: {events a second: the most that p50 and p99 may be, in ms}
TARGETS = {20: (8.0, 60.0), 200: (10.0, 80.0)}
_numbers = count(1)


class Sender:
    """Sends leads at a steady rate and watches for some of them."""

    def __init__(self, port: int, path: str, token: str) -> None:
        self._port, self._path = port, path
        self._watch = {"Authorization": f"Bearer {token}"}
        self._own = threading.local()

    def run(self, rate: int, seconds: float) -> list[float]:
        """Milliseconds from POST to visible of every watched event, sorted."""
        events = int(rate * seconds)
        every = max(1, rate // WATCHED_PER_SECOND)
        started = time.perf_counter() + 0.05
        with ThreadPoolExecutor(SENDERS * 4) as pool:
            futures = []
            for place in range(events):
                due = started + place / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                futures.append(pool.submit(self._send, next(_numbers), place % every == 0))
            took = [future.result() for future in futures]
        return sorted(one * 1000 for one in took if one is not None)

    def nothing(self, seconds: float) -> float:
        """Milliseconds of two requests that do nothing (p50), at the pace of what is watched."""
        took = []
        for _ in range(int(WATCHED_PER_SECOND * seconds)):
            started = time.perf_counter()
            for _ in range(2):
                self._connection.request("GET", "/healthz")
                answer = self._connection.getresponse()
                assert (answer.read(), answer.status)[1] == 200
            took.append(time.perf_counter() - started)
            time.sleep(max(0.0, 1 / WATCHED_PER_SECOND - took[-1]))
        return median(took) * 1000

    @property
    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection: http.client.HTTPConnection = self._own.connection
        return connection

    def _send(self, number: int, is_watched: bool) -> float | None:
        request = lead(number)
        started = time.perf_counter()
        self._connection.request("POST", self._path, request.body, dict(request.headers))
        answer = self._connection.getresponse()
        assert (answer.read(), answer.status) == (b"ok", 200), answer.status
        if not is_watched:
            return None
        while not self._is_visible(f"L-{number}"):
            if time.perf_counter() - started > PATIENCE_SECONDS:
                break
            time.sleep(AGAIN_SECONDS)
        return time.perf_counter() - started

    def _is_visible(self, external_id: str) -> bool:
        path = f"/api/v1/leads?external_id={external_id}"
        self._connection.request("GET", path, headers=self._watch)
        answer = self._connection.getresponse()
        return bool(orjson.loads(answer.read())["items"])


def _prepared(home: Path, database_url: str) -> str:
    """A migrated store with one connection; returns a token."""
    store = Store.open(Settings(home=home, database_url=database_url, secret_key=KEY), migrate=True)
    with store.database.write() as db:
        connections.save(db, store.vault, "site", Emulator().connection(), author="bench")
    token = tokens.create(store.database, "bench", "admin")
    store.database.dispose()
    return token


@contextmanager
def plain_rq(folder: Path) -> Iterator[Sender]:
    """The floor's web server, worker and Redis."""
    home, port = folder / "floor", free_port()
    token = _prepared(home, "")
    redis = OwnRedis(folder)
    redis.start()
    environment = {"HUB_HOME": str(home), "HUB_SECRET_KEY": KEY, "REDIS_URL": redis.url}
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.floor_visible"],
            env={**kept, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    options = ["-k", "gthread", "-w", "2", "--threads", "16", "--keep-alive", "15"]
    options += ["-b", f"127.0.0.1:{port}", "--no-control-socket"]
    options.append("tests.bench.floor_visible:serve()")
    try:
        with gunicorn(*options, port=port, log=folder / "floor.log", **environment):
            yield Sender(port, "/plain/site", token)
    finally:
        worker.terminate()
        worker.wait(timeout=30)
        redis.kill()


@contextmanager
def hub(folder: Path, label: str, database_url: str) -> Iterator[Sender]:
    """`hub up`."""
    home = folder / label
    token = _prepared(home, database_url)
    environment = {"HUB_SECRET_KEY": KEY, "DATABASE_URL": database_url}
    with running_hub(home, **environment) as running:
        yield Sender(running.port, "/in/site", token)


def tell(report: Report, label: str, rate: int, took: list[float], floor: list[float]) -> None:
    """The median and the worst but one in a hundred, and how many times quicker than the floor."""
    for share, most in zip((50, 99), TARGETS[rate], strict=True):
        value, below = (found[len(found) * share // 100] for found in (took, floor))
        name = f"{label}, {rate}/s: p{share}"
        if took is floor:
            report.add(name, value, unit="ms")
        else:
            report.add(name, value, unit="ms", at_most=most)
            report.add(f"{name}, times quicker than the floor", below / value, unit="×")


def main() -> None:
    """Print both rates: the floor, then both databases."""
    report = Report("visible")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="uzel-v-")))
        cluster = stack.enter_context(servers.postgres(durable=True))
        url = stack.enter_context(cluster.empty_database())
        with plain_rq(folder) as sender:
            sender.run(10, 0.5)
            floors = {rate: sender.run(rate, seconds) for rate, seconds in FLOOR_SECONDS.items()}
        for rate, floor in floors.items():
            tell(report, "one RQ job per event, forking", rate, floor, floor)
        for label, address in (("SQLite", ""), ("PostgreSQL", url)):
            with hub(folder, label, address) as sender:
                sender.run(20, 1.0)
                name = f"{label}: two requests that do nothing, p50"
                report.add(name, sender.nothing(SECONDS / 2), unit="ms")
                for rate, floor in floors.items():
                    tell(report, label, rate, sender.run(rate, SECONDS), floor)
    report.save()


if __name__ == "__main__":
    main()
