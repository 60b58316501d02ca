"""Which tasks are to be reminded of by mail, and which were.

A mark is written before the letter is handed in: whatever dies, no task is told of twice. A death
between the two costs the letter, and the notice on the pages still comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update

from hub.store.database import Database, insert_for, utc_now
from hub.store.lists.tasks import OPEN, own_span
from hub.store.models import contacts, task_reminders, tasks, users

#: A task names its own minutes up to a week; what is late for a day is reminded of no more.
LONGEST: Final = timedelta(days=7)
LATEST: Final = timedelta(days=1)
MOST: Final = 200


@dataclass(frozen=True)
class Reminder:
    """A letter to write: of which task, to whom, in which language."""

    task_id: int
    title: str
    due_at: datetime
    contact_name: str
    user_id: int
    email: str
    language: str


def due(database: Database, now: datetime, span: timedelta) -> list[Reminder]:
    """Open tasks whose time of reminding has come, of people who asked for letters."""
    query = (
        select(
            tasks.c.id, tasks.c.title, tasks.c.due_at, tasks.c.remind_minutes,
            contacts.c.name.label("contact_name"),
            users.c.id.label("user_id"), users.c.email, users.c.language,
        )
        .join(users, users.c.email == tasks.c.manager)
        .outerjoin(contacts, contacts.c.id == tasks.c.contact_id)
        .outerjoin(task_reminders, task_reminders.c.task_id == tasks.c.id)
        .where(OPEN, users.c.task_mail, users.c.is_active, task_reminders.c.task_id.is_(None))
        .where(tasks.c.due_at > now - LATEST, tasks.c.due_at <= now + LONGEST)
        .order_by(tasks.c.due_at, tasks.c.id)
    )  # fmt: skip
    with database.read() as db:
        rows = [dict(row) for row in db.execute(query).mappings()]
    return [
        Reminder(
            row["id"], row["title"] or "", row["due_at"], row["contact_name"] or "",
            row["user_id"], row["email"], row["language"],
        )
        for row in rows
        if row["due_at"] - own_span(row, span) <= now
    ][:MOST]  # fmt: skip


def begin(database: Database, one: Reminder) -> bool:
    """Mark the task as told of; False where somebody has."""
    with database.write() as db:
        done = db.execute(
            insert_for(db, task_reminders)
            .values(task_id=one.task_id, user_id=one.user_id, begun_at=utc_now())
            .on_conflict_do_nothing()
            .returning(task_reminders.c.task_id)
        )
        return done.first() is not None


def sent(database: Database, task_id: int) -> None:
    """Note that the mail server took the letter."""
    mine = task_reminders.c.task_id == task_id
    with database.write() as db:
        db.execute(update(task_reminders).where(mine).values(sent_at=utc_now()))


def take_back(database: Database, task_id: int) -> None:
    """The mail server did not take the letter: it is tried again later."""
    with database.write() as db:
        db.execute(delete(task_reminders).where(task_reminders.c.task_id == task_id))
