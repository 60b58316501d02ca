"""What is measured of every peer, the same for all. Nothing is asserted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from redis import Redis

from tests.bench.peers import job, servers
from tests.bench.peers.load import Order
from tests.bench.peers.place import HOME, ROOT, Peer, Place, Unavailable
from tests.bench.peers.processes import Running
from tests.support.running import free_port

LATENCY_RATE, LATENCY_SECONDS = 20.0, 10.0
FLOOD_SECONDS, FLOOD_CONNECTIONS = 5.0, 32
BURST_RATE, BURST_SECONDS, KILL_AFTER_SECONDS = 200.0, 10.0, 2.0
#: How long what was sent may take to become visible.
DRAIN_SECONDS, RECOVER_SECONDS = 25.0, 60.0
SETTLE_SECONDS = 3.0
#: The last look of a wait covers this long: did anything still come in?
MOVING_SECONDS = 5.0
LOAD_SECONDS = 120.0


class Site:
    """A peer running at a fresh place."""

    def __init__(self, peer: Peer, place: Place) -> None:
        self.peer, self.place = peer, place
        self.running = Running(peer.start(place), place)
        self._numbers = 0

    def start(self) -> None:
        """Start it and wait until one event came through: web and workers are awake."""
        self.running.start()
        self.running.await_port(self.peer.start_seconds)
        until = time.monotonic() + self.peer.start_seconds
        while time.monotonic() < until:
            # A rate of 1 for a moment is one event.
            report = self.load(rate=1.0, seconds=0.01, connections=1)
            if report["acknowledged"] and self.wait(set(report["acknowledged"]), 10.0)["done"]:
                return
            time.sleep(0.3)
        raise Unavailable(f"takes in nothing: {self.running.words()}")

    def begin_load(
        self, rate: float, seconds: float, connections: int = FLOOD_CONNECTIONS, watch: bool = False
    ) -> subprocess.Popen[str]:
        """Start the load client; returns when its first request goes out."""
        order = Order(
            port=self.place.port,
            path=self.peer.path,
            first=self._numbers,
            seconds=seconds,
            rate=rate,
            connections=connections,
            database=self.peer.database(self.place) if watch else "",
            seen_sql=self.peer.seen_sql if watch else "",
        )
        self._numbers += 1_000_000
        path = self.place.folder / "order.json"
        path.write_text(json.dumps(asdict(order)), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.peers.load", str(path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        process.stdout.readline()
        return process

    def load(self, **order: Any) -> dict[str, Any]:
        """Send, and return the client's report."""
        return end_load(self.begin_load(**order))

    def rows(self) -> Counter[int]:
        """How often each event, by its number, took effect."""
        database = job.connect(self.peer.database(self.place))
        try:
            found = database.execute(self.peer.rows_sql).fetchall()
        finally:
            database.close()
        return Counter(int(row[0].rpartition("-")[2]) for row in found)

    def wait(self, wanted: set[int], seconds: float) -> dict[str, Any]:
        """Wait until all of these are visible or the time is over.

        Returns `done`, when that was, the rows, and whether rows still came in at the end.
        """
        started = time.monotonic()
        last_growth, last_count = started, -1
        while True:
            rows, now = self.rows(), time.monotonic()
            there = sum(1 for number in wanted if number in rows)
            if there > last_count:
                last_growth, last_count = now, there
            if there == len(wanted) or now - started > seconds:
                return {
                    "done": there == len(wanted),
                    "at": now,
                    "there": there,
                    "rows": rows,
                    "moving": now - last_growth < MOVING_SECONDS,
                }
            time.sleep(0.05 if len(rows) < 5_000 else 0.2)


def end_load(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The report of a load client that was begun."""
    try:
        output, _ = process.communicate(timeout=LOAD_SECONDS)
    finally:
        process.kill()
    found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return found


@contextmanager
def site(peer: Peer, redis_url: str, postgres_url: str) -> Iterator[Site]:
    """A peer running at an empty place, killed at the end."""
    folder = HOME / "data" / peer.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if redis_url:
        Redis.from_url(redis_url).flushall()
    if postgres_url:
        postgres_url = servers.new_database(postgres_url, f"peer_{peer.name.replace('-', '_')}")
    place = Place(folder, free_port(), redis_url, postgres_url)
    peer.prepare(place)
    found = Site(peer, place)
    try:
        found.start()
        yield found
    finally:
        found.running.kill()


def percentile(values: list[float], share: float) -> float | None:
    """The value that this share of the values does not exceed."""
    if not values:
        return None
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def disk_sync_ms(folder: Path) -> float:
    """What one small synced write costs here and now: the floor of every durable accept."""
    times = []
    with (folder / "sync.probe").open("wb", buffering=0) as probe:
        for _ in range(100):
            started = time.perf_counter()
            probe.write(bytes(4096))
            os.fdatasync(probe.fileno())
            times.append(1000 * (time.perf_counter() - started))
    return sorted(times)[len(times) // 2]


def speed(peer: Peer, redis_url: str, postgres_url: str) -> dict[str, Any]:
    """Idle memory, POST → visible at 20/s, accepts and events a second under a flood."""
    with site(peer, redis_url, postgres_url) as running:
        time.sleep(SETTLE_SECONDS)
        found: dict[str, Any] = {
            "disk_sync_ms": disk_sync_ms(running.place.folder),
            "idle_pss_mb": running.running.pss_mb(),
        }
        calm = running.load(rate=LATENCY_RATE, seconds=LATENCY_SECONDS, watch=True)
        found["visible_p50_ms"] = percentile(calm["visible_ms"], 0.50)
        found["visible_p99_ms"] = percentile(calm["visible_ms"], 0.99)
        found["never_visible"] = len(calm["acknowledged"]) - len(calm["visible_ms"])
        before = len(running.rows())
        flood = running.load(rate=0.0, seconds=FLOOD_SECONDS)
        accepted = set(flood["acknowledged"])
        took = flood["ended"] - flood["started"]
        found["accepts_per_second"] = len(accepted) / took
        found["accept_p99_ms"] = percentile(flood["answer_ms"], 0.99)
        found["flood_failed"] = flood["failed"]
        end = running.wait(accepted, DRAIN_SECONDS)
        visible = end["there"] if end["done"] else len(end["rows"]) - before
        found["events_per_second"] = visible / (end["at"] - flood["started"])
        found["flood_left"] = len(accepted) - end["there"]
        return found


def kill(peer: Peer, redis_url: str, postgres_url: str) -> dict[str, Any]:
    """kill -9 of web and workers two seconds into a burst, restarted at once; counted by ids."""
    with site(peer, redis_url, postgres_url) as running:
        warm = running.rows()
        client = running.begin_load(rate=BURST_RATE, seconds=BURST_SECONDS)
        time.sleep(KILL_AFTER_SECONDS)
        running.running.kill()
        killed_at = time.monotonic()
        rows_at_kill = len(running.rows()) - len(warm)
        running.running.start()
        running.running.await_port(peer.start_seconds)
        back_seconds = time.monotonic() - killed_at
        report = end_load(client)
        acknowledged = set(report["acknowledged"])
        end = running.wait(acknowledged, RECOVER_SECONDS)
        rows: Counter[int] = end["rows"]
        return {
            "rows_at_kill": rows_at_kill,
            "back_seconds": back_seconds,
            "sent": report["sent"],
            "refused": report["failed"],
            "acknowledged": len(acknowledged),
            "lost": len(acknowledged - rows.keys()),
            "still_working": not end["done"] and end["moving"],
            "doubled": sum(1 for times in rows.values() if times > 1),
            "recovered_seconds": end["at"] - killed_at if end["done"] else None,
        }
