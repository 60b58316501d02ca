"""The kept numbers of days and months, and which of them must be counted anew.

The hot path knows nothing of reports. Which days changed is seen from `updated_at`, whose index
every list has anyway: by the keeper every minute, and by a reader who looks between two rounds.
A reader counts the few days that changed by itself, so a page is never behind the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, func, insert, select

from hub.store import facts as shared
from hub.store.database import Database, insert_for, utc_now
from hub.store.models import facts as facts_table
from hub.store.models import report_days, report_marks
from hub.store.report_changes import changed_days, every_day
from hub.store.report_tally import ALL, KINDS, Kind, Numbers, merge, tally, tally_scope

#: Most transactions commit this soon after they stamped their records; such days are seen at once.
GRACE = timedelta(seconds=5)
#: The slowest do so within this time: every day that changed is looked at once more after it.
SETTLED_AFTER = timedelta(minutes=10)
#: Days that a reader counts by itself; what is above waits for the keeper. A day has many calls.
MAX_COUNTED_DAYS: Final = {"calls": 4, "leads": 10, "orders": 10, "messages": 10}
#: Changed records that a reader looks through for changed days.
MAX_LOOKED: Final = 20_000
SEEN: Final = "reports_seen"
SETTLED: Final = "reports_settled"
ZONE: Final = "reports_zone"


@dataclass
class Kept:
    """The numbers of a period: by day, or by whole month where one is kept; what is not counted."""

    parts: dict[str, Numbers] = field(default_factory=dict)
    pending: list[date] = field(default_factory=list)

    @property
    def total(self) -> Numbers:
        """All parts together."""
        found: Numbers = {}
        for numbers in self.parts.values():
            merge(found, numbers)
        return found


def read(
    database: Database,
    kind_name: str,
    scope: str,
    first: date,
    last: date,
    zone: ZoneInfo,
    *,
    by_day: bool = False,
    whole: bool = False,
    changed: set[date] | None = None,
) -> Kept:
    """The numbers of a scope from the first to the last day. `by_day`: no months together; `whole`:
    every day that changed is counted here and now, however many there are. `changed`: what `look`
    has found, for those who read several periods."""
    kind = KINDS[kind_name]
    changed = look(database, kind_name, zone) if changed is None else changed
    with database.read() as db:
        dirty = _dirty(db, kind, first, last, changed)
        months = [] if by_day else [
            month for month in _whole_months(first, last)
            if not any(day.isoformat().startswith(month) for day in dirty)
        ]  # fmt: skip
        months = _present(db, kind, months)
        days = [
            day.isoformat()
            for day in each_day(first, last)
            if day.isoformat()[:7] not in set(months)
        ]
        query = select(report_days.c.day, report_days.c.numbers).where(
            report_days.c.kind == kind.name,
            report_days.c.scope == scope,
            report_days.c.day.in_([*months, *days]),
        )
        kept = Kept({row.day: row.numbers for row in db.execute(query)})
        latest = sorted(dirty, reverse=True)
        most = len(latest) if whole else MAX_COUNTED_DAYS[kind.name]
        for day in latest[:most]:
            kept.parts[day.isoformat()] = tally_scope(db, kind, day, zone, scope)
        kept.pending = latest[most:]
    return kept


def each_day(first: date, last: date) -> list[date]:
    """Every day from the first to the last."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _whole_months(first: date, last: date) -> list[str]:
    inside = {day.strftime("%Y-%m") for day in each_day(first, last)}
    return sorted(
        month
        for month in inside
        if first <= date.fromisoformat(f"{month}-01") and _month_end(month) <= last
    )


def _month_end(month: str) -> date:
    start = date.fromisoformat(f"{month}-01")
    return (start + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _present(db: Connection, kind: Kind, months: Sequence[str]) -> list[str]:
    """Months whose sums are kept."""
    query = select(report_days.c.day).where(
        report_days.c.kind == kind.name, report_days.c.scope == ALL, report_days.c.day.in_(months)
    )
    return list(db.scalars(query)) if months else []


def look(database: Database, kind_name: str, zone: ZoneInfo) -> set[date] | None:
    """The days that changed since the keeper's last round; None when nothing is kept yet."""
    kind = KINDS[kind_name]
    with database.read() as db:
        seen = shared.get_fact(db, f"{SEEN}_{kind.name}")
        if seen is None or shared.get_fact(db, ZONE) != zone.key:
            return None
        return changed_days(db, kind, datetime.fromisoformat(seen), zone, limit=MAX_LOOKED)


def _dirty(
    db: Connection, kind: Kind, first: date, last: date, changed: set[date] | None
) -> set[date]:
    """Days of a period whose kept numbers are not, or may not be, those of the records."""
    if changed is None:
        return set(each_day(first, last))
    query = select(report_marks.c.day).where(
        report_marks.c.kind == kind.name,
        report_marks.c.day.between(first.isoformat(), last.isoformat()),
    )
    marked_ = {date.fromisoformat(day) for day in db.scalars(query)}
    return marked_ | {day for day in changed if first <= day <= last}


def mark_changes(database: Database, zone: ZoneInfo) -> None:
    """Mark the days that changed since the last time; all of them at first, or in another zone."""
    with database.read() as db:
        former = shared.get_fact(db, ZONE)
    if former != zone.key:
        forget(database)
    for kind in KINDS.values():
        now = utc_now()
        names = (f"{SEEN}_{kind.name}", f"{SETTLED}_{kind.name}")
        with database.read() as db:
            seen, settled = (_moment_of(shared.get_fact(db, name)) for name in names)
            days = changed_days(db, kind, seen, zone) if seen else every_day(db, kind, zone)
            if settled is not None:
                # What was changed by a transaction that took long was not to be seen then.
                days |= changed_days(db, kind, settled, zone, until=now - SETTLED_AFTER)
        with database.write() as db:
            mark(db, kind.name, days)
            shared.set_fact(db, names[0], (now - GRACE).isoformat())
            shared.set_fact(db, names[1], (now - SETTLED_AFTER).isoformat())
            shared.set_fact(db, ZONE, zone.key)


def _moment_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def mark(db: Connection, kind: str, days: Iterable[date]) -> None:
    """Note that these days must be counted anew."""
    statement = insert_for(db, report_marks)
    statement = statement.on_conflict_do_update(
        index_elements=["kind", "day"], set_={"mark": report_marks.c.mark + 1}
    )
    rows = [{"kind": kind, "day": day.isoformat(), "mark": 1} for day in sorted(days)]
    for start in range(0, len(rows), 500):
        db.execute(statement, rows[start : start + 500])


def forget(database: Database) -> None:
    """Throw all kept numbers away: every day will be counted anew."""
    with database.write() as db:
        db.execute(delete(report_days))
        db.execute(delete(report_marks))
        for kind in KINDS:
            names = (f"{SEEN}_{kind}", f"{SETTLED}_{kind}")
            db.execute(delete(facts_table).where(facts_table.c.name.in_(names)))


def marked(database: Database) -> list[tuple[str, date, int]]:
    """What must be counted anew, the latest day first."""
    query = select(report_marks).order_by(report_marks.c.day.desc())
    with database.read() as db:
        return [(row.kind, date.fromisoformat(row.day), row.mark) for row in db.execute(query)]


def recount(database: Database, kind_name: str, day: date, mark_: int, zone: ZoneInfo) -> None:
    """Count a marked day anew and keep its numbers; a newer mark stays for the next time."""
    kind, key = KINDS[kind_name], day.isoformat()
    with database.read() as db:
        found = tally(db, kind, day, zone)
    with database.write() as db:
        _drop(db, kind_name, [key, key[:7]])
        _keep(db, kind_name, key, found)
        db.execute(
            delete(report_marks).where(
                report_marks.c.kind == kind_name,
                report_marks.c.day == key,
                report_marks.c.mark == mark_,
            )
        )


def sum_months(database: Database, today: date) -> None:
    """Keep the sums of past months that have none and no marked day."""
    month = func.substr(report_days.c.day, 1, 7)
    for kind in KINDS:
        with database.read() as db:
            query = select(month).where(report_days.c.kind == kind, report_days.c.scope == ALL)
            there = select(report_days.c.day).where(
                report_days.c.kind == kind, report_days.c.scope == ALL
            )
            open_ = select(func.substr(report_marks.c.day, 1, 7)).where(report_marks.c.kind == kind)
            wanted = set(db.scalars(query.distinct())) - set(db.scalars(open_))
            wanted -= set(db.scalars(there)) | {today.strftime("%Y-%m")}
        for one in sorted(wanted):
            _sum_month(database, kind, one)


def _sum_month(database: Database, kind: str, month: str) -> None:
    found: dict[str, Numbers] = {}
    query = select(report_days.c.scope, report_days.c.numbers).where(
        report_days.c.kind == kind,
        report_days.c.day.between(f"{month}-01", f"{month}-31"),
    )
    with database.write() as db:
        for row in db.execute(query):
            merge(found.setdefault(row.scope, {}), row.numbers)
        _drop(db, kind, [month])
        _keep(db, kind, month, found)


def _drop(db: Connection, kind: str, days: Sequence[str]) -> None:
    db.execute(delete(report_days).where(report_days.c.kind == kind, report_days.c.day.in_(days)))


def _keep(db: Connection, kind: str, day: str, found: dict[str, Numbers]) -> None:
    now = utc_now()
    rows = [
        {"kind": kind, "scope": scope, "day": day, "numbers": numbers, "counted_at": now}
        for scope, numbers in found.items()
    ]
    if rows:
        db.execute(insert(report_days), rows)
