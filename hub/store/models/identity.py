"""Who is who: contact points, external ids, claims that let each be made only once, merges."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, UniqueConstraint

from hub.store.models.base import connection_column, contact_column, id_column, metadata
from hub.store.types import Id, Json, Short, UtcTime

#: Every phone and e-mail of a contact. kind: phone | email
contact_points = Table(
    "contact_points",
    metadata,
    id_column(),
    contact_column(nullable=False, index=True),
    Column("kind", String(8), nullable=False),
    Column("value", Short, nullable=False),
    UniqueConstraint("contact_id", "kind", "value"),
    Index("ix_contact_points_value", "kind", "value"),
)

#: Who a phone or e-mail belongs to first: the constraint that lets one person be made only once.
identity_claims = Table(
    "identity_claims",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("value", Short, primary_key=True),
    contact_column(nullable=False, index=True),
)

#: status: open | merged | dismissed
possible_duplicates = Table(
    "possible_duplicates",
    metadata,
    id_column(),
    contact_column(nullable=False),
    Column("other_id", Id, ForeignKey("contacts.id"), nullable=False, index=True),
    Column("reason", Short, nullable=False),
    Column("status", String(16), nullable=False, default="open"),
    Column("event_id", Id),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("contact_id", "other_id"),
)

#: What a merge moved, so that it can be undone.
merges = Table(
    "merges",
    metadata,
    id_column(),
    Column("kept_id", Id, ForeignKey("contacts.id"), nullable=False, index=True),
    Column("merged_id", Id, ForeignKey("contacts.id"), nullable=False, index=True),
    Column("moved", Json, nullable=False),
    Column("actor", Short, nullable=False, default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("undone_at", UtcTime),
)

#: (connection, entity, external id) ↔ record
bindings = Table(
    "bindings",
    metadata,
    id_column(),
    connection_column(nullable=False),
    Column("entity", String(16), nullable=False),
    Column("external_id", Short, nullable=False),
    Column("record_id", Id, nullable=False),
    UniqueConstraint("connection_id", "entity", "external_id"),
    Index("ix_bindings_record", "entity", "record_id"),
)

#: Which company took an INN first (`place` is «*») and which has it with a KPP (`place` is the
#: KPP, empty without one): the constraint that lets one company be made only once.
company_claims = Table(
    "company_claims",
    metadata,
    Column("inn", Short, primary_key=True),
    Column("place", Short, primary_key=True),
    Column(
        "company_id", Id, ForeignKey("companies.id", ondelete="CASCADE"), nullable=False, index=True
    ),
)
