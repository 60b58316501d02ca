"""Dialogues: sessions of systems that call step by step, their uploads, what they were handed."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from hub.store.models.base import connection_column, id_column, metadata
from hub.store.types import Id, Short, UtcTime

exchange_sessions = Table(
    "exchange_sessions",
    metadata,
    Column("id", Short, primary_key=True),
    connection_column(nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_exchange_sessions_age", "connection_id", "created_at"),
)

#: A file of a session that was asked to be read; its pieces are events. `inner` is the part of an
#: archive. One that goes on growing under its name is another upload: its last piece is another.
#: `run_id` is 0 once the failure of its run was told.
uploads = Table(
    "uploads",
    metadata,
    id_column(),
    connection_column(nullable=False),
    Column("session_id", Short, nullable=False),
    Column("name", Short, nullable=False),
    Column("inner", Short, nullable=False, default=""),
    Column("last_event_id", Id, nullable=False),
    Column("run_id", Id, nullable=False, index=True),
    UniqueConstraint("session_id", "name", "inner", "last_event_id"),
)

#: A delivery as a session was handed it; gone once the session has confirmed it.
hand_outs = Table(
    "hand_outs",
    metadata,
    Column(
        "session_id",
        Short,
        ForeignKey("exchange_sessions.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("delivery_id", Id, ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("handed_at", UtcTime, nullable=False),
)
