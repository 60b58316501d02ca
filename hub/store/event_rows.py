"""The events of a batch: read with their bodies, held against a replay, marked done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from hub.store import bulk

_NAMES: Final = (
    "id", "connection_id", "event_key", "attempts", "generation", "received_at", "type",
    "method", "path", "query", "remote_addr", "headers", "body",
)  # fmt: skip
_READ: Final = f"SELECT {', '.join(_NAMES)} FROM events JOIN event_bodies ON event_id = id WHERE id"  # noqa: S608  # names above


def read_events(db: Connection, ids: Sequence[int]) -> list[dict[str, Any]]:
    """The events with their raw requests, in order of id."""
    statement = f"{_READ} {bulk.among(db, 'bigint')} ORDER BY id"
    sqlite = db.dialect.name == "sqlite"
    found = []
    for values in db.exec_driver_sql(statement, (bulk.as_list(db, ids),)):
        row = dict(zip(_NAMES, values, strict=True))
        if sqlite:
            row["received_at"] = datetime.fromisoformat(row["received_at"])
            row["headers"] = orjson.loads(row["headers"])
        found.append(row)
    return found


def hold(db: Connection, ids: Sequence[int]) -> dict[int, int]:
    """The generations of these events, which nobody opens again before this transaction ends."""
    lock = "" if db.dialect.name == "sqlite" else "FOR UPDATE"
    statement = (
        f"SELECT id, generation FROM events WHERE id {bulk.among(db, 'bigint')} ORDER BY id {lock}"  # noqa: S608  # no text from outside
    )
    return dict(map(tuple, db.exec_driver_sql(statement, (bulk.as_list(db, ids),))))


def mark_done(db: Connection, ids: Sequence[int], now: datetime) -> None:
    """Mark events done by one more attempt each."""
    if not ids:
        return
    sqlite = db.dialect.name == "sqlite"
    statement = (
        "UPDATE events SET status = 'done', attempts = attempts + 1, retry_at = NULL,"  # noqa: S608  # no text from outside
        f" finished_at = {'?' if sqlite else '%s'}, error_code = NULL, error_message = NULL,"
        f" deaths = 0 WHERE id {bulk.among(db, 'bigint')}"
    )
    moment = bulk.sqlite_time(now) if sqlite else now
    db.exec_driver_sql(statement, (moment, bulk.as_list(db, ids)))
