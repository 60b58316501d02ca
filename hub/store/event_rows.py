"""The events of a batch: found, read with their bodies, held against a replay, marked done.

Every drain asks these, often for a single event: plain statements of the driver, for SQLAlchemy's
cost more than the database's answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, literal_column

from hub.store import bulk
from hub.store.models import events
from hub.store.plain import ask_plain, run_plain

STATUSES: Final = ("received", "done", "ignored", "waiting", "dead")

_NAMES: Final = (
    "id", "connection_id", "event_key", "attempts", "generation", "received_at", "type",
    "method", "path", "query", "remote_addr", "headers", "body",
)  # fmt: skip
_READ: Final = f"SELECT {', '.join(_NAMES)} FROM events JOIN event_bodies ON event_id = id WHERE id"  # noqa: S608  # names above

#: The words of a status stand in the statement: so the indexes of open events serve a prepared one.
OPEN: Final = """
open AS (
  SELECT * FROM (SELECT id AS open_id, size_bytes FROM events
    WHERE connection_id = ? AND status = 'received' ORDER BY id LIMIT ?) AS fresh
  UNION ALL
  SELECT * FROM (SELECT id AS open_id, size_bytes FROM events
    WHERE connection_id = ? AND status = 'waiting' AND retry_at <= ?
    ORDER BY retry_at LIMIT ?) AS due
), chosen AS (
  SELECT open_id, size_bytes AS own, sum(size_bytes) OVER (ORDER BY open_id) AS so_far
  FROM open ORDER BY open_id LIMIT ?
)
"""
COLUMNS: Final = ", ".join(_NAMES)
CHOSEN: Final = """
FROM chosen JOIN events ON id = open_id JOIN event_bodies ON event_id = id
"""
SMALL: Final = "WHERE so_far <= ? OR so_far = own ORDER BY id"
ASK_OPEN: Final = f"WITH {OPEN} SELECT {COLUMNS} {CHOSEN} {SMALL}"  # names above


def has_status(status: str) -> ColumnElement[bool]:
    """That an event has this status. As a literal: the indexes are of one status each, and a bound
    value would keep a prepared statement from them."""
    known = status in STATUSES
    return events.c.status == (literal_column(f"'{status}'") if known else status)


def open_events(
    db: Connection, connection_id: int, now: datetime, limit: int, most_bytes: int
) -> list[dict[str, Any]]:
    """At most `limit` events to take up now with their raw requests, in order of arrival; no more
    than have so many bytes together, but always the first."""
    given = (connection_id, limit, connection_id, now, limit, limit, most_bytes)
    return whole(ask_plain(db, ASK_OPEN, given), sqlite=db.dialect.name == "sqlite")


def read_events(db: Connection, ids: Sequence[int]) -> list[dict[str, Any]]:
    """The events with their raw requests, in order of id."""
    statement = f"{_READ} {bulk.among(db, 'bigint')} ORDER BY id"
    found = ask_plain(db, statement, (bulk.as_list(db, ids),))
    return whole(found, sqlite=db.dialect.name == "sqlite")


def whole(rows: Iterable[Sequence[Any]], *, sqlite: bool) -> list[dict[str, Any]]:
    """The columns of COLUMNS as the driver gives them, by name."""
    found = []
    for values in rows:
        row = dict(zip(_NAMES, values, strict=True))
        if sqlite:
            row["received_at"] = datetime.fromisoformat(row["received_at"])
            row["headers"] = orjson.loads(row["headers"])
        found.append(row)
    return found


def hold(db: Connection, connection_id: int, ids: Sequence[int]) -> list[bulk.Question]:
    """What to ask so that nobody opens these events again before this transaction ends, and which
    revision their connection has now; see `held`."""
    lock = "" if db.dialect.name == "sqlite" else "FOR UPDATE"
    statement = (
        f"SELECT id, generation, attempts FROM events WHERE id {bulk.among(db, 'bigint')}"  # noqa: S608  # no text from outside
        f" AND status IN ('received', 'waiting') ORDER BY id {lock}"
    )
    revision = "SELECT revision FROM connections WHERE id = ?"
    return [(statement, (bulk.as_list(db, ids),)), (revision, (connection_id,))]


def held(
    still: Sequence[Any], revisions: Sequence[Any]
) -> tuple[dict[int, tuple[int, int]], int | None]:
    """The answers to `hold`: those of the events that are open still, as {id: (generation,
    attempts)}, and the connection's revision (None when it is gone)."""
    found = {key: (generation, attempts) for key, generation, attempts in still}
    return found, revisions[0][0] if revisions else None


def mark_done(db: Connection, ids: Sequence[int], now: datetime) -> None:
    """Mark events done by one more attempt each."""
    if not ids:
        return
    statement = (
        "UPDATE events SET status = 'done', attempts = attempts + 1, retry_at = NULL,"  # noqa: S608  # no text from outside
        f" finished_at = ?, error_code = NULL, error_message = NULL, deaths = 0"
        f" WHERE id {bulk.among(db, 'bigint')}"
    )
    run_plain(db, statement, (now, bulk.as_list(db, ids)))
