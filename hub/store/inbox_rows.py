"""A group of events into their two tables, set-wise, on the driver's cursor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from hub.sdk.payload import clean_text
from hub.sdk.request import RawRequest
from hub.store.database import Database, to_json

#: Rows of one statement. SQLite compiles each number once and the driver keeps 128 statements.
MAX_ROWS = 32
_UNCLEAN = re.compile("[\x00\ud800-\udfff]")


@dataclass
class NewEvent:
    """A verified request on its way into the inbox."""

    connection_id: int
    event_key: str
    ordering_key: str
    type: str
    received_at: datetime
    request: RawRequest


def store_events(database: Database, group: Sequence[NewEvent]) -> list[bool]:
    """Insert events in one transaction; tells for each whether it is new."""
    insert = _insert_sqlite if database.is_sqlite else _insert_postgres
    return database.write_raw(lambda cursor: insert(cursor, group))


def _event_values(event: NewEvent) -> tuple[Any, ...]:
    return (
        event.connection_id,
        event.event_key,
        event.ordering_key,
        event.type,
        _stamp(event.received_at),
        len(event.request.body),
    )


def _body_values(event: NewEvent) -> tuple[Any, ...]:
    request = event.request
    return (
        request.method,
        clean_text(request.path),
        clean_text(request.query),
        to_json(_clean_headers(request.headers)),
        request.remote_addr,
        request.body,
    )


def _clean_headers(headers: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    if any(map(_UNCLEAN.search, chain.from_iterable(headers))):
        return [(clean_text(name), clean_text(value)) for name, value in headers]
    return headers


_EVENTS = (
    "INSERT INTO events (id, connection_id, event_key, ordering_key, type, received_at, size_bytes,"
    " status, attempts, deaths) VALUES ",
    "(?, ?, ?, ?, ?, ?, ?, 'received', 0, 0)",
    " ON CONFLICT DO NOTHING",
)
_BODIES = (
    "INSERT INTO event_bodies (event_id, method, path, query, headers, remote_addr, body) VALUES ",
    "(?, ?, ?, ?, ?, ?, ?)",
    "",
)


@lru_cache(maxsize=2 * MAX_ROWS)
def _statement(parts: tuple[str, str, str], rows: int) -> str:
    head, row, tail = parts
    return f"{head}{', '.join([row] * rows)}{tail}"


def _pieces(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + MAX_ROWS] for start in range(0, len(rows), MAX_ROWS))


def _insert_sqlite(cursor: Any, group: Sequence[NewEvent]) -> list[bool]:
    """The ids are the ones SQLite would give: known beforehand, they need not be asked for."""
    last = cursor.execute("SELECT max(id) FROM events").fetchone()[0] or 0
    rows = [(last + place, *_event_values(event)) for place, event in enumerate(group, start=1)]
    inserted = 0
    for piece in _pieces(rows):
        cursor.execute(_statement(_EVENTS, len(piece)), tuple(chain.from_iterable(piece)))
        inserted += cursor.rowcount
    fresh = [True] * len(group)
    if inserted < len(group):
        kept = {key for (key,) in cursor.execute("SELECT id FROM events WHERE id > ?", (last,))}
        fresh = [row[0] in kept for row in rows]
    bodies = [
        (row[0], *_body_values(event))
        for row, event, is_new in zip(rows, group, fresh, strict=True)
        if is_new
    ]
    for piece in _pieces(bodies):
        cursor.execute(_statement(_BODIES, len(piece)), tuple(chain.from_iterable(piece)))
    return fresh


def _stamp(moment: datetime) -> str:
    """As store.types.UtcTime writes it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


#: Two parameters, whatever the number of rows: the driver quotes arrays of texts slowly, and bodies
#: need no quoting at all when they come as one run of bytes that is cut up again there.
#: Ids are drawn in order of arrival and rows inserted in order of their keys: who is told first is
#: worked on first, and two processes that insert the same keys cannot deadlock.
_POSTGRES = """
WITH given AS MATERIALIZED (
  SELECT nextval('events_id_seq') AS id, g.*
  FROM json_to_recordset(%s::json) AS g(connection_id bigint, event_key text, ordering_key text,
    type text, received_at timestamptz, size_bytes int, method text, path text, query text,
    headers jsonb, remote_addr text, start int)
), fresh AS (
  INSERT INTO events (id, connection_id, event_key, ordering_key, type, received_at, size_bytes,
    status, attempts, deaths)
  SELECT id, connection_id, event_key, ordering_key, type, received_at, size_bytes, 'received', 0, 0
  FROM given ORDER BY connection_id, event_key COLLATE "C"
  ON CONFLICT DO NOTHING RETURNING id, connection_id, event_key
), bodies AS (
  INSERT INTO event_bodies (event_id, method, path, query, headers, remote_addr, body)
  SELECT id, method, path, query, headers, remote_addr,
    substring(%b::bytea FROM start FOR size_bytes)
  FROM fresh JOIN given USING (id)
)
SELECT connection_id, event_key FROM fresh
"""


def _insert_postgres(cursor: Any, group: Sequence[NewEvent]) -> list[bool]:
    first: dict[tuple[int, str], NewEvent] = {}
    for event in group:
        first.setdefault((event.connection_id, event.event_key), event)
    rows, start = [], 1
    for event in first.values():
        rows.append(_row(event, start))
        start += len(event.request.body)
    bodies = b"".join([event.request.body for event in first.values()])
    stored = set(cursor.execute(_POSTGRES, (to_json(rows), bodies)))
    fresh = []
    for event in group:
        key = (event.connection_id, event.event_key)
        fresh.append(key in stored and first[key] is event)
    return fresh


def _row(event: NewEvent, start: int) -> dict[str, Any]:
    """A row of `given`; `start` is where its body begins, counted from 1."""
    request = event.request
    return {
        "connection_id": event.connection_id,
        "event_key": event.event_key,
        "ordering_key": event.ordering_key,
        "type": event.type,
        "received_at": event.received_at,
        "size_bytes": len(request.body),
        "method": request.method,
        "path": clean_text(request.path),
        "query": clean_text(request.query),
        "headers": _clean_headers(request.headers),
        "remote_addr": request.remote_addr,
        "start": start,
    }
