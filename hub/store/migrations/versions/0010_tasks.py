"""Call-backs made from missed calls, tasks about anything, letters that wait for an answer."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0010"
down_revision = "0009"

TASK_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "kind": sa.String(16),
    "number": types.Short,
    "call_id": types.Id,
    "missed_count": sa.Integer(),
    "first_missed_at": types.UtcTime(),
    "last_missed_at": types.UtcTime(),
    "attempt_count": sa.Integer(),
    "closed_by_entity": sa.String(16),
    "closed_by_id": types.Id,
    "done_by": types.Short,
    "reopened_at": types.UtcTime(),
    "about_entity": sa.String(16),
    "about_id": types.Id,
    "remind_minutes": sa.Integer(),
}
LETTER_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "awaits_since": types.UtcTime(),
    "waived_at": types.UtcTime(),
    "waived_by": types.Short,
}
COLUMNS = (
    ("tasks", TASK_COLUMNS),
    ("messages", LETTER_COLUMNS),
    ("calls", {"is_settled": sa.Boolean()}),
)
#: (name, table, columns, condition)
INDEXES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("ix_tasks_open", "tasks", ("due_at", "id"), "done_at IS NULL AND deleted_at IS NULL"),
    (
        "ix_tasks_open_manager",
        "tasks",
        ("manager", "due_at", "id"),
        "done_at IS NULL AND deleted_at IS NULL",
    ),
    ("ix_tasks_done", "tasks", ("done_at", "id"), "done_at IS NOT NULL"),
    ("ix_tasks_number", "tasks", ("number", "last_missed_at"), "number IS NOT NULL"),
    ("ix_tasks_about", "tasks", ("about_entity", "about_id"), ""),
    ("ix_messages_awaiting", "messages", ("awaits_since", "id"), "awaits_since IS NOT NULL"),
    ("ix_messages_thread", "messages", ("thread_key", "sent_at"), ""),
    ("ix_calls_contact", "calls", ("contact_id", "started_at"), ""),
)
#: What the new ones take the place of: (name, table, column).
FORMER = (
    ("ix_messages_thread_key", "messages", "thread_key"),
    ("ix_calls_contact_id", "calls", "contact_id"),
)


def upgrade() -> None:
    for table, columns in COLUMNS:
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind, nullable=True))
    there = _there()
    for name, table, wanted, condition in INDEXES:
        if name in there:
            # Another migration of the same days made it.
            continue
        where = sa.text(condition) if condition else None
        op.create_index(name, table, list(wanted), sqlite_where=where, postgresql_where=where)
    for name, table, _ in FORMER:
        if name in there:
            op.drop_index(name, table_name=table)


def _there() -> set[str | None]:
    """The indexes of the tables concerned."""
    inspector = sa.inspect(op.get_bind())
    tables = {table for _, table, *_ in INDEXES}
    return {index["name"] for table in tables for index in inspector.get_indexes(table)}


def downgrade() -> None:
    for name, table, column in FORMER:
        op.create_index(name, table, [column])
    for name, table, *_ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
    for table, columns in reversed(COLUMNS):
        for name in reversed(columns):
            op.drop_column(table, name)
