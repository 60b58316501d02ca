"""Reads (and the one small write) that only the pages need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from hub.store.database import Database
from hub.store.lists.paging import Row, as_dicts
from hub.store.lists.people import add_points
from hub.store.models import (
    connections,
    contacts,
    cursors,
    events,
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
