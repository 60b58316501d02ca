"""Numbers about calls, each with the filter that lists the calls behind it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from hub.store.database import Database
from hub.store.lists.paging import Row
from hub.store.models import calls

GROUPS = ("manager", "day")
MAX_DAYS = 400


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Midnight of a day in the company's zone."""
    return datetime.combine(day, time(), tzinfo=zone)


def calls_report(
    database: Database, first: date, last: date, group: str, zone: ZoneInfo
) -> list[Row]:
    """Calls that began from the first to the last day (both included), grouped.

    `group` is «manager» or «day». Each row: manager or day, total, incoming, outgoing, answered,
    missed, talk_seconds, mean_wait_seconds (of answered incoming calls, else None) and `filter`,
    the list filters under which exactly these calls are found.
    """
    since = day_start(first, zone)
    until = day_start(last + timedelta(days=1), zone)
    query = select(
        calls.c.manager,
        calls.c.started_at,
        calls.c.direction,
        calls.c.status,
        calls.c.talk_seconds,
        calls.c.wait_seconds,
    ).where(calls.c.started_at >= since, calls.c.started_at < until, calls.c.deleted_at.is_(None))
    found: dict[str, _Tally] = {}
    with database.read(streaming=True) as db:
        for call in db.execute(query.execution_options(yield_per=2000)).mappings():
            key = call["manager"] or ""
            if group == "day":
                key = call["started_at"].astimezone(zone).date().isoformat()
            found.setdefault(key, _Tally()).add(call)
    rows = []
    for key in sorted(found):
        filters: Row = {"since": since, "until": until, "manager": key}
        if group == "day":
            day = date.fromisoformat(key)
            begins, ends = day_start(day, zone), day_start(day + timedelta(days=1), zone)
            filters = {"since": begins, "until": ends}
        rows.append({group: key, **found[key].as_row(), "filter": filters})
    return rows


class _Tally:
    def __init__(self) -> None:
        self.numbers = dict.fromkeys(
            ("total", "incoming", "outgoing", "answered", "missed", "talk_seconds"), 0
        )
        self.waits: list[int] = []

    def add(self, call: Mapping[Any, Any]) -> None:
        self.numbers["total"] += 1
        self.numbers["incoming"] += call["direction"] == "in"
        self.numbers["outgoing"] += call["direction"] == "out"
        self.numbers["answered"] += call["status"] == "answered"
        self.numbers["missed"] += call["status"] == "missed"
        self.numbers["talk_seconds"] += call["talk_seconds"] or 0
        answered_in = call["direction"] == "in" and call["status"] == "answered"
        if answered_in and call["wait_seconds"] is not None:
            self.waits.append(call["wait_seconds"])

    def as_row(self) -> Row:
        mean = round(sum(self.waits) / len(self.waits)) if self.waits else None
        return {**self.numbers, "mean_wait_seconds": mean}
