"""What people write themselves: notes on a client."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from hub.store.models.base import contact_column, id_column, metadata
from hub.store.types import Id, LongText, Short, UtcTime

#: A note stands on the timeline too (kind «note»); one that was taken back keeps its row.
notes = Table(
    "notes",
    metadata,
    id_column(),
    contact_column(nullable=False),
    Column("text", LongText, nullable=False),
    #: The author's e-mail, and the user's id: only they may change it.
    Column("author", Short, nullable=False),
    Column("user_id", Id),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("deleted_at", UtcTime),
    Index("ix_notes_contact", "contact_id", "id"),
)
