"""What slow destinations cost the quick ones: nothing, promises P5.

A whole hub as processes; leads come in at a steady rate and go to two quick destinations, alone
and beside one, several, and more slow ones than a worker has threads. A slow one takes 30 s.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import requests
from sqlalchemy import select

from connectors.webhook_out.emulator import SECRET
from hub.sdk.testing import VendorServer, body_of, reply
from hub.settings import Settings
from hub.store.models import events
from hub.store.store import Store
from tests.bench.report import Report
from tests.support.hub import Hub, lead
from tests.support.running import RunningHub, running_hub
from tests.support.waiting import wait_until

KEY = "a key for a bench"
QUICK = 2
SLOW_SECONDS = 30.0
PHASE_SECONDS = 9.0
#: The slow ones are already waited for when the measurement begins.
WARM_SECONDS = 1.5
PER_SECOND = 4
#: How long a phase waits for its last deliveries before it counts them as they stand.
PATIENCE_SECONDS = 4.0


class Receivers:
    """Quick and slow receivers on one port, with the moment each message came in."""

    def __init__(self) -> None:
        self.came: dict[tuple[str, str], float] = {}
        self.slow = 0
        self._end = threading.Event()
        self._server = VendorServer(self._app)

    @property
    def url(self) -> str:
        """Where they listen."""
        return self._server.url

    def start(self) -> None:
        """Begin to receive."""
        self._server.start()

    def stop(self) -> None:
        """End, slow answers included."""
        self._end.set()
        self._server.stop()

    def _app(self, environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        path, body = str(environ["PATH_INFO"]), body_of(environ)
        if path.startswith("/slow"):
            self.slow += 1
            self._end.wait(SLOW_SECONDS)
        else:
            title = body.partition(b'"title": "')[2].partition(b'"')[0].decode()
            self.came.setdefault((path, title), time.perf_counter())
        return reply(start, 204, b"")


def connect(hub: Hub, receivers: Receivers, name: str) -> None:
    """A destination told of leads."""
    settings = {"url": f"{receivers.url}/{name}", "entities": ["lead"]}
    hub.connect(
        name, {"connector": "webhook_out", "settings": settings, "secrets": {"secret": SECRET}}
    )


def send(running: RunningHub, tag: str, seconds: float) -> dict[str, float]:
    """Post leads at a steady rate; returns when each was sent, by its title."""
    sent: dict[str, float] = {}
    start = time.perf_counter()
    with requests.Session() as session:
        for number in range(int(seconds * PER_SECOND)):
            time.sleep(max(0.0, start + number / PER_SECOND - time.perf_counter()))
            title = f"{tag}-{number}"
            sent[title] = time.perf_counter()
            event = lead(number, event_id=title, id=title, subject=title)
            assert running.post(session, "site", event)
    return sent


def delivered(receivers: Receivers, sent: dict[str, float]) -> list[float]:
    """Milliseconds from POST to each quick receiver; what did not come counts as until now."""
    wanted = [(f"/quick{number}", title) for number in range(QUICK) for title in sent]
    until = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < until and not all(one in receivers.came for one in wanted):
        time.sleep(0.02)
    now = time.perf_counter()
    return [(receivers.came.get(one, now) - sent[one[1]]) * 1000 for one in wanted]


def visible(hub: Hub, sent: dict[str, float]) -> list[float]:
    """Milliseconds from an event's arrival to its record, as the store notes both."""
    query = select(events.c.received_at, events.c.finished_at).where(
        events.c.event_key.in_(list(sent)), events.c.finished_at.is_not(None)
    )
    with hub.store.database.read() as db:
        return [(row[1] - row[0]).total_seconds() * 1000 for row in db.execute(query)]


def p(values: list[float], percent: int) -> float:
    """A percentile in milliseconds."""
    return statistics.quantiles(values, n=100)[percent - 1]


Floors = dict[tuple[str, int], float]


def phase(
    report: Report, hub: Hub, running: RunningHub, receivers: Receivers, slow: int, floors: Floors
) -> None:
    """One phase beside so many slow destinations; the first one, without, is the floor."""
    for number in range(slow):
        connect(hub, receivers, f"slow{slow}x{number}")
    send(running, f"warm{slow}", WARM_SECONDS)
    label = "alone" if not slow else f"beside {slow} slow"
    sent = send(running, f"t{slow}", PHASE_SECONDS)
    for what, values in (
        ("delivery to quick ones", delivered(receivers, sent)),
        ("received → visible", visible(hub, sent)),
    ):
        for percent in (50, 99):
            found = p(values, percent)
            floor = floors.get((what, percent))
            floors.setdefault((what, percent), found)
            most = 1.2 if floor else None
            report.add(f"{what}, p{percent}, {label}", found, floor, "ms", at_most=most)
    for number in range(slow):
        hub.set_state(f"slow{slow}x{number}", "paused")


@contextmanager
def prepared(receivers: Receivers) -> Iterator[tuple[Hub, RunningHub]]:
    """A running hub with a site and the quick destinations."""
    with tempfile.TemporaryDirectory(prefix="uzel-b-") as folder:
        home = Path(folder)
        (home / "hub.yml").write_text("network: {allow: [127.0.0.0/8]}\n")
        hub = Hub(Store.open(Settings(home=home, secret_key=KEY), migrate=True))
        hub.site()
        for number in range(QUICK):
            connect(hub, receivers, f"quick{number}")
        with running_hub(home, HUB_SECRET_KEY=KEY) as running:
            yield hub, running
        hub.store.database.dispose()


def main() -> None:
    """Alone, beside one, several, and more than there are threads."""
    report = Report("slow_vendor")
    receivers = Receivers()
    receivers.start()
    try:
        with prepared(receivers) as (hub, running):
            # Every process is up and has imported what it needs.
            first = send(running, "first", 1 / PER_SECOND)
            wait_until(lambda: len(receivers.came) == QUICK * len(first), 60, "the first ones")
            floors: Floors = {}
            for slow in (0, 1, 5, 20):
                phase(report, hub, running, receivers, slow, floors)
            report.add("calls that slow ones held", receivers.slow, unit="")
    finally:
        receivers.stop()
    report.save()


if __name__ == "__main__":
    main()
