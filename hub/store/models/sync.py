"""Polls and deliveries: cursors, sync runs, staged snapshot rows, deliveries."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, UniqueConstraint, text

from hub.store.models.base import connection_column, id_column, metadata
from hub.store.types import Id, Json, LongText, Short, UtcTime

#: One stream's position and next due time.
cursors = Table(
    "cursors",
    metadata,
    connection_column(primary_key=True),
    Column("stream", Short, primary_key=True),
    Column("cursor", Json, nullable=False, default=dict),
    Column("updated_at", UtcTime, nullable=False),
    Column("next_run_at", UtcTime, index=True),
    #: Last time a run of this stream succeeded: what «as of» means for a page.
    Column("fresh_at", UtcTime),
    Column("row_count", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    #: The snapshot that the stored rows are: {digest, run_id, rows_read …}; any change forgets it.
    Column("answer", Json),
)

#: status: queued | running | succeeded | failed | held
#: trigger: schedule | person | event | recovery | change | upload
sync_runs = Table(
    "sync_runs",
    metadata,
    id_column(),
    connection_column(nullable=False),
    Column("stream", Short, nullable=False),
    Column("trigger", String(16), nullable=False),
    Column("status", String(16), nullable=False, default="queued"),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("rows_read", Integer, nullable=False, default=0),
    Column("rows_created", Integer, nullable=False, default=0),
    Column("rows_changed", Integer, nullable=False, default=0),
    Column("rows_removed", Integer, nullable=False, default=0),
    Column("rows_rejected", Integer, nullable=False, default=0),
    #: Warnings about rows that were stored: a field that could not be read.
    Column("rows_warned", Integer, nullable=False, default=0, server_default="0"),
    Column("cursor_before", Json),
    Column("cursor_after", Json),
    Column("error_code", Short),
    Column("error_message", LongText),
    #: Why a snapshot is held, or who let it through.
    Column("held_reason", LongText),
    #: Who let a held snapshot through, and how few rows that person accepted.
    Column("approved_by", Short),
    Column("accepted_rows", Integer),
    #: The uploaded file that the run reads; NULL for a poll.
    Column("upload", Json),
    Index("ix_sync_runs_stream", "connection_id", "stream", "id"),
    Index("ix_sync_runs_connection", "connection_id", "id"),
    Index("ix_sync_runs_status", "status", "id"),
)
Index(
    "ix_sync_runs_uploads",
    sync_runs.c.connection_id,
    sync_runs.c.id,
    postgresql_where=text("upload IS NOT NULL AND status in ('queued', 'running')"),
    sqlite_where=text("upload IS NOT NULL AND status in ('queued', 'running')"),
)

#: Rows of a run that could not be stored (rejected), or only in part (warning); none blocks others.
row_issues = Table(
    "row_issues",
    metadata,
    id_column(),
    Column("run_id", Id, nullable=False, index=True),
    Column("place", Short, nullable=False, default=""),
    Column("message", LongText, nullable=False),
    Column("row", LongText, nullable=False, default=""),
    #: rejected | warning
    Column("kind", String(16), nullable=False, default="rejected", server_default="rejected"),
)

#: status: pending → delivered | waiting | paused | dead
deliveries = Table(
    "deliveries",
    metadata,
    id_column(),
    #: The destination.
    connection_column(nullable=False),
    Column("entity", String(16), nullable=False),
    Column("record_id", Id, nullable=False),
    Column("event_type", Short, nullable=False),
    Column("delivery_key", Short, nullable=False, unique=True),
    Column("status", String(16), nullable=False, default="pending"),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("due_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("attempts", Integer, nullable=False, default=0),
    #: Grows when the record changes again before the delivery is made: the newest state wins.
    Column("generation", Integer, nullable=False, default=1),
    Column("is_deleted", Boolean, nullable=False, default=False),
    Column("event_id", Id),
    Column("error_code", Short),
    Column("error_message", LongText),
)
Index(
    "uq_deliveries_open",
    deliveries.c.connection_id,
    deliveries.c.entity,
    deliveries.c.record_id,
    unique=True,
    postgresql_where=text("status in ('pending', 'waiting', 'paused')"),
    sqlite_where=text("status in ('pending', 'waiting', 'paused')"),
)
Index(
    "ix_deliveries_due",
    deliveries.c.connection_id,
    deliveries.c.due_at,
    postgresql_where=text("status in ('pending', 'waiting')"),
    sqlite_where=text("status in ('pending', 'waiting')"),
)
Index("ix_deliveries_status", deliveries.c.status, deliveries.c.id)
#: What became of one record's changes: a record's and an event's page ask.
Index("ix_deliveries_record", deliveries.c.entity, deliveries.c.record_id, deliveries.c.id)


#: What two sides say of one period (filled by reconciliation).
reconciliations = Table(
    "reconciliations",
    metadata,
    id_column(),
    connection_column(nullable=False),
    Column("day", Short, nullable=False),
    Column("theirs", Integer, nullable=False, default=0),
    Column("ours", Integer, nullable=False, default=0),
    Column("recovered", Integer, nullable=False, default=0),
    Column("unexplained", Integer, nullable=False, default=0),
    Column("details", Json, nullable=False, default=dict),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("connection_id", "day"),
)
