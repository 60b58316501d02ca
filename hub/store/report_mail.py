"""Who gets which report by mail, and the letters that come of it.

A letter is a row before it is sent, unique by subscription, slot and person: whatever dies, and
however many schedulers there are, a slot is told to a person once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select, update

from hub.store.database import Database, insert_for, utc_now
from hub.store.lists.paging import Row, as_dicts
from hub.store.models import report_letters, report_subscriptions, users

RHYTHMS: Final = ("day", "week", "month")
WAITING, SENT, FAILED = "waiting", "sent", "failed"
#: Letters of a subscription that its page shows.
SHOWN: Final = 10


@dataclass(frozen=True)
class Task:
    """A letter to write: which report for whom, of the period before `today`."""

    letter_id: int
    report: str
    rhythm: str
    slot: str
    today: date
    user_id: int
    email: str
    name: str
    role: str
    language: str
    tries: int


def next_due(rhythm: str, hour: int, after: datetime, zone: ZoneInfo) -> datetime:
    """The first moment after this one when a letter of the rhythm is due: each day, on Mondays, on
    the first of a month."""
    day = after.astimezone(zone).date()
    while True:
        fits = {"day": True, "week": day.weekday() == 0, "month": day.day == 1}[rhythm]
        due = datetime.combine(day, time(hour), tzinfo=zone)
        if fits and due > after:
            return due
        day += timedelta(days=1)


def subscribe(
    db: Connection,
    report: str,
    rhythm: str,
    hour: int,
    recipients: Sequence[int],
    author_id: int,
    zone: ZoneInfo,
) -> int:
    """Add a subscription; returns its id."""
    now = utc_now()
    values = {
        "report": report,
        "rhythm": rhythm,
        "hour": hour,
        "recipients": list(recipients),
        "author_id": author_id,
        "created_at": now,
        "due_at": next_due(rhythm, hour, now, zone),
    }
    statement = insert(report_subscriptions).values(**values)
    return int(db.execute(statement.returning(report_subscriptions.c.id)).scalar_one())


def subscriptions(database: Database) -> list[Row]:
    """Every subscription, the newest first, each with its last `letters`."""
    with database.read() as db:
        query = select(report_subscriptions).order_by(report_subscriptions.c.id.desc())
        rows = as_dicts(db.execute(query).mappings())
        for row in rows:
            letters = (
                select(report_letters, users.c.name.label("person"))
                .join(users, users.c.id == report_letters.c.user_id)
                .where(report_letters.c.subscription_id == row["id"])
                .order_by(report_letters.c.id.desc())
                .limit(SHOWN)
            )
            row["letters"] = as_dicts(db.execute(letters).mappings())
    return rows


def get_subscription(database: Database, subscription_id: int) -> Row | None:
    """One subscription."""
    with database.read() as db:
        query = select(report_subscriptions).where(report_subscriptions.c.id == subscription_id)
        found = db.execute(query).mappings().first()
    return dict(found) if found is not None else None


def pause(db: Connection, subscription_id: int, paused: bool, zone: ZoneInfo) -> None:
    """Stop a subscription for a while, or go on with the next slot."""
    row = db.execute(
        select(report_subscriptions).where(report_subscriptions.c.id == subscription_id)
    ).one()
    due = None if paused else next_due(row.rhythm, row.hour, utc_now(), zone)
    db.execute(
        update(report_subscriptions)
        .where(report_subscriptions.c.id == subscription_id)
        .values(is_paused=paused, due_at=due)
    )


def remove(db: Connection, subscription_id: int) -> None:
    """Delete a subscription and what is kept of its letters."""
    letters = report_letters.c.subscription_id == subscription_id
    db.execute(delete(report_letters).where(letters))
    db.execute(delete(report_subscriptions).where(report_subscriptions.c.id == subscription_id))


def ask_now(db: Connection, subscription_id: int, user_id: int) -> None:
    """Have a letter sent to this user as soon as can be."""
    now = utc_now()
    _add_letter(db, subscription_id, f"now-{now.isoformat()}", user_id, now)


def open_slots(database: Database, now: datetime, zone: ZoneInfo) -> None:
    """Write down the letters of every slot that has come. One that was slept through comes once."""
    query = select(report_subscriptions).where(report_subscriptions.c.due_at <= now)
    with database.read() as db:
        due = db.execute(query).all()
    for row in due:
        with database.write() as db:
            taken = db.execute(
                update(report_subscriptions)
                .where(report_subscriptions.c.id == row.id)
                .where(report_subscriptions.c.due_at == row.due_at)
                .values(due_at=next_due(row.rhythm, row.hour, now, zone))
            )
            if taken.rowcount == 1:
                slot = row.due_at.astimezone(zone).date().isoformat()
                for user_id in row.recipients:
                    _add_letter(db, row.id, slot, user_id, now)


def _add_letter(
    db: Connection, subscription_id: int, slot: str, user_id: int, now: datetime
) -> None:
    if db.scalar(select(users.c.id).where(users.c.id == user_id)) is None:
        return
    statement = insert_for(db, report_letters).values(
        subscription_id=subscription_id,
        slot=slot,
        user_id=user_id,
        status=WAITING,
        tries=0,
        try_at=now,
        created_at=now,
    )
    db.execute(statement.on_conflict_do_nothing())


def due_letters(database: Database, now: datetime, zone: ZoneInfo) -> list[Task]:
    """Letters to be sent now, the oldest first; none to people who are no longer active."""
    letters, subscriptions_ = report_letters.c, report_subscriptions.c
    query = (
        select(
            letters.id.label("letter_id"), letters.slot, letters.tries, letters.user_id,
            subscriptions_.report, subscriptions_.rhythm,
            users.c.email, users.c.name, users.c.role, users.c.language,
        )
        .join(report_subscriptions, subscriptions_.id == letters.subscription_id)
        .join(users, users.c.id == letters.user_id)
        .where(letters.status == WAITING, letters.try_at <= now, users.c.is_active)
        .order_by(letters.id)
        .limit(100)
    )  # fmt: skip
    with database.read() as db:
        rows = as_dicts(db.execute(query).mappings())
    return [Task(**row, today=_day_of(row["slot"], now, zone)) for row in rows]


def _day_of(slot: str, now: datetime, zone: ZoneInfo) -> date:
    return now.astimezone(zone).date() if slot.startswith("now-") else date.fromisoformat(slot)


def begin(db: Connection, letter_id: int) -> None:
    """Note that a letter is about to be sent."""
    _set(db, letter_id, tries=report_letters.c.tries + 1, begun_at=utc_now())


def sent(db: Connection, letter_id: int) -> None:
    """Note that the mail server took the letter."""
    _set(db, letter_id, status=SENT, sent_at=utc_now(), error=None, try_at=None)


def not_sent(db: Connection, letter_id: int, error: str, again_at: datetime | None) -> None:
    """Note why a letter did not go out, and when it is tried again; never, without a time."""
    status = FAILED if again_at is None else WAITING
    _set(db, letter_id, status=status, error=error, try_at=again_at)


def _set(db: Connection, letter_id: int, **values: Any) -> None:
    db.execute(update(report_letters).where(report_letters.c.id == letter_id).values(**values))
