"""The inbox: events, their raw bodies, attempts, leases and rejected requests."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from hub.store.models.base import connection_column, id_column, metadata
from hub.store.types import Id, Json, LongText, Short, UtcTime

#: status: received → done | ignored | waiting (retry_at) | dead
events = Table(
    "events",
    metadata,
    id_column(),
    connection_column(nullable=False),
    Column("event_key", Short, nullable=False),
    Column("ordering_key", Short, nullable=False, default=""),
    Column("type", Short, nullable=False, default=""),
    Column("status", String(16), nullable=False, default="received"),
    Column("received_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("retry_at", UtcTime),
    Column("attempts", Integer, nullable=False, default=0),
    #: Times a worker died while it held this event; see flow/claim.py.
    Column("deaths", Integer, nullable=False, default=0),
    #: Grows with every replay, so that a worker that read the event before marks nothing.
    Column("generation", Integer, nullable=False, default=0, server_default="0"),
    Column("error_code", Short),
    Column("error_message", LongText),
    Column("size_bytes", Integer, nullable=False, default=0),
    UniqueConstraint("connection_id", "event_key"),
)
Index(
    "ix_events_open",
    events.c.connection_id,
    events.c.id,
    postgresql_where=text("status = 'received'"),
    sqlite_where=text("status = 'received'"),
)
Index(
    "ix_events_waiting",
    events.c.retry_at,
    postgresql_where=text("status = 'waiting'"),
    sqlite_where=text("status = 'waiting'"),
)
Index(
    "ix_events_dead",
    events.c.connection_id,
    events.c.error_code,
    postgresql_where=text("status = 'dead'"),
    sqlite_where=text("status = 'dead'"),
)
#: What failed, by its kind; an event that never did has no place in it.
Index(
    "ix_events_error",
    events.c.error_code,
    events.c.id,
    postgresql_where=text("error_code IS NOT NULL"),
    sqlite_where=text("error_code IS NOT NULL"),
)
#: Pieces of uploads by their file; no other event has a place in it.
Index(
    "ix_events_files",
    events.c.connection_id,
    events.c.ordering_key,
    events.c.id,
    postgresql_where=text("type = 'file'"),
    sqlite_where=text("type = 'file'"),
)
#: A connection's events by status, in order of arrival. One partial index each: an accept writes
#: one of them (`ix_events_open`), a drain another; what no event is costs nothing.
for _status in ("done", "ignored", "waiting", "dead"):
    Index(
        f"ix_events_{_status}_of",
        events.c.connection_id,
        events.c.id,
        postgresql_where=text(f"status = '{_status}'"),
        sqlite_where=text(f"status = '{_status}'"),
    )

#: The raw request, immutable, out of the hot row.
event_bodies = Table(
    "event_bodies",
    metadata,
    Column("event_id", Id, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
    Column("method", String(16), nullable=False),
    Column("path", LongText, nullable=False, default=""),
    Column("query", LongText, nullable=False, default=""),
    #: [[name, value], …] in the order received.
    Column("headers", Json, nullable=False),
    Column("remote_addr", Short, nullable=False, default=""),
    Column("body", LargeBinary, nullable=False),
)

#: One try at one event or one delivery. subject: event | delivery
attempts = Table(
    "attempts",
    metadata,
    id_column(),
    Column("subject", String(16), nullable=False),
    Column("subject_id", Id, nullable=False),
    Column("number", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("step", String(16), nullable=False, default=""),
    Column("started_at", UtcTime, nullable=False),
    Column("duration_ms", Integer, nullable=False, default=0),
    Column("error_code", Short),
    Column("error_message", LongText),
    Column("status_code", Integer),
    Column("request", LongText),
    Column("reply", LongText),
    Column("replay_id", Id),
    Index("ix_attempts_subject", "subject", "subject_id", "id"),
)

#: A person made events run again: who, why, from which step, how many.
replays = Table(
    "replays",
    metadata,
    id_column(),
    Column("created_at", UtcTime, nullable=False),
    Column("user_id", Id),
    Column("step", String(16), nullable=False),
    Column("reason", LongText, nullable=False, default=""),
    Column("event_count", Integer, nullable=False, default=0),
)

#: Which worker holds a connection's inbox; `token` fences one that woke up too late.
leases = Table(
    "leases",
    metadata,
    Column("name", Short, primary_key=True),
    Column("owner", Short, nullable=False, default=""),
    Column("token", Integer, nullable=False, default=0),
    Column("expires_at", UtcTime, nullable=False),
    #: Holders in a row that died without giving the lease back.
    Column("deaths", Integer, nullable=False, default=0),
)

#: Requests refused before they became events: counted, with a cut sample, no body.
rejections = Table(
    "rejections",
    metadata,
    id_column(),
    Column("connection_name", Short, nullable=False, index=True),
    Column("cause", Short, nullable=False),
    Column("message", LongText, nullable=False, default=""),
    Column("first_at", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("count", Integer, nullable=False, default=1),
    Column("remote_addr", Short, nullable=False, default=""),
    Column("sample", LongText, nullable=False, default=""),
    UniqueConstraint("connection_name", "cause", "message"),
)

#: Events counted per connection, status and hour, so pages never count rows.
event_counts = Table(
    "event_counts",
    metadata,
    connection_column(primary_key=True),
    Column("hour", UtcTime, primary_key=True),
    Column("status", String(16), primary_key=True),
    Column("count", Integer, nullable=False, default=0),
)

#: Small facts shared by all processes: configuration version, heartbeats.
facts = Table(
    "facts",
    metadata,
    Column("name", Short, primary_key=True),
    Column("value", LongText, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)
