"""Dialogues in the store: sessions, the pieces of uploads, the runs over them, hand-outs."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, text, update

from hub.sdk.dialogue import EDGE_BYTES, UPLOAD_TYPE, Session, Upload
from hub.store.database import insert_for
from hub.store.models import (
    deliveries,
    event_bodies,
    events,
    exchange_sessions,
    hand_outs,
    sync_runs,
    uploads,
)
from hub.store.outbox import OPEN_STATUSES

#: How long a login holds, and how long what is known of it is kept.
SESSION_AGE = timedelta(hours=24)
KEPT_AGE = timedelta(days=7)
#: Written out: SQLite uses a partial index only for the very words of its condition.
_FILES = text(f"events.type = '{UPLOAD_TYPE}'")


@dataclass(frozen=True)
class Piece:
    """One piece of an upload: its event, its size, its first and last bytes."""

    id: int
    size_bytes: int
    head: bytes
    tail: bytes


def open_session(db: Connection, connection_id: int, now: datetime) -> Session:
    """Begin a session; those of long ago are forgotten."""
    db.execute(
        delete(exchange_sessions)
        .where(exchange_sessions.c.connection_id == connection_id)
        .where(exchange_sessions.c.created_at < now - KEPT_AGE)
    )
    session = Session(secrets.token_hex(16), now)
    db.execute(
        insert(exchange_sessions).values(id=session.id, connection_id=connection_id, created_at=now)
    )
    return session


def find_session(
    db: Connection, connection_id: int, session_id: str, now: datetime
) -> Session | None:
    """The session of this id, unless its login is too long ago."""
    created_at = db.scalar(
        select(exchange_sessions.c.created_at)
        .where(exchange_sessions.c.id == session_id)
        .where(exchange_sessions.c.connection_id == connection_id)
        .where(exchange_sessions.c.created_at > now - SESSION_AGE)
    )
    return None if created_at is None else Session(session_id, created_at)


# Uploads.


def pieces_of(db: Connection, connection_id: int, ordering_key: str) -> list[Piece]:
    """Every piece that came under this key, in the order of arrival."""
    body = event_bodies.c.body
    rows = db.execute(
        select(
            events.c.id,
            events.c.size_bytes,
            func.substr(body, 1, EDGE_BYTES),
            func.substr(body, func.length(body) - EDGE_BYTES + 1, EDGE_BYTES)
            if db.dialect.name != "sqlite"
            else func.substr(body, -EDGE_BYTES),
        )
        .join(event_bodies, event_bodies.c.event_id == events.c.id)
        .where(events.c.connection_id == connection_id, events.c.ordering_key == ordering_key)
        .where(_FILES)
        .order_by(events.c.id)
    )
    return [Piece(row[0], row[1], bytes(row[2] or b""), bytes(row[3] or b"")) for row in rows]


def piece_ids(db: Connection, connection_id: int, ordering_key: str, upload: Upload) -> list[int]:
    """The events of an upload, first to last."""
    query = (
        select(events.c.id)
        .where(events.c.connection_id == connection_id, events.c.ordering_key == ordering_key)
        .where(_FILES)
        .where(events.c.id.between(upload.first_event_id, upload.last_event_id))
    )
    return list(db.scalars(query.order_by(events.c.id)))


def body_of(db: Connection, event_id: int) -> bytes:
    """The bytes of one piece."""
    found = db.scalar(select(event_bodies.c.body).where(event_bodies.c.event_id == event_id))
    return bytes(found or b"")


def names_of(db: Connection, connection_id: int, session_id: str) -> list[str]:
    """The ordering keys of a session's files, in the order of their first pieces."""
    query = (
        select(events.c.ordering_key)
        .where(events.c.connection_id == connection_id, _FILES)
        .where(events.c.ordering_key > f"{session_id}/", events.c.ordering_key < f"{session_id}0")
        .group_by(events.c.ordering_key)
        .order_by(func.min(events.c.id))
    )
    return list(db.scalars(query))


def claim_run(
    db: Connection, connection_id: int, stream: str, upload: Upload, inner: str, now: datetime
) -> tuple[int, bool]:
    """The run over this upload and whether it is a new one."""
    mark = {
        "session_id": upload.session_id,
        "name": upload.name,
        "inner": inner,
        "last_event_id": upload.last_event_id,
    }
    same = [uploads.c[name] == value for name, value in mark.items()]
    db.execute(
        insert_for(db, uploads)
        .values(connection_id=connection_id, run_id=0, **mark)
        .on_conflict_do_nothing()
    )
    # Whoever asks for the same at the same moment waits here for the other's run.
    known = db.execute(select(uploads).where(*same).with_for_update()).one()
    if known.run_id:
        return known.run_id, False
    made = db.execute(
        insert(sync_runs)
        .values(
            connection_id=connection_id,
            stream=stream,
            trigger="upload",
            status="queued",
            created_at=now,
            upload={
                **mark,
                "first_event_id": upload.first_event_id,
                "pieces": upload.pieces,
                "size_bytes": upload.size_bytes,
            },
        )
        .returning(sync_runs.c.id)
    )
    run_id = int(made.scalar_one())
    db.execute(update(uploads).where(uploads.c.id == known.id).values(run_id=run_id))
    return run_id, True


def close_failed(db: Connection, run_id: int) -> None:
    """A failure was told: whoever asks for the same upload again gets a new run."""
    db.execute(update(uploads).where(uploads.c.run_id == run_id).values(run_id=0))


def open_upload_runs(db: Connection, connection_id: int) -> list[int]:
    """Runs over uploads of a connection that have not ended, the oldest first."""
    query = (
        select(sync_runs.c.id)
        .where(sync_runs.c.connection_id == connection_id)
        .where(text("sync_runs.upload IS NOT NULL AND sync_runs.status in ('queued', 'running')"))
        .order_by(sync_runs.c.id)
    )
    return list(db.scalars(query))


# Hand-outs.


def due_deliveries(
    db: Connection, connection_id: int, entity: str, limit: int, now: datetime
) -> list[Row[Any]]:
    """What a destination that fetches its changes must be told, the oldest duty first."""
    query = (
        select(deliveries)
        .where(deliveries.c.connection_id == connection_id, deliveries.c.entity == entity)
        .where(text("deliveries.status in ('pending', 'waiting')"), deliveries.c.due_at <= now)
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    return list(db.execute(query))


def remember_hand_outs(
    db: Connection, session_id: str, given: Sequence[tuple[int, int]], now: datetime
) -> None:
    """A session was handed these (delivery, generation), and nothing else any more."""
    forget_hand_outs(db, session_id)
    rows = [
        {
            "session_id": session_id,
            "delivery_id": delivery_id,
            "generation": generation,
            "handed_at": now,
        }
        for delivery_id, generation in given
    ]
    if rows:
        db.execute(insert(hand_outs), rows)


def handed_out(db: Connection, session_id: str) -> list[Row[Any]]:
    """The open deliveries that a session was handed, as it was handed them: their generation then
    stands in `generation`, and the moment in `handed_at`."""
    columns = [column for column in deliveries.c if column.name != "generation"]
    query = (
        select(*columns, hand_outs.c.generation, hand_outs.c.handed_at)
        .join(hand_outs, hand_outs.c.delivery_id == deliveries.c.id)
        .where(hand_outs.c.session_id == session_id, deliveries.c.status.in_(OPEN_STATUSES))
        .order_by(deliveries.c.id)
        .with_for_update(of=deliveries)
    )
    return list(db.execute(query))


def forget_hand_outs(db: Connection, session_id: str) -> None:
    """The session's hand-outs are settled."""
    db.execute(delete(hand_outs).where(hand_outs.c.session_id == session_id))
