"""How events are found among millions: by an index where there is one, else within a window.

No filter reads the whole inbox. A status within a connection, an error's code, a key and a record
have indexes; the time is found by halving the ids, which grow with it; a type or an entity is
looked for among a bounded number of ids, and the page says how far that went.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select

from hub.store.event_rows import STATUSES, has_status
from hub.store.lists.among import among
from hub.store.lists.event_filters import EventFilters
from hub.store.lists.paging import (
    ListPage,
    Row,
    as_dicts,
    connection_id_of,
    decode_cursor,
    encode_cursor,
)
from hub.store.models import changes, connections, events

#: Few events have one of these; all of them may be looked through.
RARE = ("received", "waiting", "dead")
#: Ids that one page looks through for what has no index, and that «further» does.
WINDOW, FURTHER = 5_000, 400_000
#: The clocks of several machines differ, and a group is stamped before it is stored.
SLACK = timedelta(minutes=10)
NEAR = 2_000
ORDER = "id"


@dataclass(frozen=True)
class SearchPage(ListPage):
    """A page of events. `searched`: how many ids were looked through when that had to end before
    the page was full; `reached_at`: when the last of them was received."""

    searched: int = 0
    reached_at: datetime | None = None


@dataclass(frozen=True)
class Span:
    """Ids between which the wanted events lie, both inclusive."""

    low: int
    high: int


def find_page(
    db: Connection, filters: EventFilters, limit: int, cursor: str | None, window: int = WINDOW
) -> SearchPage:
    """Events with `connection` joined, newest first. CursorError when the cursor is not ours."""
    after = decode_cursor(cursor, ORDER)[1] if cursor else None
    span = span_of(db, filters)
    high = span.high if after is None else min(span.high, after - 1)
    low = max(span.low, high - window + 1) if is_loose(filters) else span.low
    rows = rows_of(db, _ids(db, filters, low, high, limit + 1))
    if len(rows) > limit:
        rows = rows[:limit]
        return SearchPage(rows, encode_cursor(ORDER, None, rows[-1]["id"]))
    if low <= span.low:
        return SearchPage(rows)
    return SearchPage(rows, encode_cursor(ORDER, None, low), high - low + 1, received_at(db, low))


def rows_of(db: Connection, ids: Sequence[int]) -> list[Row]:
    """These events with `connection` joined, newest first."""
    if not ids:
        return []
    query = (
        select(events, connections.c.name.label("connection"))
        .join(connections, connections.c.id == events.c.connection_id)
        .where(among(db, events.c.id, ids))
        .order_by(events.c.id.desc())
    )
    return as_dicts(db.execute(query).mappings())


def next_ids(
    db: Connection, filters: EventFilters, after: int, last: int, limit: int
) -> tuple[list[int], int]:
    """Ids above `after` that match, oldest first, at most `limit`; and up to which id all are
    known now. What has no index is looked for in WINDOW ids at a time."""
    high = min(last, after + WINDOW) if is_loose(filters) else last
    ids = _ids(db, filters, after + 1, high, limit, oldest=True)
    return ids, ids[-1] if len(ids) == limit else high


def count_up_to(db: Connection, filters: EventFilters, most: int) -> int | None:
    """How many events match, at most `most`; None where counting would mean looking at each."""
    if is_loose(filters) or filters.looks_inside:
        return None
    span = span_of(db, filters)
    total = 0
    for query in _queries(db, filters, span.low, span.high):
        if total < most:
            counted = select(func.count()).select_from(query.limit(most).subquery())
            total += int(db.scalar(counted) or 0)
    return min(total, most)


def is_loose(filters: EventFilters) -> bool:
    """Whether part of the filter has no index and what has one leaves too many."""
    if not (filters.type or (filters.entity and filters.record_id is None)):
        return False
    return not (filters.status in RARE or filters.error_code or filters.key)


def span_of(db: Connection, filters: EventFilters) -> Span:
    """The ids that the filter's times leave."""
    # Asked one by one: SQLite finds either end at once, but reads the whole table for both.
    low, high = (int(db.scalar(select(end)) or 0) for end in _ENDS)
    first = _around(db, filters.since - SLACK, low, high)[0] if filters.since else low
    last = _around(db, filters.until + SLACK, low, high)[1] if filters.until else high
    return Span(first, last)


def received_at(db: Connection, event_id: int) -> datetime | None:
    """When the first event from this id on was received."""
    row = db.execute(_from(event_id)).first()
    return row.received_at if row else None


_ENDS = (func.min(events.c.id), func.max(events.c.id))


def _around(db: Connection, moment: datetime, low: int, high: int) -> tuple[int, int]:
    """Two ids between which the first event received since a moment lies, by halving; NEAR apart
    at most, which costs less to look through than to halve further."""
    while high - low > NEAR:
        middle = (low + high) // 2
        row = db.execute(_from(middle)).first()
        if row is None or row.received_at >= moment:
            high = middle
        else:
            low = row.id
    return low, high


def _from(start: int) -> Select[Any]:
    query = select(events.c.id, events.c.received_at).where(events.c.id >= start)
    return query.order_by(events.c.id).limit(1)


def _ids(
    db: Connection, filters: EventFilters, low: int, high: int, limit: int, *, oldest: bool = False
) -> list[int]:
    if high < low:
        return []
    order = events.c.id if oldest else events.c.id.desc()
    found: list[int] = []
    for query in _queries(db, filters, low, high):
        found += db.scalars(query.order_by(order).limit(limit))
    return sorted(found, reverse=not oldest)[:limit]


def _queries(
    db: Connection, filters: EventFilters, low: int, high: int
) -> Sequence[Select[tuple[int]]]:
    """The ids that match, as one query or several disjoint ones, each served by an index."""
    query = select(events.c.id).where(events.c.id.between(low, high))
    query = query.where(*_conditions(db, filters))
    narrower = filters.error_code or filters.key or filters.record_id is not None
    if narrower or is_loose(filters) or not (filters.connection or filters.status):
        return [query]
    # A status has its index within each connection.
    of = [connection_id_of(db, filters.connection)] if filters.connection else _everyone(db)
    statuses = [filters.status] if filters.status else STATUSES
    return [
        query.where(events.c.connection_id == one, has_status(status))
        for one in of
        for status in statuses
    ]


def _everyone(db: Connection) -> list[int]:
    return list(db.scalars(select(connections.c.id)))


def _conditions(db: Connection, filters: EventFilters) -> list[Any]:
    found: list[Any] = []
    if filters.connection:
        found.append(events.c.connection_id == connection_id_of(db, filters.connection))
    if filters.key:
        if not filters.connection:
            found.append(events.c.connection_id.in_(_everyone(db)))
        found.append(events.c.event_key == filters.key)
    if filters.status:
        found.append(has_status(filters.status))
    if filters.type:
        found.append(events.c.type == filters.type)
    if filters.error_code:
        found.append(events.c.error_code == filters.error_code)
    if filters.since:
        found.append(events.c.received_at >= filters.since)
    if filters.until:
        found.append(events.c.received_at < filters.until)
    if filters.error_message:
        found.append(events.c.error_message.startswith(filters.error_message, autoescape=True))
    return [*found, *_touched(filters)]


def _touched(filters: EventFilters) -> list[Any]:
    """That the event changed such a record."""
    if not filters.entity:
        return []
    if filters.record_id is not None:
        touching = select(changes.c.event_id).where(
            changes.c.entity == filters.entity,
            changes.c.record_id == filters.record_id,
            changes.c.event_id.is_not(None),
        )
        return [events.c.id.in_(touching)]
    return [exists().where(changes.c.event_id == events.c.id, changes.c.entity == filters.entity)]
