"""What stock levels were on each day: kept with the first change of a day, read backwards.

Only the value before a day's first change is kept. What a level was at the end of a day is then
the value before its first change after that day, or what it is now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, text

from hub.store.database import utc_now
from hub.store.models import stock_history, stock_levels

NUMBERS = ("quantity", "reserved", "available")
_COLUMNS = ("quantity", "reserved", "available", "run_id", "event_id")


def today(zone: ZoneInfo) -> date:
    """The company's day now. Levels are written one after another, so a level's days only grow."""
    return utc_now().astimezone(zone).date()


def keep(db: Connection, changed: str, given: Mapping[str, Any], day: date) -> None:
    """Keep what levels are before they change, unless this day's first change came before.

    `changed` is SQL after FROM that names the levels as `s`; `given` are its parameters.
    """
    lock = "" if db.dialect.name == "sqlite" else " FOR UPDATE OF s"
    db.execute(
        text(
            f"INSERT INTO stock_history (level_id, day, {', '.join(_COLUMNS)}, set_at)"  # noqa: S608  # names and statements of ours
            f" SELECT s.id, :day, {', '.join(f's.{name}' for name in _COLUMNS)}, s.updated_at"
            f" FROM {changed}{lock} ON CONFLICT (level_id, day) DO NOTHING"
        ),
        {**given, "day": day.isoformat()},
    )


@dataclass(frozen=True)
class DayLevel:
    """What a level was at the end of a day, and what had set it so."""

    day: date
    quantity: Decimal
    reserved: Decimal | None
    available: Decimal | None
    run_id: int | None
    event_id: int | None
    #: Whether it changed on this day.
    changed: bool


def daily(
    db: Connection, level_ids: Sequence[int], first: date, last: date, zone: ZoneInfo
) -> dict[int, list[DayLevel]]:
    """Each level at the end of each day from `first` to `last`, oldest first, by its id.

    Days before the hub had a level are left out, and so are days that have not begun; levels that
    are not there have none.
    """
    levels, history = stock_levels.c, stock_history.c
    names = [levels[name] for name in ("id", *_COLUMNS, "created_at")]
    query = (
        select(stock_history)
        .where(history.level_id.in_(level_ids), history.day >= first.isoformat())
        .order_by(history.level_id, history.day.desc())
    )
    before: dict[int, list[Mapping[Any, Any]]] = defaultdict(list)
    for row in db.execute(query).mappings():
        before[row["level_id"]].append(row)
    now = db.execute(select(*names).where(levels.id.in_(level_ids))).mappings()
    return {row["id"]: _days(row, before[row["id"]], first, last, zone) for row in now}


def _days(
    now: Mapping[Any, Any],
    before: Sequence[Mapping[Any, Any]],
    first: date,
    last: date,
    zone: ZoneInfo,
) -> list[DayLevel]:
    """Walk back from what a level is now, over what it was before each changed day."""
    last = min(last, today(zone))
    if now["created_at"] is not None:
        first = max(first, now["created_at"].astimezone(zone).date())
    found: list[DayLevel] = []
    value: Mapping[Any, Any] = now
    changes = iter(before)
    change = next(changes, None)
    day = last
    while day >= first:
        while change is not None and change["day"] > day.isoformat():
            value, change = change, next(changes, None)
        changed = change is not None and change["day"] == day.isoformat()
        numbers = {name: value[name] for name in _COLUMNS}
        found.append(DayLevel(day, **numbers, changed=changed))
        day -= timedelta(days=1)
    return found[::-1]
