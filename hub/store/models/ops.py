"""What operations keep: replays of many events, incidents, notices, reconciliations asked for."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
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

#: Many events to run again, or to try without writing. The row is the truth: whoever takes the job
#: goes on after `position`. mode: run | dry; status: queued → running → done | failed | cancelled
replay_jobs = Table(
    "replay_jobs",
    metadata,
    id_column(),
    Column("mode", String(8), nullable=False),
    Column("status", String(16), nullable=False, default="queued"),
    #: {"ids": […]} or {"filter": {…}}.
    Column("selection", Json, nullable=False),
    Column("step", String(16), nullable=False),
    Column("actor", Short, nullable=False, default=""),
    Column("reason", LongText, nullable=False, default=""),
    #: Events a second at most; 0: as fast as it goes.
    Column("per_second", Integer, nullable=False, default=0),
    #: How many events at most; 0: all.
    Column("most", Integer, nullable=False, default=0),
    #: How many are to come, where that is cheap to know.
    Column("total", Integer),
    Column("first_id", Id, nullable=False, default=0),
    Column("last_id", Id, nullable=False, default=0),
    #: Events up to this id have been looked at.
    Column("position", Id, nullable=False, default=0),
    Column("taken", Integer, nullable=False, default=0),
    #: Opened again and not yet settled.
    Column("in_flight", Json, nullable=False, default=list),
    #: {outcome: number}.
    Column("counts", Json, nullable=False, default=dict),
    #: Causes of failures and samples of changes.
    Column("findings", Json, nullable=False, default=dict),
    Column("replay_id", Id),
    Column("error_message", LongText),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("updated_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
)
Index(
    "ix_replay_jobs_open",
    replay_jobs.c.id,
    postgresql_where=text("status in ('queued', 'running')"),
    sqlite_where=text("status in ('queued', 'running')"),
)

#: Which events a replay opened again.
replayed_events = Table(
    "replayed_events",
    metadata,
    Column("event_id", Id, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
    Column("replay_id", Id, primary_key=True),
)

#: Troubles of one cause. state: open | acknowledged | resolved | muted
incidents = Table(
    "incidents",
    metadata,
    id_column(),
    #: What makes two troubles the same: kind, connection and cause.
    Column("key", Short, nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    connection_column(),
    Column("subject", Short, nullable=False, default=""),
    #: An error's code or a step; what the fix hint goes by.
    Column("cause", Short, nullable=False, default=""),
    #: warning | critical
    Column("severity", String(16), nullable=False),
    Column("state", String(16), nullable=False, default="open"),
    Column("count", Integer, nullable=False, default=0),
    Column("message", LongText, nullable=False, default=""),
    #: Ids of events, deliveries or runs to look at.
    Column("samples", Json, nullable=False, default=list),
    Column("opened_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("resolved_at", UtcTime),
    Column("muted_until", UtcTime),
    #: Who acknowledged or muted it, and what they said.
    Column("actor", Short, nullable=False, default=""),
    Column("note", LongText, nullable=False, default=""),
    #: Grows with every opening and recovery: what a notice tells is told once.
    Column("transition", Integer, nullable=False, default=1),
    Column("openings", Integer, nullable=False, default=1),
    Index("ix_incidents_state", "state", "id"),
    Index("ix_incidents_seen", "seen_at", "id"),
)

#: Where notices go. kind: mail | telegram | webhook
notice_channels = Table(
    "notice_channels",
    metadata,
    id_column(),
    Column("title", Short, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("is_active", Boolean, nullable=False, default=True),
    Column("settings", Json, nullable=False, default=dict),
    #: Encrypted JSON of {name: value}; see store/secrets.py.
    Column("secrets", LargeBinary),
    #: warning: everything; critical: only that.
    Column("severity", String(16), nullable=False, default="warning"),
    #: «22:00», «08:00» in the company's zone; critical notices do not wait.
    Column("quiet_from", String(5), nullable=False, default=""),
    Column("quiet_until", String(5), nullable=False, default=""),
    #: At least so many minutes between two messages; what comes meanwhile is told together.
    Column("interval_minutes", Integer, nullable=False, default=5),
    Column("sent_at", UtcTime),
    Column("error_message", LongText, nullable=False, default=""),
    Column("created_at", UtcTime, nullable=False),
)

#: One transition of one incident to one channel. status: pending → sent | dead
notices = Table(
    "notices",
    metadata,
    id_column(),
    Column("incident_id", Id, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column(
        "channel_id",
        Id,
        ForeignKey("notice_channels.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("transition", Integer, nullable=False),
    #: opened | reopened | recovered
    Column("event", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    #: The incident as it was told.
    Column("message", LongText, nullable=False, default=""),
    Column("status", String(16), nullable=False, default="pending"),
    Column("due_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("error_message", LongText, nullable=False, default=""),
    #: Known to the receiver: several notices of one message have one.
    Column("message_key", Short, nullable=False, default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    UniqueConstraint("incident_id", "transition", "channel_id"),
)
Index(
    "ix_notices_due",
    notices.c.due_at,
    postgresql_where=text("status = 'pending'"),
    sqlite_where=text("status = 'pending'"),
)

#: A comparison with a vendor's history that is asked for. status: queued → running → done | failed
reconcile_jobs = Table(
    "reconcile_jobs",
    metadata,
    id_column(),
    connection_column(nullable=False),
    #: Days in the company's zone, both inclusive.
    Column("first_day", String(10), nullable=False),
    Column("last_day", String(10), nullable=False),
    #: schedule | person
    Column("trigger", String(16), nullable=False),
    Column("actor", Short, nullable=False, default=""),
    Column("status", String(16), nullable=False, default="queued"),
    Column("error_message", LongText, nullable=False, default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
)
Index(
    "ix_reconcile_jobs_open",
    reconcile_jobs.c.id,
    postgresql_where=text("status in ('queued', 'running')"),
    sqlite_where=text("status in ('queued', 'running')"),
)
