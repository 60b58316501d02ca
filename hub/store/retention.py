"""What is kept only for so long: raw requests, bodies of tries, refusals, the audit log, links to
recordings. Days by kind stand in hub.yml; what is over goes in small batches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, or_, select, update

from hub.settings import Settings
from hub.store import emptied, facts
from hub.store.database import Database, utc_now
from hub.store.models import attempts, audit, calls, events, rejections, sign_ins

BATCH: Final = 500
KINDS: Final = ("events", "attempts", "rejections", "recordings", "audit")
OPEN: Final = ("received", "waiting")
REWIND_AFTER: Final = timedelta(days=1)
SIGN_INS_KEPT: Final = timedelta(days=90)


@dataclass(frozen=True)
class Holding:
    """How much of a kind is held, about; how much is over its time, now and in a week."""

    kind: str
    #: Days it is kept; None: for ever.
    days: int | None
    held: int
    oldest: datetime | None
    over: int
    over_in_a_week: int


def days_of(settings: Settings, kind: str) -> int | None:
    """Days this kind is kept; None: for ever."""
    days = int(settings.option(f"retention.{kind}_days", 0))
    return days if days > 0 else None


def purge(database: Database, settings: Settings) -> int:
    """One batch of each kind that is over its time; how many rows were dealt with."""
    count = 0
    for kind in KINDS:
        if (days := days_of(settings, kind)) is not None:
            with database.write() as db:
                count += _PURGES[kind](db, utc_now() - timedelta(days=days))
    return count


def forget_sign_ins(database: Database) -> None:
    """Take away sign-ins that nobody has used for long; the audit log remembers them."""
    cutoff = utc_now() - SIGN_INS_KEPT
    with database.write(durable=False) as db:
        old = select(sign_ins.c.id).where(sign_ins.c.last_seen_at < cutoff).limit(BATCH)
        db.execute(delete(sign_ins).where(sign_ins.c.id.in_(list(db.scalars(old)))))


def holdings(database: Database, settings: Settings) -> list[Holding]:
    """Each kind: what is held and what will go when. Found by jumps in indexes, never counted."""
    with database.read() as db:
        return [_holding(db, settings, kind) for kind in KINDS]


def _events(db: Connection, cutoff: datetime) -> int:
    """Empty raw requests. An event that still waits for its work keeps it until that is done."""
    mark = _mark(db, "events")
    query = select(events.c.id, events.c.status, events.c.received_at).where(events.c.id > mark)
    rows = [
        row
        for row in db.execute(query.order_by(events.c.id).limit(BATCH)).all()
        if row.received_at < cutoff
    ]
    if not rows:
        return _rewind(db)
    closed = [row.id for row in rows if row.status not in OPEN]
    passed = min((row.id for row in rows if row.status in OPEN), default=0)
    if passed and not _mark(db, "events_passed"):
        facts.set_fact(db, "retention_events_passed", str(passed))
    if closed:
        emptied.empty(db, closed, emptied.EXPIRED, utc_now())
    facts.set_fact(db, "retention_events", str(rows[-1].id))
    return len(rows)


def _rewind(db: Connection) -> int:
    """Once a day: go back to the first event that was passed over because it waited."""
    passed = _mark(db, "events_passed")
    if not passed:
        return 0
    last = facts.get_fact(db, "retention_rewound_at")
    if last and utc_now() - datetime.fromisoformat(last) < REWIND_AFTER:
        return 0
    facts.set_fact(db, "retention_events", str(passed - 1))
    facts.set_fact(db, "retention_events_passed", "0")
    facts.set_fact(db, "retention_rewound_at", utc_now().isoformat())
    return 1


def _attempts(db: Connection, cutoff: datetime) -> int:
    mark = _mark(db, "attempts")
    query = select(attempts.c.id, attempts.c.started_at).where(attempts.c.id > mark)
    rows = db.execute(query.order_by(attempts.c.id).limit(BATCH)).all()
    ids = [row.id for row in rows if row.started_at < cutoff]
    if ids:
        chosen = attempts.c.id.in_(ids)
        db.execute(update(attempts).where(chosen).values(request=None, reply=None))
        facts.set_fact(db, "retention_attempts", str(ids[-1]))
    return len(ids)


def _rejections(db: Connection, cutoff: datetime) -> int:
    query = select(rejections.c.id).where(rejections.c.last_at < cutoff).limit(BATCH)
    ids = list(db.scalars(query))
    db.execute(delete(rejections).where(rejections.c.id.in_(ids)))
    return len(ids)


def _audit(db: Connection, cutoff: datetime) -> int:
    query = select(audit.c.id).where(audit.c.at < cutoff).order_by(audit.c.at).limit(BATCH)
    ids = list(db.scalars(query))
    db.execute(delete(audit).where(audit.c.id.in_(ids)))
    return len(ids)


def _recordings(db: Connection, cutoff: datetime) -> int:
    """Forget where recordings can be heard; the calls stay."""
    since = facts.get_fact(db, "retention_recordings")
    query = select(calls.c.id, calls.c.started_at).where(calls.c.started_at < cutoff)
    if since:
        at, _, key = since.partition(" ")
        after = datetime.fromisoformat(at)
        started = calls.c.started_at
        query = query.where(or_(started > after, and_(started == after, calls.c.id > int(key))))
    rows = db.execute(query.order_by(calls.c.started_at, calls.c.id).limit(BATCH)).all()
    if rows:
        ids = [row.id for row in rows]
        gone = {"recording_id": None, "recording_url": None}
        has_link = or_(calls.c.recording_id.is_not(None), calls.c.recording_url.is_not(None))
        db.execute(update(calls).where(calls.c.id.in_(ids), has_link).values(gone))
        last = f"{rows[-1].started_at.isoformat()} {rows[-1].id}"
        facts.set_fact(db, "retention_recordings", last)
    return len(rows)


def _mark(db: Connection, name: str) -> int:
    return int(facts.get_fact(db, f"retention_{name}") or 0)


_PURGES: Final[dict[str, Callable[[Connection, datetime], int]]] = {
    "events": _events,
    "attempts": _attempts,
    "rejections": _rejections,
    "recordings": _recordings,
    "audit": _audit,
}
#: Where each kind's age stands, and the fact that says how far the purge has come.
_AGES: Final[dict[str, tuple[Table, Any]]] = {
    "events": (events, events.c.received_at),
    "attempts": (attempts, attempts.c.started_at),
    "rejections": (rejections, rejections.c.last_at),
    "recordings": (calls, calls.c.started_at),
    "audit": (audit, audit.c.at),
}


def _holding(db: Connection, settings: Settings, kind: str) -> Holding:
    table, age = _AGES[kind]
    days, done = days_of(settings, kind), 0
    if kind in ("events", "attempts"):
        done = _mark(db, kind)
    first = db.execute(
        select(table.c.id, age.label("at")).where(table.c.id > done).order_by(table.c.id).limit(1)
    ).first()
    last = db.scalar(select(func.max(table.c.id))) or 0
    if first is None:
        return Holding(kind, days, 0, None, 0, 0)
    held = last - first.id + 1
    over = week = 0
    if days is not None:
        cutoff = utc_now() - timedelta(days=days)
        over = _boundary(db, table, age, cutoff, first.id, last) - first.id
        later = cutoff + timedelta(days=7)
        week = _boundary(db, table, age, later, first.id, last) - first.id
    return Holding(kind, days, held, first.at, over, week)


def _boundary(
    db: Connection, table: Table, age: ColumnElement[Any], cutoff: datetime, low: int, high: int
) -> int:
    """The first id that is not older than the cutoff: ids grow with time, so halving finds it."""
    high += 1
    while low < high:
        middle = (low + high) // 2
        query = select(table.c.id, age.label("at")).where(table.c.id >= middle)
        row = db.execute(query.order_by(table.c.id).limit(1)).first()
        if row is None or row.at is None or row.at >= cutoff:
            high = middle
        else:
            low = row.id + 1
    return low
