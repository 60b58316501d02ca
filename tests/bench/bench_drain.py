"""Events per second of one worker: a batch drained by one job, against one RQ job per event.

The floor is plain RQ: SimpleWorker, one job per event with the same work (a batch of one).
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from hub.flow.drain import drain
from hub.sdk.request import RawRequest
from hub.settings import Settings
from hub.store import connections
from hub.store.database import utc_now
from hub.store.inbox_rows import NewEvent, store_events
from hub.store.store import Store
from tests.bench import floor_job
from tests.bench.report import Report
from tests.support import servers

EVENTS = 8_000
FLOOR_EVENTS = 300


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


def measure(report: Report, label: str, database_url: str, redis_url: str) -> None:
    """One database: the floor, then the batch drain."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        store, key = open_store(home, database_url, redis_url)
        object.__setattr__(store.settings, "file", {"events": {"batch_size": 1}})
        floor_job.STORES[folder] = store
        fill(store, key, FLOOR_EVENTS, "floor")
        redis = Redis.from_url(redis_url)
        queue = Queue("bench", connection=redis, serializer=JSONSerializer)
        for _ in range(FLOOR_EVENTS):
            queue.enqueue(floor_job.drain_one, folder, key, result_ttl=0)
        worker = SimpleWorker([queue], connection=redis, serializer=JSONSerializer)
        started = time.perf_counter()
        worker.work(burst=True, logging_level="ERROR")
        floor = FLOOR_EVENTS / (time.perf_counter() - started)
        report.add(f"{label}: one RQ job per event, SimpleWorker", floor)
        object.__setattr__(store.settings, "file", {})
        fill(store, key, EVENTS, "batch")
        started = time.perf_counter()
        done = drain(store, key, 600)
        report.add(f"{label}: drained in batches", done / (time.perf_counter() - started), floor)
        store.database.dispose()


def main() -> None:
    """Print both databases."""
    report = Report("drain")
    with servers.redis_server() as redis_url, servers.postgres() as cluster:
        measure(report, "SQLite", "", redis_url)
        with cluster.empty_database() as url:
            measure(report, "PostgreSQL", url, redis_url)
    report.save()


if __name__ == "__main__":
    main()
