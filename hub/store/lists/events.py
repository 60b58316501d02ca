"""The inbox as people look at it: events, one event with all that became of it, dead letters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, literal_column, select

from hub.store.database import Database
from hub.store.lists.paging import ListPage, Order, Row, as_dicts, connection_id_of, fetch_page
from hub.store.models import attempts, changes, connections, event_bodies, events, replays

MASK = "•••"
#: Dead letters whose message begins alike are one group.
GROUP_MESSAGE_CHARACTERS = 80
_SECRET_NAME = re.compile(
    r"authorization|cookie|secret|token|password|passwd|sign|api[-_]?key|auth", re.IGNORECASE
)
_QUERY_VALUE = re.compile(r"([^&=]+)=([^&]*)")


@dataclass(frozen=True)
class EventFilters:
    """What to list. An empty field does not filter; `until` is exclusive."""

    connection: str = ""
    status: str = ""
    type: str = ""
    error_code: str = ""
    key: str = ""
    since: datetime | None = None
    until: datetime | None = None
    #: The beginning of the error's message: what a dead-letter group has in common.
    error_message: str = ""


def list_events(
    database: Database,
    filters: EventFilters | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> ListPage:
    """Events with `connection` joined, newest first."""
    with database.read() as db:
        query = select(events, connections.c.name.label("connection")).join(
            connections, connections.c.id == events.c.connection_id
        )
        query = query.where(*_conditions(db, filters or EventFilters()))
        return fetch_page(db, query, Order(events.c.id), limit, cursor)


def event_ids(database: Database, filters: EventFilters, limit: int) -> list[int]:
    """Ids of the events that match, oldest first, at most `limit`: what a replay takes."""
    with database.read() as db:
        query = select(events.c.id).where(*_conditions(db, filters)).order_by(events.c.id)
        return list(db.scalars(query.limit(limit)))


def count_events(database: Database, filters: EventFilters) -> int:
    """How many events match: what a dangerous act shows before it is done."""
    with database.read() as db:
        query = select(func.count()).select_from(events).where(*_conditions(db, filters))
        return int(db.scalar(query) or 0)


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
        numbers = {one["replay_id"] for one in event["attempt_list"] if one["replay_id"]}
        query = select(replays).where(replays.c.id.in_(numbers)).order_by(replays.c.id)
        event["replays"] = as_dicts(db.execute(query).mappings()) if numbers else []
    return event


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


def _conditions(db: Connection, filters: EventFilters) -> list[Any]:
    found: list[Any] = []
    if filters.connection:
        found.append(events.c.connection_id == connection_id_of(db, filters.connection))
    for name, value in (
        ("status", filters.status),
        ("type", filters.type),
        ("error_code", filters.error_code),
        ("event_key", filters.key),
    ):
        if value:
            found.append(events.c[name] == value)
    if filters.since:
        found.append(events.c.received_at >= filters.since)
    if filters.until:
        found.append(events.c.received_at < filters.until)
    if filters.error_message:
        found.append(events.c.error_message.startswith(filters.error_message, autoescape=True))
    return found


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
