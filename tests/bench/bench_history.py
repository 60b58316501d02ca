"""What ten times the history costs: accept, drain, lists with filters, a client's card.

Two hubs on SQLite, one with a tenth of the other's past (events, calls, contacts, timeline,
changes, written set-wise by SQL), do the same in turns. `--postgres` does it on PostgreSQL too.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from flask.testing import FlaskClient
from sqlalchemy import Connection

from hub.app import create_app
from hub.flow.drain import drain
from hub.memory import settle_memory
from hub.store import tokens
from tests.bench.bench_drain import fill, log_to_nowhere, open_store
from tests.bench.report import Report
from tests.support import servers

SMALL, LARGE = 20_000, 200_000
DRAINED, ASKED = 600, 15
BASE = 1_760_000_000
SQLITE = {
    "numbers": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})",
    "time": f"strftime('%Y-%m-%dT%H:%M:%S.000000Z', {BASE} + i * 7, 'unixepoch')",
    "phone": "'+7900' || printf('%07d', i / 2)",
    "blob": "zeroblob(300)",
    "json": "'{}'",
}
POSTGRES = {
    "numbers": "WITH n(i) AS (SELECT generate_series(1, {count}))",
    "time": f"to_timestamp({BASE} + i * 7)",
    "phone": "'+7900' || lpad((i / 2)::text, 7, '0')",
    "blob": "decode(repeat('00', 300), 'hex')",
    "json": "'{}'::jsonb",
}
#: table → columns and what fills them; two calls, four events and four changes per contact.
PAST = {
    "contacts": ("id, connection_id, created_at, updated_at, last_activity_at, phone, name,"
                 " search_text, extra, origins",
                 "i, 1, {time}, {time}, {time}, {phone}, 'Клиент ' || i, 'клиент ' || i || {phone},"
                 " {json}, {json}"),
    "contact_points": ("contact_id, kind, value", "i, 'phone', {phone}"),
    "identity_claims": ("contact_id, kind, value", "i, 'phone', {phone} || '-' || i"),
    "calls": ("id, connection_id, external_id, created_at, updated_at, contact_id, direction,"
              " status, from_number, to_number, started_at, extra, origins, parts",
              "i, 1, 'past-' || i, {time}, {time}, i, 'in', 'answered', {phone}, '101', {time},"
              " {json}, {json}, {json}"),
    "bindings": ("connection_id, entity, external_id, record_id",
                 "1, 'call', 'past-' || i, i"),
    "timeline": ("contact_id, kind, record_id, occurred_at, connection_id, event_id, summary",
                 "i, 'call', i, {time}, 1, i, {json}"),
    "changes": ("entity, record_id, event_id, action, fields, at",
                "'call', i, i, 'created', {json}, {time}"),
    "events": ("connection_id, event_key, ordering_key, type, status, received_at, finished_at,"
               " attempts, deaths, size_bytes",
               "1, 'past-' || i, 'past-' || i, 'events/call', 'done', {time}, {time}, 1, 0, 300"),
    "attempts": ("subject, subject_id, number, outcome, step, started_at, duration_ms",
                 "'event', i, 1, 'succeeded', 'upsert', {time}, 1"),
}  # fmt: skip
BODIES = ("INSERT INTO event_bodies (event_id, method, path, query, headers, remote_addr, body)"
          " SELECT id, 'POST', '', '', {json}, '', {blob} FROM events")  # fmt: skip


def seed(db: Connection, count: int) -> None:
    """Write the past, set-wise."""
    words = POSTGRES if db.dialect.name == "postgresql" else SQLITE
    for table, (columns, values) in PAST.items():
        numbers, filled = words["numbers"].format(count=count), values.format(**words)
        insert, rows = f"INSERT INTO {table} ({columns})", f"SELECT {filled} FROM n"  # noqa: S608  # our own texts
        parts = (insert, numbers, rows) if words is SQLITE else (numbers, insert, rows)
        db.exec_driver_sql(" ".join(parts).replace("%", "%%" if words is POSTGRES else "%"))
    db.exec_driver_sql(BODIES.format(**words))
    if words is POSTGRES:
        for table in ("contacts", "calls"):
            db.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {count})")


class Hub:
    """One hub with a past, and what is asked of it."""

    def __init__(self, folder: str, database_url: str, count: int) -> None:
        self.store, self.key = open_store(Path(folder), database_url, "redis://localhost:1/0")
        self.count = count
        with self.store.database.write() as db:
            seed(db, count)
        with self.store.database.engine.connect() as db:
            db.exec_driver_sql("ANALYZE")
            db.commit()
        app = create_app(store=self.store)
        token = tokens.create(self.store.database, "bench", "admin")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._client: FlaskClient = app.test_client()

    def get(self, path: str) -> float:
        """Milliseconds of a GET: the median of several, after one that warms up."""
        taken = []
        for _ in range(ASKED):
            started = time.perf_counter()
            answer = self._client.get(f"/api/v1{path}", headers=self._headers)
            taken.append((time.perf_counter() - started) * 1000)
            assert answer.status_code == 200, answer.text
        return median(taken[1:])

    def accept(self) -> float:
        """Milliseconds to store one event."""
        started = time.perf_counter()
        for _ in range(40):
            fill(self.store, self.key, 1, os.urandom(6).hex())
        return (time.perf_counter() - started) * 1000 / 40

    def drain(self) -> float:
        """Milliseconds to work off one event of a batch."""
        drain(self.store, self.key, 600)
        fill(self.store, self.key, DRAINED, os.urandom(4).hex())
        started = time.perf_counter()
        drain(self.store, self.key, 600)
        return (time.perf_counter() - started) * 1000 / DRAINED


def measures(hub: Hub) -> dict[str, Callable[[], float]]:
    """Everything that is measured, by name."""
    middle = hub.count // 2
    phone = f"%2B7900{middle // 2:07}"
    paths = {
        "calls, newest": "/calls?limit=50",
        "calls by phone": f"/calls?phone={phone}",
        "calls of one connection": "/calls?connection=bench&limit=50",
        "calls by external id": f"/calls?external_id=past-{middle}",
        "calls changed since": "/calls?updated_since=2025-10-09T00:00:00Z&limit=50",
        "contacts by phone": f"/contacts?phone={phone}",
        "contacts by a common word": "/contacts?q=клиент&limit=50",
        "a contact": f"/contacts/{middle}",
        "a contact's timeline": f"/contacts/{middle}/timeline",
        "events, newest": "/events?limit=50",
        "events of one status": "/events?status=done&limit=50",
        "dead events": "/events?status=dead",
    }
    asked = {name: (lambda path=path: hub.get(path)) for name, path in paths.items()}
    return {"accept": hub.accept, "drain": hub.drain, **asked}


def measure(report: Report, label: str, small: Hub, large: Hub, rounds: int = 3) -> None:
    """Both hubs in turns; the best of each."""
    few, many = measures(small), measures(large)
    for name in few:
        best: dict[str, float] = {"few": float("inf"), "many": float("inf")}
        for _ in range(rounds):
            best["few"] = min(best["few"], few[name]())
            best["many"] = min(best["many"], many[name]())
        what = f"{label}: {name}, {LARGE} instead of {SMALL}"
        report.add(what, best["many"], best["few"], unit="ms", target="≤ 1.2 times")


def both(report: Report, label: str, urls: tuple[str, str]) -> None:
    """One database."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        small, large = Hub(one, urls[0], SMALL), Hub(other, urls[1], LARGE)
        measure(report, label, small, large)
        for hub in (small, large):
            hub.store.database.dispose()


def main() -> None:
    """Print SQLite, and PostgreSQL when asked."""
    log_to_nowhere()
    settle_memory()
    report = Report("history")
    both(report, "SQLite", ("", ""))
    if "--postgres" in sys.argv:
        with (
            servers.postgres() as cluster,
            cluster.empty_database() as one,
            cluster.empty_database() as other,
        ):
            both(report, "PostgreSQL", (one, other))
    report.save()


if __name__ == "__main__":
    main()
