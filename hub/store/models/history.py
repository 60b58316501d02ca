"""What happened: a client's timeline, and who changed what in a record."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, UniqueConstraint

from hub.store.models.base import connection_column, contact_column, id_column, metadata
from hub.store.types import Id, Json, UtcTime

#: One entry per record on a contact's timeline; `kind` is the entity.
timeline = Table(
    "timeline",
    metadata,
    id_column(),
    contact_column(nullable=False),
    Column("kind", String(16), nullable=False),
    Column("record_id", Id, nullable=False),
    Column("occurred_at", UtcTime, nullable=False),
    connection_column(),
    Column("event_id", Id),
    #: What a page shows without reading the record: number, status, subject, seconds …
    Column("summary", Json, nullable=False, default=dict),
    UniqueConstraint("kind", "record_id"),
    Index("ix_timeline_contact", "contact_id", "occurred_at", "id"),
)

#: What each event, run, person or delivery's receipt changed: {field: [before, after]}.
changes = Table(
    "changes",
    metadata,
    id_column(),
    Column("entity", String(16), nullable=False),
    Column("record_id", Id, nullable=False),
    Column("event_id", Id, index=True),
    Column("run_id", Id, index=True),
    Column("user_id", Id),
    Column("delivery_id", Id),
    Column("action", String(16), nullable=False),
    Column("fields", Json, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("ix_changes_record", "entity", "record_id", "id"),
)
