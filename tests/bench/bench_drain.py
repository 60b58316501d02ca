"""Events per second of one worker process: the drain against plain RQ, one job per event.

The floor is a job written by hand the usual way (tests/bench/floor_job.py), run by RQ's forking
Worker and by its SimpleWorker. Everybody works on the same call events. Each figure is the best of
its rounds; the hub writes its log lines as in a worker, to nowhere.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from redis import Redis
from rq import Queue, SimpleWorker, Worker
from rq.serializers import JSONSerializer
from sqlalchemy import select

from hub.flow.drain import drain
from hub.log import JsonFormatter, configure
from hub.memory import settle_memory
from hub.sdk.request import RawRequest
from hub.settings import Settings
from hub.store import connections
from hub.store.database import utc_now
from hub.store.inbox_rows import NewEvent, store_events
from hub.store.models import events
from hub.store.store import Store
from tests.bench import floor_job
from tests.bench.report import Report
from tests.support import servers

EVENTS, ROUNDS = 4_000, 2
FLOOR_EVENTS, FORKED_EVENTS = 300, 60


def open_store(home: Path, database_url: str, redis_url: str) -> tuple[Store, int]:
    """A fresh hub with one telephony connection."""
    settings = Settings(
        home=home, database_url=database_url, redis_url=redis_url, secret_key="a key for a bench"
    )
    store = Store.open(settings, migrate=True)
    document = {
        "connector": "mango",
        "settings": {"managers": {"101": "anna@example.ru"}},
        "secrets": {"api_key": "k", "api_salt": "s"},
    }
    with store.database.write() as db:
        key = connections.save(db, store.vault, "bench", document, author="bench")
    store.catalog.forget()
    return store, key


def fill(store: Store, connection_id: int, count: int, tag: str) -> None:
    """Put call events into the inbox: two legs' states and a summary per call."""
    start, group = int(time.time()) - 3600, []
    for number in range(count):
        call, step = divmod(number, 4)
        body = message(f"{tag}{call}", f"7916{call % 9_000_000:07d}", start + call % 3000, step)
        group.append(
            NewEvent(
                connection_id,
                hashlib.sha256(body).hexdigest(),
                f"{tag}{call}",
                "events/summary" if step == 3 else "events/call",
                utc_now(),
                RawRequest(
                    body,
                    (("Content-Type", "application/x-www-form-urlencoded"),),
                    path="events/summary" if step == 3 else "events/call",
                ),
            )
        )
        if len(group) == 250:
            store_events(store.database, group)
            group = []
    if group:
        store_events(store.database, group)


def message(entry: str, number: str, at: int, step: int) -> bytes:
    """One signed message of a call."""
    if step == 3:
        said = {"entry_id": entry, "call_direction": 1, "from": {"number": number},
                "to": {"extension": "101"}, "line_number": "74950000010", "create_time": at,
                "forward_time": at + 5, "talk_time": at + 20, "end_time": at + 30,
                "entry_result": 1, "disconnect_reason": 1110}  # fmt: skip
    else:
        state = ("Appeared", "Connected", "Disconnected")[step]
        said = {"entry_id": entry, "call_id": f"leg-{entry}", "timestamp": at + 10 * step,
                "seq": step + 1, "call_state": state, "location": "abonent",
                "from": {"number": number}, "to": {"extension": "101"}}  # fmt: skip
    text = json.dumps(said)
    sign = hashlib.sha256(f"k{text}s".encode()).hexdigest()
    return urlencode({"vpbx_api_key": "k", "sign": sign, "json": text}).encode()


def floor(worker_class: Any, store: Store, key: int, redis_url: str, count: int) -> float:
    """Events per second of plain RQ, one job per event."""
    fill(store, key, count, worker_class.__name__ + os.urandom(4).hex())
    redis = Redis.from_url(redis_url)
    queue = Queue("bench", connection=redis, serializer=JSONSerializer)
    with store.database.read() as db:
        ids = db.scalars(select(events.c.id).where(events.c.status == "received")).all()
    for event_id in ids:
        queue.enqueue(floor_job.handle, store.settings.store_url, event_id, result_ttl=0)
    worker = worker_class([queue], connection=redis, serializer=JSONSerializer)
    started = time.perf_counter()
    worker.work(burst=True, logging_level="ERROR")
    rate = len(ids) / (time.perf_counter() - started)
    with store.database.read() as db:
        assert db.scalar(select(events.c.id).where(events.c.status == "received")) is None
    return rate


def hub_rate(store: Store, key: int) -> float:
    """Events per second of the drain."""
    fill(store, key, EVENTS, os.urandom(4).hex())
    started = time.perf_counter()
    done = drain(store, key, 600)
    return done / (time.perf_counter() - started)


def measure(report: Report, label: str, database_url: str, redis_url: str, target: int) -> None:
    """One database: both floors, then the drain."""
    with tempfile.TemporaryDirectory() as folder:
        store, key = open_store(Path(folder), database_url, redis_url)
        forked = floor(Worker, store, key, redis_url, FORKED_EVENTS)
        report.add(f"{label}: plain RQ, forking Worker", forked)
        simple = max(
            floor(SimpleWorker, store, key, redis_url, FLOOR_EVENTS) for _ in range(ROUNDS)
        )
        report.add(f"{label}: plain RQ, SimpleWorker", simple)
        rate = max(hub_rate(store, key) for _ in range(ROUNDS))
        report.add(f"{label}: the drain", rate, target=f"≥ {target} /s")
        report.add(f"{label}: the drain to the forking Worker", rate, forked, target="≥ 100 times")
        report.add(f"{label}: the drain to SimpleWorker", rate, simple, target="≥ 15 times")
        store.database.dispose()


def log_to_nowhere() -> None:
    """Log lines are made and written as a worker makes them; only the terminal is spared."""
    configure("INFO")
    handler = logging.StreamHandler(open(os.devnull, "w"))  # noqa: SIM115  # open till the end
    handler.setFormatter(JsonFormatter())
    logging.getLogger().handlers[:] = [handler]


def main() -> None:
    """Print both databases."""
    log_to_nowhere()
    settle_memory()
    report = Report("drain")
    with servers.redis_server() as redis_url, servers.postgres() as cluster:
        measure(report, "SQLite", "", redis_url, 3_000)
        with cluster.empty_database() as url:
            measure(report, "PostgreSQL", url, redis_url, 2_000)
    report.save()


if __name__ == "__main__":
    main()
