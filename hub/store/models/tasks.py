"""Tasks: made by people, by connectors, and by the hub from missed calls."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, text

from hub.store.models.base import contact_column, metadata, record_columns
from hub.store.types import Id, LongText, Short, UtcTime

_OPEN_TASK = text("done_at IS NULL AND deleted_at IS NULL")
_NUMBERED = text("number IS NOT NULL")
_DONE = text("done_at IS NOT NULL")

#: kind: call_back (made by the hub from missed calls, `number` set) or empty
tasks = Table(
    "tasks",
    metadata,
    *record_columns(),
    contact_column(index=True),
    Column("title", Short),
    Column("due_at", UtcTime),
    Column("done_at", UtcTime),
    Column("comment", LongText),
    Column("manager", Short, index=True),
    Column("kind", String(16)),
    #: Whom to call back; the columns down to attempt_count are derived from the number's calls.
    Column("number", Short),
    #: The first missed call.
    Column("call_id", Id),
    Column("missed_count", Integer),
    Column("first_missed_at", UtcTime),
    Column("last_missed_at", UtcTime),
    #: Our calls since then that the client did not answer.
    Column("attempt_count", Integer),
    Column("closed_by_entity", String(16)),
    Column("closed_by_id", Id),
    #: Who said that it is done, by e-mail.
    Column("done_by", Short),
    #: A person opened it again: what happened before does not close it.
    Column("reopened_at", UtcTime),
    #: What a person made it from: an order, a lead, a letter, a call.
    Column("about_entity", String(16)),
    Column("about_id", Id),
    #: Minutes before the deadline; empty: as hub.yml says.
    Column("remind_minutes", Integer),
    Index("ix_tasks_updated", "updated_at", "id"),
    Index("ix_tasks_open", "due_at", "id", sqlite_where=_OPEN_TASK, postgresql_where=_OPEN_TASK),
    Index(
        "ix_tasks_open_manager",
        "manager",
        "due_at",
        "id",
        sqlite_where=_OPEN_TASK,
        postgresql_where=_OPEN_TASK,
    ),
    Index("ix_tasks_done", "done_at", "id", sqlite_where=_DONE, postgresql_where=_DONE),
    Index(
        "ix_tasks_number",
        "number",
        "last_missed_at",
        sqlite_where=_NUMBERED,
        postgresql_where=_NUMBERED,
    ),
    Index("ix_tasks_about", "about_entity", "about_id"),
)

#: Tasks that were reminded of by mail; a row is there before the letter is.
task_reminders = Table(
    "task_reminders",
    metadata,
    Column("task_id", Id, primary_key=True, autoincrement=False),
    Column("user_id", Id, nullable=False),
    Column("begun_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
)
