"""Where each polled stream stands: its cursor, its next turn, and how fresh its rows are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, null, select, update

from hub.store.database import insert_for, utc_now
from hub.store.models import cursors


def _set(db: Connection, connection_id: int, stream: str, **values: Any) -> None:
    new = {"cursor": {}, "row_count": 0, "failures": 0, "updated_at": utc_now(), **values}
    statement = insert_for(db, cursors).values(connection_id=connection_id, stream=stream, **new)
    db.execute(
        statement.on_conflict_do_update(index_elements=["connection_id", "stream"], set_=values)
    )


def move_cursor(db: Connection, connection_id: int, stream: str, cursor: Mapping[str, Any]) -> None:
    """Move a stream's cursor; in the transaction of the rows that it covers."""
    _set(db, connection_id, stream, cursor=dict(cursor), updated_at=utc_now())


def freshen(
    db: Connection, connection_id: int, stream: str, fresh_at: datetime, row_count: int
) -> None:
    """A run succeeded: what is stored is as of the moment it started."""
    _set(db, connection_id, stream, fresh_at=fresh_at, row_count=row_count, failures=0)


def set_turn(db: Connection, connection_id: int, stream: str, next_run_at: datetime | None) -> None:
    """Set when the stream is due again; None: never by itself."""
    _set(db, connection_id, stream, next_run_at=next_run_at)


def first_turn(
    db: Connection, connection_id: int, stream: str, next_run_at: datetime | None
) -> bool:
    """Set the first turn of a stream; False when it has been set already."""
    done = db.execute(
        insert_for(db, cursors)
        .values(
            connection_id=connection_id,
            stream=stream,
            cursor={},
            row_count=0,
            failures=0,
            updated_at=utc_now(),
            next_run_at=next_run_at,
        )
        .on_conflict_do_nothing()
        .returning(cursors.c.stream)
    )
    return done.first() is not None


def count_failure(db: Connection, connection_id: int, stream: str, failures: int) -> None:
    """Remember how many runs in a row have failed."""
    _set(db, connection_id, stream, failures=failures)


def last_answer(db: Connection, connection_id: int, stream: str) -> Mapping[str, Any]:
    """What `remember_answer` kept, while every row that it brought is stored as it brought it."""
    found = db.scalar(
        select(cursors.c.answer).where(
            cursors.c.connection_id == connection_id, cursors.c.stream == stream
        )
    )
    return found or {}


def remember_answer(
    db: Connection, connection_id: int, stream: str, answer: Mapping[str, Any]
) -> None:
    """Remember which answer the stored rows of a stream are."""
    _set(db, connection_id, stream, answer=dict(answer))


def forget_answers(db: Connection, connection_id: int) -> None:
    """Rows of a connection changed: no stream's rows are surely its last answer any more."""
    db.execute(
        update(cursors)
        .where(cursors.c.connection_id == connection_id, cursors.c.answer.is_not(None))
        .values(answer=null())
    )
