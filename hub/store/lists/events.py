"""The inbox as people look at it: events, one event with all that became of it, dead letters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, literal_column, select

from hub.store.database import Database
from hub.store.lists import event_pages
from hub.store.lists.event_filters import EventFilters
from hub.store.lists.paging import MAX_LIMIT, Row, as_dicts, connection_id_of
from hub.store.models import (
    attempts,
    changes,
    connections,
    event_bodies,
    events,
    replayed_events,
    replays,
)

MASK = "•••"
#: Dead letters whose message begins alike are one group.
GROUP_MESSAGE_CHARACTERS = 80
_SECRET_NAME = re.compile(
    r"authorization|cookie|secret|token|password|passwd|sign|api[-_]?key|auth", re.IGNORECASE
)
_QUERY_VALUE = re.compile(r"([^&=]+)=([^&]*)")


def list_events(
    database: Database,
    filters: EventFilters | None = None,
    limit: int = 50,
    cursor: str | None = None,
    window: int = event_pages.FURTHER,
) -> event_pages.SearchPage:
    """Events with `connection` joined, newest first. What has no index is looked for among
    `window` ids; a page that ends there has a cursor to go on from, however few it holds."""
    limit = max(1, min(limit, MAX_LIMIT))
    with database.read() as db:
        return event_pages.find_page(db, filters or EventFilters(), limit, cursor, window)


def event_ids(database: Database, filters: EventFilters, limit: int) -> list[int]:
    """Ids of the events that match, oldest first, at most `limit`: what a replay takes."""
    found: list[int] = []
    with database.read() as db:
        span = event_pages.span_of(db, filters)
        place = span.low - 1
        while len(found) < limit and place < span.high:
            more, place = event_pages.next_ids(db, filters, place, span.high, limit - len(found))
            found += more
    return found


def known_ids(database: Database, ids: Sequence[int]) -> list[int]:
    """Those of the ids that are events."""
    found: list[int] = []
    with database.read() as db:
        for start in range(0, len(ids), 500):
            chunk = ids[start : start + 500]
            found += db.scalars(select(events.c.id).where(events.c.id.in_(chunk)))
    return found


def find_event(database: Database, event_id: int) -> Row | None:
    """One event's own row with `connection`, nothing more; None when there is no such event."""
    query = (
        select(events, connections.c.name.label("connection"))
        .join(connections, connections.c.id == events.c.connection_id)
        .where(events.c.id == event_id)
    )
    with database.read() as db:
        row = db.execute(query).mappings().first()
    return dict(row) if row is not None else None


def get_event(database: Database, event_id: int, secrets: Iterable[str] = ()) -> Row | None:
    """One event with `request` (raw body as bytes), `attempt_list`, `changes`, `replays`.

    Header and query values that look secret are masked, and so is every one of `secrets` (the
    connection's own) wherever it stands. None when there is no such event.
    """
    hidden = sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True)
    event = find_event(database, event_id)
    if event is None:
        return None
    with database.read() as db:
        body = db.execute(select(event_bodies).where(event_bodies.c.event_id == event_id))
        event["request"] = _masked_request(body.mappings().first(), hidden)
        event["attempt_list"] = attempts_of(db, "event", event_id, hidden)
        query = select(changes).where(changes.c.event_id == event_id).order_by(changes.c.id)
        event["changes"] = as_dicts(db.execute(query).mappings())
        event["replays"] = _replays_of(db, event_id)
    return event


def _replays_of(db: Connection, event_id: int) -> list[Row]:
    query = (
        select(replays)
        .join(replayed_events, replayed_events.c.replay_id == replays.c.id)
        .where(replayed_events.c.event_id == event_id)
        .order_by(replays.c.id)
    )
    return as_dicts(db.execute(query).mappings())


def attempts_of(
    db: Connection, subject: str, subject_id: int, hidden: Iterable[str] = ()
) -> list[Row]:
    """Every try at an event or a delivery, oldest first, with these secrets masked."""
    query = (
        select(attempts)
        .where(attempts.c.subject == subject, attempts.c.subject_id == subject_id)
        .order_by(attempts.c.id)
    )
    rows = as_dicts(db.execute(query).mappings())
    for row in rows:
        for name in ("request", "reply", "error_message"):
            if row[name]:
                row[name] = mask_text(row[name], hidden)
    return rows


def dead_letter_groups(database: Database, connection: str = "") -> list[Row]:
    """Dead letters that died alike: connection, error_code, error_message, count, first_at,
    last_at and sample_id (the newest); the largest group first.
    """
    message = func.substr(func.coalesce(events.c.error_message, ""), 1, GROUP_MESSAGE_CHARACTERS)
    count = func.count()
    with database.read() as db:
        query = (
            select(
                connections.c.name.label("connection"),
                events.c.error_code,
                message.label("error_message"),
                count.label("count"),
                func.min(events.c.received_at, type_=events.c.received_at.type).label("first_at"),
                func.max(events.c.received_at, type_=events.c.received_at.type).label("last_at"),
                func.max(events.c.id).label("sample_id"),
            )
            .join(connections, connections.c.id == events.c.connection_id)
            # A literal: a bound value would keep SQLite from its partial index.
            .where(events.c.status == literal_column("'dead'"))
            .group_by(connections.c.name, events.c.error_code, message)
            .order_by(count.desc(), func.max(events.c.id).desc())
            .limit(500)
        )
        if connection:
            query = query.where(events.c.connection_id == connection_id_of(db, connection))
        return as_dicts(db.execute(query).mappings())


def _masked_request(row: Any, hidden: list[str]) -> Row | None:
    if row is None:
        return None
    body = bytes(row["body"])
    for secret in hidden:
        body = body.replace(secret.encode(), MASK.encode())
    headers = [
        [name, MASK if _SECRET_NAME.search(name) else mask_text(value, hidden)]
        for name, value in row["headers"]
    ]
    return {
        "method": row["method"],
        "path": mask_text(row["path"], hidden),
        "query": mask_text(_QUERY_VALUE.sub(_mask_query, row["query"]), hidden),
        "headers": headers,
        "remote_addr": row["remote_addr"],
        "body": body,
    }


def _mask_query(found: re.Match[str]) -> str:
    name, value = found.groups()
    return f"{name}={MASK if _SECRET_NAME.search(name) else value}"


def mask_text(text: str, hidden: Iterable[str]) -> str:
    """The text with every one of these secrets masked."""
    for secret in hidden:
        text = text.replace(secret, MASK)
    return text
