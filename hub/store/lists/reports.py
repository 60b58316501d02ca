"""Numbers about calls, each with the filter that lists the calls behind it."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from hub.store import report_days
from hub.store.database import Database
from hub.store.lists.paging import Row
from hub.store.report_tally import ALL, CALL, Numbers, day_start, merge

__all__ = ["GROUPS", "MAX_DAYS", "calls_report", "day_start"]
GROUPS = ("manager", "day")
MAX_DAYS = 400
_TOLD = ("total", "incoming", "outgoing", "answered", "missed", "talk_seconds")


def calls_report(
    database: Database, first: date, last: date, group: str, zone: ZoneInfo
) -> list[Row]:
    """Calls that began from the first to the last day (both included), grouped.

    `group` is «manager» or «day». Each row: manager or day, total, incoming, outgoing, answered,
    missed (incoming), talk_seconds, mean_wait_seconds (of answered incoming calls, else None) and
    `filter`, the list filters under which exactly these calls are found.
    """
    kept = report_days.read(
        database, "calls", ALL, first, last, zone, by_day=group == "day", whole=True
    )  # fmt: skip
    since, until = day_start(first, zone), day_start(last + timedelta(days=1), zone)
    rows = []
    if group == "manager":
        for key, cell in sorted(kept.total.get("manager", {}).items()):
            filters: Row = {"since": since, "until": until, "manager": key}
            rows.append({"manager": key, **_told(cell), "filter": filters})
        return rows
    for day, numbers in sorted(kept.parts.items()):
        begins = date.fromisoformat(day)
        filters = {
            "since": day_start(begins, zone),
            "until": day_start(begins + timedelta(days=1), zone),
        }
        if cells := list(_together(numbers).values()):
            rows.append({"day": day, **_told(cells[0]), "filter": filters})
    return rows


def _together(numbers: Numbers) -> dict[str, list[int]]:
    found: Numbers = {}
    for cell in numbers.get("hour", {}).values():
        merge(found, {"all": {"": cell}})
    return found.get("all", {})


def _told(cell: list[int]) -> Row:
    one = dict(zip(CALL, cell, strict=True))
    mean = round(one["wait_seconds"] / one["waited"]) if one["waited"] else None
    return {**{name: one[name] for name in _TOLD}, "mean_wait_seconds": mean}
