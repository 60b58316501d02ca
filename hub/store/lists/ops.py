"""What an admin watches: deliveries, sync runs, rejections, reconciliations, connections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, literal_column, select, union_all

from hub.store.database import Database, utc_now
from hub.store.lists.events import attempts_of
from hub.store.lists.paging import ListPage, Order, Row, as_dicts, connection_id_of, fetch_page
from hub.store.models import (
    connections,
    cursors,
    deliveries,
    event_counts,
    events,
    reconciliations,
    rejections,
    row_issues,
    sync_runs,
)

MAX_ISSUES = 500
OPEN_DELIVERY_STATUSES = ("pending", "waiting", "paused")


def list_deliveries(
    database: Database,
    *,
    connection: str = "",
    status: str = "",
    entity: str = "",
    record_id: int | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> ListPage:
    """Deliveries with the destination's name in `connection`, newest first."""
    query = _joined(deliveries)
    if status:
        query = query.where(deliveries.c.status == status)
    if entity:
        query = query.where(deliveries.c.entity == entity)
    if record_id is not None:
        query = query.where(deliveries.c.record_id == record_id)
    with database.read() as db:
        if connection:
            query = query.where(deliveries.c.connection_id == connection_id_of(db, connection))
        return fetch_page(db, query, Order(deliveries.c.id), limit, cursor)


def get_delivery(database: Database, delivery_id: int, secrets: Iterable[str] = ()) -> Row | None:
    """One delivery with its `attempt_list`, these secrets masked; None when there is none."""
    with database.read() as db:
        row = db.execute(_joined(deliveries).where(deliveries.c.id == delivery_id)).mappings()
        found = row.first()
        if found is None:
            return None
        return {**found, "attempt_list": attempts_of(db, "delivery", delivery_id, list(secrets))}


def list_sync_runs(
    database: Database,
    *,
    connection: str = "",
    stream: str = "",
    status: str = "",
    limit: int = 50,
    cursor: str | None = None,
) -> ListPage:
    """Sync runs with `connection` joined, newest first."""
    query = _joined(sync_runs)
    if stream:
        query = query.where(sync_runs.c.stream == stream)
    if status:
        query = query.where(sync_runs.c.status == status)
    with database.read() as db:
        if connection:
            query = query.where(sync_runs.c.connection_id == connection_id_of(db, connection))
        return fetch_page(db, query, Order(sync_runs.c.id), limit, cursor)


def get_sync_run(database: Database, run_id: int) -> Row | None:
    """One sync run with its first 500 `issues` (place, message, row, kind), or None."""
    with database.read() as db:
        found = db.execute(_joined(sync_runs).where(sync_runs.c.id == run_id)).mappings().first()
        if found is None:
            return None
        issues = (
            select(*(column for column in row_issues.c if column.name != "run_id"))
            .where(row_issues.c.run_id == run_id)
            .order_by(row_issues.c.id)
            .limit(MAX_ISSUES)
        )
        return {**found, "issues": as_dicts(db.execute(issues).mappings())}


def list_rejections(
    database: Database,
    *,
    connection: str = "",
    limit: int = 50,
    cursor: str | None = None,
) -> ListPage:
    """Requests refused before they became events, grouped by cause; the latest refusal first."""
    query = select(rejections, rejections.c.connection_name.label("connection"))
    if connection:
        query = query.where(rejections.c.connection_name == connection)
    order = Order(rejections.c.id, rejections.c.last_at, "last")
    with database.read() as db:
        return fetch_page(db, query, order, limit, cursor)


def list_reconciliations(
    database: Database, *, connection: str = "", limit: int = 50, cursor: str | None = None
) -> ListPage:
    """The ledger «they say, we have» per connection and day, newest entry first."""
    query = _joined(reconciliations)
    with database.read() as db:
        if connection:
            key = connection_id_of(db, connection)
            query = query.where(reconciliations.c.connection_id == key)
        return fetch_page(db, query, Order(reconciliations.c.id), limit, cursor)


def connection_overview(database: Database, now: datetime | None = None) -> list[Row]:
    """Every connection by name with how it fares: no secrets, no settings.

    Each row: id, name, connector, title, state, state_reason, revision, destinations,
    last_event_at, created_at, updated_at; `counts` {status: events of the last 24 hours};
    `open_events`, `dead_events`, `open_deliveries`, `dead_deliveries` now; `streams` [{stream,
    fresh_at, updated_at, next_run_at, row_count, failures}].
    """
    since = (now or utc_now()) - timedelta(hours=24)
    with database.read() as db:
        query = select(
            *(connections.c[name] for name in _OVERVIEW), connections.c.schedule
        ).order_by(connections.c.name)
        rows = as_dicts(db.execute(query).mappings())
        counts = _counts(db, since)
        numbers = {
            "open_events": _by_connection(db, events, ("received", "waiting")),
            "dead_events": _by_connection(db, events, ("dead",)),
            "open_deliveries": _by_connection(db, deliveries, OPEN_DELIVERY_STATUSES),
            "dead_deliveries": _by_connection(db, deliveries, ("dead",)),
        }
        streams = _streams(db)
    for row in rows:
        row["counts"] = counts[row["id"]]
        row["streams"] = streams[row["id"]]
        row.update({name: found.get(row["id"], 0) for name, found in numbers.items()})
    return rows


_OVERVIEW = (
    "id", "name", "connector", "title", "state", "state_reason", "revision", "destinations",
    "last_event_at", "created_at", "updated_at",
)  # fmt: skip


def _joined(table: Any) -> Select[Any]:
    return select(table, connections.c.name.label("connection")).join(
        connections, connections.c.id == table.c.connection_id
    )


def _counts(db: Connection, since: datetime) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = defaultdict(dict)
    query = (
        select(
            event_counts.c.connection_id,
            event_counts.c.status,
            func.sum(event_counts.c.count).label("total"),
        )
        .where(event_counts.c.hour > since)
        .group_by(event_counts.c.connection_id, event_counts.c.status)
    )
    for connection_id, status, total in db.execute(query):
        found[connection_id][status] = int(total)
    return found


def _by_connection(db: Connection, table: Any, statuses: Iterable[str]) -> dict[int, int]:
    # A literal: a bound value would keep SQLite from its partial index.
    each = (
        select(table.c.connection_id, func.count())
        .where(table.c.status == literal_column(f"'{status}'"))
        .group_by(table.c.connection_id)
        for status in statuses
    )
    found: dict[int, int] = defaultdict(int)
    for connection_id, count in db.execute(union_all(*each)):
        found[connection_id] += count
    return found


def _streams(db: Connection) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    names = ("stream", "fresh_at", "updated_at", "next_run_at", "row_count", "failures")
    query = select(cursors.c.connection_id, *(cursors.c[name] for name in names))
    for row in db.execute(query.order_by(cursors.c.stream)).mappings():
        found[row["connection_id"]].append({name: row[name] for name in names})
    return found
