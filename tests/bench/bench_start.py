"""Seconds from `hub up` to the first 2xx of a sender, and from kill -9 to work again.

The home exists and its connection is known, as after a restart of the machine. The floor is the
bare import of what the gateway needs.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from sqlalchemy import select

from hub.settings import Settings
from hub.store.models import leads
from hub.store.store import Store
from tests.bench.report import Report
from tests.support.hub import Hub, lead
from tests.support.running import RunningHub
from tests.support.waiting import wait_until

STARTS = 3
KEY = "bench"


class Numbers:
    """Leads, each sent once."""

    def __init__(self) -> None:
        self.last = 0

    def post(self, hub: RunningHub) -> bool:
        """Send the next lead; whether it was accepted."""
        self.last += 1
        with requests.Session() as session:
            return hub.post(session, "site", lead(self.last))


def first_accept(home: Path, numbers: Numbers) -> tuple[RunningHub, float]:
    """Start a hub; returns it and the seconds to its first 2xx."""
    started = time.perf_counter()
    hub = RunningHub(home, HUB_SECRET_KEY=KEY)
    wait_until(lambda: numbers.post(hub), 60, "the first accept")
    return hub, time.perf_counter() - started


def recovery(hub: RunningHub, kind: str, works: Callable[[], bool]) -> float:
    """Kill every process of a kind; returns the seconds until a lead works again."""
    for pid in hub.pids(kind):
        os.kill(pid, signal.SIGKILL)
    return wait_until(works, 60, f"the work after {kind}")


def main() -> None:
    """Print the start and each kind's recovery."""
    report = Report("start")
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import hub.app"], check=True)
    floor = time.perf_counter() - started
    with TemporaryDirectory(prefix="uzel-b-") as folder:
        home, numbers = Path(folder), Numbers()
        store = Hub(Store.open(Settings(home=home, secret_key=KEY), migrate=True))
        store.site()
        seconds = []
        for _ in range(STARTS):
            hub, took = first_accept(home, numbers)
            seconds.append(took)
            hub.stop()
        median = statistics.median(seconds)
        report.add("cold start to the first 2xx", median, floor, unit="s", target="≤ 3")

        hub, _ = first_accept(home, numbers)
        try:
            hub.await_up()

            def works() -> bool:
                if not numbers.post(hub):
                    return False
                title = f"Заявка {numbers.last}"
                query = select(leads.c.id).where(leads.c.title == title)

                def stored() -> bool:
                    with store.store.database.read() as db:
                        return db.scalar(query) is not None

                wait_until(stored, 30, "the lead")
                return True

            works()
            for kind in ("web worker", "web", "worker live", "scheduler", "redis", "fork server"):
                report.add(
                    f"kill -9 of {kind}: a lead stored", recovery(hub, kind, works), unit="s"
                )
        finally:
            hub.stop()
        store.store.database.dispose()
    report.save()


if __name__ == "__main__":
    main()
