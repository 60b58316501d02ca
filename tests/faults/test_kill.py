"""P1, P2, P7: kill -9 of any process at any moment loses and doubles nothing."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import func, select

from connectors.mango.emulator import Emulator as Mango
from hub.sdk.request import RawRequest
from hub.settings import Settings
from hub.store.database import utc_now
from hub.store.models import attempts, calls, changes, contacts, events, leads, timeline
from hub.store.store import Store
from tests.faults.conftest import environment
from tests.support.hub import Hub, lead, shown
from tests.support.running import RunningHub, running_hub
from tests.support.waiting import wait_until

SENDERS = 4
LEADS = 160
KILLS = 9
VICTIMS = ("web worker", "worker live", "web worker", "worker live", "scheduler", "web", "redis")
FINAL = {"done", "ignored"}


def traffic(mango: Mango) -> list[tuple[str, RawRequest]]:
    """Calls and leads mixed, as they come in a busy hour."""
    sent = [("mango", request) for request in mango.webhooks()]
    sent += [("site", lead(number)) for number in range(LEADS)]
    random.Random(7).shuffle(sent)  # noqa: S311  # the order is no secret
    return sent


def send_all(hub: RunningHub, sent: list[tuple[str, RawRequest]]) -> None:
    """Send each until the hub says that it has it, as vendors that repeat do."""

    def send(item: tuple[str, RawRequest]) -> None:
        session = sessions.__dict__.setdefault("own", requests.Session())
        wait_until(lambda: hub.post(session, *item), 60, "the acceptance of a request")

    sessions = threading.local()
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, sent))


def kill_at_random(hub: RunningHub, stop: threading.Event) -> Counter[str]:
    """Kill something now and then until told to stop; returns what was killed."""
    chance = random.Random(11)  # noqa: S311  # any moment will do
    killed: Counter[str] = Counter()
    for place in range(KILLS):
        if stop.wait(chance.uniform(0.1, 0.7)):
            break
        victim = VICTIMS[place % len(VICTIMS)]
        if hub.kill(victim):
            killed[victim] += 1
    return killed


def unfinished(hub: Hub) -> int:
    with hub.store.database.read() as db:
        query = select(func.count()).select_from(events).where(events.c.status.not_in(FINAL))
        return int(db.scalar(query) or 0)


def effects(hub: Hub) -> dict[str, Any]:
    """What the events did, without ids and moments."""
    ids = {row["id"]: (row["phone"], row["email"]) for row in hub.rows(contacts)}

    def rows(table: Any) -> dict[str, Any]:
        return {
            row["external_id"]: {
                **shown(row),
                "connection_id": None,
                "contact_id": ids.get(row["contact_id"]),
            }
            for row in hub.rows(table)
        }

    return {
        "calls": rows(calls),
        "leads": rows(leads),
        "contacts": sorted(map(str, ids.values())),
        "entries": Counter((row["kind"], ids[row["contact_id"]]) for row in hub.rows(timeline)),
        "created": Counter(row["entity"] for row in hub.rows(changes, action="created")),
    }


def without_faults(home: Path, sent: list[tuple[str, RawRequest]], mango: Mango) -> dict[str, Any]:
    """The same events through a hub that nobody disturbs."""
    hub = Hub(Store.open(Settings(home=home, secret_key="another"), migrate=True))
    connect(hub, mango)
    for name, request in sent:
        hub.post(name, request, utc_now())
    for name in ("mango", "site"):
        hub.drain(name)
    found = effects(hub)
    hub.store.database.dispose()
    return found


def connect(hub: Hub, mango: Mango) -> None:
    hub.connect("mango", mango.connection())
    hub.site()


def test_nothing_is_lost_and_nothing_doubled(hub: Hub, home: Path, tmp_path: Path) -> None:
    mango = Mango(now=datetime.now(UTC))
    connect(hub, mango)
    sent = traffic(mango)
    stop = threading.Event()
    with running_hub(home, **environment(hub)) as running, ThreadPoolExecutor(1) as pool:
        killer = pool.submit(kill_at_random, running, stop)
        send_all(running, sent)
        killed = killer.result(30)
        stop.set()
        wait_until(lambda: unfinished(hub) == 0, 40, f"the work after {killed}: {running.output}")
    assert killed["worker live"]
    assert killed["web worker"]
    # Every accepted event once, whatever was sent twice or killed half-way.
    different = {(name, request.path, request.body) for name, request in sent}
    assert len(hub.rows(events)) == len(different)
    # And its effect once: a try that was killed left no trace.
    tried = Counter(row["subject_id"] for row in hub.rows(attempts))
    assert set(tried.values()) == {1}
    found, expected = effects(hub), without_faults(tmp_path / "calm", sent, mango)
    for name, wanted in expected.items():
        assert found[name] == wanted, name
