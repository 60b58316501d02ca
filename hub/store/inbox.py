"""The inbox: durable accept with group commit. When `accept` returns, the event is on the disk.

Leader and followers: the first request of a moment commits its own row with all that queued
meanwhile and hands the lead to the oldest waiter. A lone request waits for nobody.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.sdk.payload import clean_text
from hub.sdk.request import RawRequest
from hub.store.database import Database, to_json

MAX_GROUP = 256


@dataclass
class NewEvent:
    """A verified request on its way into the inbox."""

    connection_id: int
    event_key: str
    ordering_key: str
    type: str
    received_at: datetime
    request: RawRequest


@dataclass
class _Ticket:
    event: NewEvent
    ready: threading.Lock = field(default_factory=threading.Lock)
    is_new: bool = False
    leads: bool = False
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.ready.acquire()


class Inbox:
    """Accepts events of one process into the store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._queue: deque[_Ticket] = deque()
        self._leading = False

    def accept(self, event: NewEvent) -> bool:
        """Store the event durably. True when it is new, False when the same one was there.

        Raises what the database raises when it cannot be stored; then nothing is promised.
        """
        ticket = _Ticket(event)
        with self._mutex:
            self._queue.append(ticket)
            lead = not self._leading
            self._leading = True
        if not lead:
            ticket.ready.acquire()
            lead = ticket.leads
        if lead:
            self._commit_group()
        if ticket.error is not None:
            raise ticket.error
        return ticket.is_new

    def _commit_group(self) -> None:
        with self._mutex:
            group = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_GROUP))]
        error: BaseException | None = None
        try:
            fresh = store_events(self._database, [ticket.event for ticket in group])
            for ticket, is_new in zip(group, fresh, strict=True):
                ticket.is_new = is_new
        except BaseException as caught:
            error = caught
        with self._mutex:
            heir = self._queue[0] if self._queue else None
            if heir is None:
                self._leading = False
            else:
                heir.leads = True
        for ticket in group:
            ticket.error = error
            ticket.ready.release()
        if heir is not None:
            heir.ready.release()


def store_events(database: Database, group: Sequence[NewEvent]) -> list[bool]:
    """Insert events in one transaction; tells for each whether it is new."""
    with database.write() as connection:
        if database.is_sqlite:
            return _insert_sqlite(connection, group)
        return _insert_postgres(connection, group)


def _event_values(event: NewEvent, received_at: Any) -> tuple[Any, ...]:
    return (
        event.connection_id,
        event.event_key,
        event.ordering_key,
        event.type,
        received_at,
        len(event.request.body),
    )


def _body_values(event: NewEvent) -> tuple[Any, ...]:
    request = event.request
    headers = to_json([[clean_text(name), clean_text(value)] for name, value in request.headers])
    return (
        request.method,
        clean_text(request.path),
        clean_text(request.query),
        headers,
        request.remote_addr,
        request.body,
    )


def _insert_sqlite(connection: Connection, group: Sequence[NewEvent]) -> list[bool]:
    cursor = connection.connection.cursor()
    fresh = []
    for event in group:
        stamp = event.received_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        cursor.execute(
            "INSERT INTO events (connection_id, event_key, ordering_key, type, received_at,"
            " size_bytes, status, attempts, deaths) VALUES (?, ?, ?, ?, ?, ?, 'received', 0, 0)"
            " ON CONFLICT DO NOTHING",
            _event_values(event, stamp),
        )
        is_new = cursor.rowcount == 1
        fresh.append(is_new)
        if is_new:
            cursor.execute(
                "INSERT INTO event_bodies (event_id, method, path, query, headers, remote_addr,"
                " body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (cursor.lastrowid, *_body_values(event)),
            )
    cursor.close()
    return fresh


_POSTGRES = """
WITH given AS (
  SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[],
    %s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[])
  AS g(connection_id, event_key, ordering_key, type, received_at, size_bytes,
       method, path, query, headers, remote_addr, body)
), fresh AS (
  INSERT INTO events (connection_id, event_key, ordering_key, type, received_at, size_bytes,
    status, attempts, deaths)
  SELECT connection_id, event_key, ordering_key, type, received_at, size_bytes, 'received', 0, 0
  FROM given
  ON CONFLICT DO NOTHING RETURNING id, connection_id, event_key
), bodies AS (
  INSERT INTO event_bodies (event_id, method, path, query, headers, remote_addr, body)
  SELECT fresh.id, method, path, query, headers::jsonb, remote_addr, body
  FROM fresh JOIN given USING (connection_id, event_key)
)
SELECT connection_id, event_key FROM fresh
"""


def _insert_postgres(connection: Connection, group: Sequence[NewEvent]) -> list[bool]:
    # Sorted: two processes that insert the same keys in the same order cannot deadlock.
    first: dict[tuple[int, str], NewEvent] = {}
    for event in group:
        first.setdefault((event.connection_id, event.event_key), event)
    keys = sorted(first)
    rows = [
        (*_event_values(first[key], first[key].received_at), *_body_values(first[key]))
        for key in keys
    ]
    columns = tuple(list(column) for column in zip(*rows, strict=True))
    stored = {tuple(row) for row in connection.exec_driver_sql(_POSTGRES, columns)}
    fresh = []
    for event in group:
        key = (event.connection_id, event.event_key)
        fresh.append(key in stored and first[key] is event)
    return fresh
