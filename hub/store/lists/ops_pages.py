"""What the admins' first page and the page of queues show: counters, budgets, who holds what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, literal_column, select, text, union_all

from hub.store.database import Database
from hub.store.lists.paging import Row, as_dicts
from hub.store.models import (
    connections,
    deliveries,
    event_counts,
    events,
    leases,
    reconcile_jobs,
    reconciliations,
)

HOURS = 24
#: Connections asked for at once; SQLite joins no more than 500 questions into one.
TOGETHER = 200


def hourly(database: Database, now: datetime) -> dict[int, list[int]]:
    """Events settled in each of the last 24 hours, the present one last, by connection id."""
    present = now.replace(minute=0, second=0, microsecond=0)
    first = present - timedelta(hours=HOURS - 1)
    query = (
        select(event_counts.c.connection_id, event_counts.c.hour, func.sum(event_counts.c.count))
        .where(event_counts.c.hour >= first)
        .group_by(event_counts.c.connection_id, event_counts.c.hour)
    )
    found: dict[int, list[int]] = defaultdict(lambda: [0] * HOURS)
    with database.read() as db:
        for key, hour, number in db.execute(query):
            place = int((hour - first).total_seconds() // 3600)
            if 0 <= place < HOURS:
                found[key][place] = int(number)
    return dict(found)


def oldest(database: Database) -> dict[int, Row]:
    """What waits longest of each connection: {id: {event_at, event_id, delivery_at, delivery_id}}.

    One step of an index for each connection.
    """
    found: dict[int, Row] = {}
    nothing = dict.fromkeys(("event_at", "event_id", "delivery_at", "delivery_id"))
    with database.read() as db:
        keys = db.scalars(select(connections.c.id)).all()
        for key in keys:
            found[key] = dict(nothing)
        for key, event_id, at in _each(db, _first_event, keys):
            found[key] |= {"event_at": at, "event_id": event_id}
        for key, delivery_id, at in _each(db, _first_delivery, keys):
            found[key] |= {"delivery_at": at, "delivery_id": delivery_id}
    return found


def _each(
    db: Connection, first: Callable[[int], Select[Any]], keys: Sequence[int]
) -> list[Sequence[Any]]:
    """The rows of such a query for every connection, many in one."""
    found: list[Sequence[Any]] = []
    for start in range(0, len(keys), TOGETHER):
        parts = [select(first(key).subquery()) for key in keys[start : start + TOGETHER]]
        found += db.execute(union_all(*parts))
    return found


def _first_event(connection_id: int) -> Select[Any]:
    return (
        select(events.c.connection_id, events.c.id, events.c.received_at)
        .where(events.c.connection_id == connection_id)
        .where(events.c.status == literal_column("'received'"))
        .order_by(events.c.id)
        .limit(1)
    )


def _first_delivery(connection_id: int) -> Select[Any]:
    return (
        select(deliveries.c.connection_id, deliveries.c.id, deliveries.c.due_at)
        .where(deliveries.c.connection_id == connection_id, deliveries.c.due_at.is_not(None))
        .where(text("deliveries.status in ('pending', 'waiting')"))
        .order_by(deliveries.c.due_at)
        .limit(1)
    )


def store_bytes(database: Database) -> int:
    """The size of the store."""
    with database.read() as db:
        if database.is_sqlite:
            pages = db.exec_driver_sql("PRAGMA page_count").scalar() or 0
            size = db.exec_driver_sql("PRAGMA page_size").scalar() or 0
            return int(pages) * int(size)
        found = db.exec_driver_sql("SELECT pg_database_size(current_database())").scalar()
        return int(found or 0)


def version_of(database: Database) -> str:
    """The version of the database."""
    asked = "SELECT sqlite_version()" if database.is_sqlite else "SHOW server_version"
    with database.read() as db:
        return str(db.exec_driver_sql(asked).scalar()).split(" ", 1)[0]


def ledger_of(database: Database, day: str) -> Row:
    """One day of the reconciliation over all connections: theirs, ours, recovered, unexplained,
    and how many connections were compared."""
    names = ("theirs", "ours", "recovered", "unexplained")
    query = select(
        func.count().label("connections"),
        *(func.coalesce(func.sum(reconciliations.c[name]), 0).label(name) for name in names),
    ).where(reconciliations.c.day == day)
    with database.read() as db:
        return dict(db.execute(query).mappings().one())


def held_leases(database: Database) -> list[Row]:
    """Who holds which lease now."""
    with database.read() as db:
        query = select(leases).where(leases.c.owner != "").order_by(leases.c.name).limit(200)
        return as_dicts(db.execute(query).mappings())


def reconcile_jobs_shown(database: Database, limit: int = 10) -> list[Row]:
    """The newest comparisons asked for, with `connection`."""
    query = (
        select(reconcile_jobs, connections.c.name.label("connection"))
        .join(connections, connections.c.id == reconcile_jobs.c.connection_id)
        .order_by(reconcile_jobs.c.id.desc())
        .limit(limit)
    )
    with database.read() as db:
        return as_dicts(db.execute(query).mappings())
