"""Which days' numbers changed because records did."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, case, func, or_, select

from hub.store.models import calls, changes, leads, merges, messages, orders
from hub.store.report_facts import (
    BACK_SECONDS,
    LEAD_AT,
    MOMENTS,
    ORDER_SECONDS,
    DayBefore,
    HourOf,
    SecondsBetween,
)
from hub.store.report_tally import Kind

_ENTITIES: Final = {"calls": "call", "leads": "lead", "orders": "order", "messages": "message"}
_MOVED: Final = {"calls": "started_at", "leads": "received_at", "orders": "placed_at",
                 "messages": "sent_at"}  # fmt: skip

#: What else a kind's numbers are counted from.
_COUNTED_WITH: Final = {"leads": ((orders, "order"),)}
#: Kinds that are counted by contact, and what moves an order among them.
_OF_PEOPLE: Final = frozenset({"orders", "leads"})
_PLACED: Final = frozenset({"placed_at", "contact_id"})
#: No record was changed after it.
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)


def every_day(db: Connection, kind: Kind, zone: ZoneInfo) -> set[date]:
    """Every day that has a record."""
    return _days(db.scalars(select(HourOf(_moment(kind, kind.table))).distinct()), zone)


def changed_days(
    db: Connection,
    kind: Kind,
    since: datetime,
    zone: ZoneInfo,
    *,
    until: datetime = LATEST,
    limit: int = 0,
) -> set[date]:
    """Days whose numbers changed because of records that changed since a moment.

    Not only the record's own day: where it was before, and what is counted from two records.
    `limit`: look only through so many of the last changes.
    """
    table = kind.table
    if not _has_changes(db, kind, since, until):
        return set()
    recent = select(table).where(table.c.updated_at >= since, table.c.updated_at < until)
    if limit:
        recent = recent.order_by(table.c.updated_at.desc()).limit(limit)
    changed = recent.subquery()
    own = select(HourOf(_moment(kind, changed))).distinct()
    hours = set(db.scalars(own))
    moved, people = _where_they_were(db, kind, since, limit)
    hours |= moved
    if kind.name == "orders":
        # Whether the later ones are repeats.
        later = and_(
            orders.c.contact_id == changed.c.contact_id, orders.c.placed_at >= changed.c.placed_at
        )
        hours |= set(db.scalars(select(HourOf(orders.c.placed_at)).join(changed, later).distinct()))
    if kind.name == "leads":
        hours |= _leads_before(db, since, until, limit)
    if kind.name == "messages":
        threads = select(changed.c.thread_key)
        query = select(HourOf(messages.c.sent_at)).where(messages.c.thread_key.in_(threads))
        hours |= set(db.scalars(query.distinct()))
    people |= _merged_since(db, since) if kind.name in _OF_PEOPLE else set()
    if people and kind.name in _OF_PEOPLE:
        moment = LEAD_AT if kind.name == "leads" else orders.c.placed_at
        query = select(HourOf(moment)).where(table.c.contact_id.in_(people))
        hours |= set(db.scalars(query.distinct()))
    if kind.name == "calls":
        hours |= _missed_before(db, changed)
    return _days(hours, zone)


def _has_changes(db: Connection, kind: Kind, since: datetime, until: datetime) -> bool:
    """Whether anything changed that a kind is counted from: mostly nothing did."""
    sources = (kind.table, *(table for table, _entity in _COUNTED_WITH.get(kind.name, ())))
    for table in sources:
        changed = select(table.c.id).where(table.c.updated_at >= since, table.c.updated_at < until)
        if db.scalar(changed.limit(1)) is not None:
            return True
    return kind.name in _OF_PEOPLE and bool(_merged_since(db, since))


def _moment(kind: Kind, source: Any) -> Any:
    if kind.table is leads:
        return func.coalesce(source.c.received_at, source.c.created_at)
    return source.c[MOMENTS[kind.table.name].key]


def _missed_before(db: Connection, changed: Any) -> set[str]:
    """The hours of missed calls that a changed call may have settled: up to a day before."""
    missed = calls.alias("missed")
    # The client's side alone: half of all calls have the company's number on the other.
    client = case((changed.c.direction == "out", changed.c.to_number), else_=changed.c.from_number)
    settled = and_(
        missed.c.from_number == client,
        # Said once more in a way that an index understands.
        missed.c.started_at.between(DayBefore(changed.c.started_at), changed.c.started_at),
        missed.c.direction == "in",
        missed.c.status == "missed",
        SecondsBetween(missed.c.started_at, changed.c.started_at).between(0, BACK_SECONDS),
    )
    query = select(HourOf(missed.c.started_at)).join(changed, settled)
    return set(db.scalars(query.distinct()))


def _leads_before(db: Connection, since: datetime, until: datetime, limit: int) -> set[str]:
    """The hours of leads that a changed order may have followed."""
    recent = select(orders.c.contact_id, orders.c.placed_at).where(
        orders.c.updated_at >= since, orders.c.updated_at < until, orders.c.contact_id.is_not(None)
    )
    placed = (recent.limit(limit) if limit else recent).subquery()
    followed = and_(
        leads.c.contact_id == placed.c.contact_id,
        SecondsBetween(LEAD_AT, placed.c.placed_at).between(0, ORDER_SECONDS),
    )
    return set(db.scalars(select(HourOf(LEAD_AT)).join(placed, followed).distinct()))


def _where_they_were(
    db: Connection, kind: Kind, since: datetime, limit: int
) -> tuple[set[str], set[int]]:
    """The hours that records were moved away from, and the contacts that orders were moved of.

    A lead is counted with its contact's orders: so with those that moved.
    """
    table, name = kind.table, _MOVED[kind.name]
    hours, people = set(), set()
    for source, entity in ((table, _ENTITIES[kind.name]), *_COUNTED_WITH.get(kind.name, ())):
        # Records that only came to be were nowhere before.
        moved = select(source.c.id).where(source.c.updated_at >= since, source.c.created_at < since)
        query = (
            select(changes.c.fields, source.c.contact_id)
            .join(source, source.c.id == changes.c.record_id)
            .where(
                changes.c.entity == entity,
                changes.c.record_id.in_(moved.limit(limit) if limit else moved),
                changes.c.at >= since,
            )
        )
        for fields, contact_id in db.execute(query):
            if source is table and (before := (fields.get(name) or [None])[0]):
                hours.add(_hour_of(before))
                if kind.name == "calls":
                    # It may have settled one that was missed up to a day before.
                    hours |= {_hour_of(before, day) for day in (0.5, 1)}
            if _PLACED & fields.keys():
                people |= {contact_id, (fields.get("contact_id") or [None])[0]} - {None}
    return hours, people


def _hour_of(moment: str, days_before: float = 0) -> str:
    then = datetime.fromisoformat(moment).astimezone(UTC) - timedelta(days=days_before)
    return then.strftime("%Y-%m-%dT%H")


def _merged_since(db: Connection, since: datetime) -> set[int]:
    """Contacts that were merged or separated since a moment."""
    query = select(merges.c.kept_id, merges.c.merged_id).where(
        or_(merges.c.created_at >= since, merges.c.undone_at >= since)
    )
    return {key for row in db.execute(query) for key in (row.kept_id, row.merged_id)}


def _days(hours: Iterable[str | None], zone: ZoneInfo) -> set[date]:
    """The local days that UTC hours lie in; zones may be half an hour off."""
    found = set()
    for hour in filter(None, hours):
        start = datetime.fromisoformat(f"{hour}:00:00").replace(tzinfo=UTC)
        for moment in (start, start + timedelta(minutes=59)):
            found.add(moment.astimezone(zone).date())
    return found
