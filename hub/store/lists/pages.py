"""Reads (and the one small write) that only the pages need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from hub.store.database import Database
from hub.store.lists.paging import Row, as_dicts
from hub.store.lists.people import add_points
from hub.store.models import (
    calls,
    connections,
    contacts,
    cursors,
    events,
    leads,
    messages,
    orders,
    possible_duplicates,
    stock_levels,
)

#: A day with more calls than this shows the newest of them.
MAX_DAY_CALLS = 5000


def connection_titles(database: Database) -> dict[int, tuple[str, str]]:
    """(name, title) of every connection by id, also of those that cannot be used."""
    with database.read() as db:
        query = select(connections.c.id, connections.c.name, connections.c.title)
        return {row.id: (row.name, row.title or row.name) for row in db.execute(query)}


def fresh_times(database: Database) -> dict[tuple[int, str], datetime]:
    """When each (connection id, stream) was last read to its end."""
    with database.read() as db:
        query = select(cursors.c.connection_id, cursors.c.stream, cursors.c.fresh_at)
        rows = db.execute(query.where(cursors.c.fresh_at.is_not(None)))
        return {(row.connection_id, row.stream): row.fresh_at for row in rows}


def warehouses(database: Database) -> list[str]:
    """The warehouses that hold stock, by name."""
    with database.read() as db:
        column = stock_levels.c.warehouse
        query = select(column).where(column != "").distinct().order_by(column).limit(200)
        return list(db.scalars(query))


def day_numbers(database: Database, since: datetime) -> Row:
    """What happened since a moment: calls, orders, leads, incoming messages."""
    counted = {
        "calls": (calls, calls.c.started_at),
        "orders": (orders, orders.c.placed_at),
        "leads": (leads, func.coalesce(leads.c.received_at, leads.c.created_at)),
        "messages": (messages, messages.c.sent_at),
    }
    numbers: Row = {}
    with database.read() as db:
        for name, (table, moment) in counted.items():
            query = select(func.count()).select_from(table)
            query = query.where(moment >= since, table.c.deleted_at.is_(None))
            if name == "messages":
                query = query.where(table.c.direction == "in")
            numbers[name] = int(db.scalar(query) or 0)
    return numbers


def calls_since(database: Database, since: datetime) -> list[Row]:
    """Calls that began since a moment, newest first, with `contact_name`; at most MAX_DAY_CALLS."""
    query = (
        select(*(calls.c[name] for name in _CALL_COLUMNS), contacts.c.name.label("contact_name"))
        .outerjoin(contacts, contacts.c.id == calls.c.contact_id)
        .where(calls.c.started_at >= since, calls.c.deleted_at.is_(None))
        .order_by(calls.c.started_at.desc(), calls.c.id.desc())
        .limit(MAX_DAY_CALLS)
    )
    with database.read() as db:
        return as_dicts(db.execute(query).mappings())


_CALL_COLUMNS = (
    "id", "contact_id", "direction", "status", "from_number", "to_number", "started_at",
    "wait_seconds", "manager", "line_number",
)  # fmt: skip


def thread_messages(database: Database, thread_key: str, limit: int = 50) -> list[Row]:
    """The letters of one conversation, newest first, without their texts."""
    columns = ("id", "subject", "direction", "from_address", "sent_at", "kind")
    query = (
        select(*(messages.c[name] for name in columns))
        .where(messages.c.thread_key == thread_key, messages.c.deleted_at.is_(None))
        .order_by(messages.c.sent_at.desc(), messages.c.id.desc())
        .limit(limit)
    )
    with database.read() as db:
        return as_dicts(db.execute(query).mappings())


def contact_briefs(database: Database, ids: Iterable[int]) -> dict[int, Row]:
    """Contacts with their points, by id."""
    with database.read() as db:
        query = select(contacts).where(contacts.c.id.in_(list(ids)))
        rows = as_dicts(db.execute(query).mappings())
        add_points(db, rows)
    return {row["id"]: row for row in rows}


def dismiss_duplicate(db: Connection, duplicate_id: int) -> bool:
    """Mark an open pair as different people; False when there is no such open pair."""
    done = db.execute(
        update(possible_duplicates)
        .where(possible_duplicates.c.id == duplicate_id, possible_duplicates.c.status == "open")
        .values(status="dismissed")
    )
    return bool(done.rowcount)


def error_messages(database: Database, event_ids: Sequence[int]) -> dict[int, str]:
    """The whole error message of each of these events, empty where there is none."""
    query = select(events.c.id, events.c.error_message).where(events.c.id.in_(event_ids))
    with database.read() as db:
        return {row.id: row.error_message or "" for row in db.execute(query)}
