"""Connections and their revisions, users, tokens, audit."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, false

from hub.store.models.base import connection_column, id_column, metadata
from hub.store.types import Json, LongText, Short, UtcTime

#: state: active | paused | needs_attention
connections = Table(
    "connections",
    metadata,
    id_column(),
    Column("name", Short, nullable=False, unique=True),
    Column("connector", Short, nullable=False),
    Column("title", Short, nullable=False, default=""),
    Column("state", String(16), nullable=False, default="active"),
    Column("state_reason", LongText, nullable=False, default=""),
    Column("settings", Json, nullable=False, default=dict),
    #: Encrypted JSON of {name: [values]}; see store/secrets.py.
    Column("secrets", LargeBinary),
    Column("schedule", Json, nullable=False, default=dict),
    Column("mappings", Json, nullable=False, default=dict),
    Column("destinations", Json, nullable=False, default=list),
    Column("revision", Integer, nullable=False, default=1),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("last_event_at", UtcTime),
)

#: Every former shape of a connection, without secrets.
connection_revisions = Table(
    "connection_revisions",
    metadata,
    id_column(),
    connection_column(nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("document", Json, nullable=False),
    Column("author", Short, nullable=False, default=""),
    Column("note", LongText, nullable=False, default=""),
    Column("created_at", UtcTime, nullable=False),
)

#: role: admin | head | manager | auditor
users = Table(
    "users",
    metadata,
    id_column(),
    Column("email", Short, nullable=False, unique=True),
    Column("name", Short, nullable=False, default=""),
    Column("role", String(16), nullable=False),
    Column("password_hash", Short, nullable=False),
    Column("language", String(8), nullable=False, default=""),
    Column("is_active", Boolean, nullable=False, default=True),
    #: Grows when all sessions of the user must end.
    Column("session_epoch", Integer, nullable=False, default=0),
    Column("created_at", UtcTime, nullable=False),
    Column("last_login_at", UtcTime),
    Column("failed_logins", Integer, nullable=False, default=0),
    Column("locked_until", UtcTime),
    #: «issuer subject» of the company's sign-on that this user came by.
    Column("subject", Short),
    #: They asked for reminders of their tasks by mail.
    Column("task_mail", Boolean, nullable=False, default=False, server_default=false()),
    Index("uq_users_subject", "subject", unique=True),
)

tokens = Table(
    "tokens",
    metadata,
    id_column(),
    Column("name", Short, nullable=False, default=""),
    Column("role", String(16), nullable=False),
    #: [«area:read» | «area:write», …]; NULL: all that the role may do.
    Column("scopes", Json),
    Column("token_hash", Short, nullable=False, unique=True),
    Column("created_by", Short, nullable=False, default="", server_default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("last_used_at", UtcTime),
    Column("revoked_at", UtcTime),
)

#: Who did what: every change and every look at a client's personal data.
audit = Table(
    "audit",
    metadata,
    id_column(),
    Column("at", UtcTime, nullable=False),
    Column("actor", Short, nullable=False),
    Column("action", Short, nullable=False),
    Column("subject", Short, nullable=False, default=""),
    Column("subject_id", Short, nullable=False, default=""),
    Column("details", Json, nullable=False, default=dict),
    Index("ix_audit_subject", "subject", "subject_id", "id"),
    Index("ix_audit_at", "at", "id"),
    Index("ix_audit_actor", "actor", "at", "id"),
    Index("ix_audit_action", "action", "at", "id"),
    Index("ix_audit_kind", "subject", "at", "id"),
    Index("ix_audit_deeds", "actor", "action", "at", "id"),
)
