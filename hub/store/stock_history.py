"""What stock levels were on each day: kept with the first change of a day, read backwards.

Only the value before a day's first change is kept. What a level was at the end of a day is then
the value before its first change after that day, or what it is now.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def daily(db: Connection, level_id: int, first: date, last: date, zone: ZoneInfo) -> list[DayLevel]:
    """The level at the end of each day from `first` to `last`, oldest first.

    Days before the hub had the level are left out, and so are days that have not begun.
    """
    levels, history = stock_levels.c, stock_history.c
    names = [levels[name] for name in (*_COLUMNS, "created_at")]
    now = db.execute(select(*names).where(levels.id == level_id)).mappings().first()
    if now is None:
        return []
    last = min(last, today(zone))
    if now["created_at"] is not None:
        first = max(first, now["created_at"].astimezone(zone).date())
    query = (
        select(stock_history)
        .where(history.level_id == level_id, history.day >= first.isoformat())
        .order_by(history.day.desc())
    )
    before = list(db.execute(query).mappings())
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
