"""The records behind a number of a report: exactly those that were counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, false, func, or_, select

from hub.store import report_facts as facts
from hub.store.database import Database
from hub.store.lists.paging import ListPage, Order, fetch_page
from hub.store.models import calls, connections, contacts, leads, messages, orders
from hub.store.report_tally import CAME, NEVER, day_start

Condition = ColumnElement[bool]
TABLES: Final[dict[str, Any]] = {
    "calls": calls, "leads": leads, "orders": orders, "messages": messages,
}  # fmt: skip
#: Columns that a filter may name, by kind; «~» finds those that have none.
EQUAL: Final = {
    "calls": {"manager": "manager", "line": "line_number", "direction": "direction",
              "status": "status"},
    "leads": {"manager": "manager", "channel": "channel", "campaign": "campaign"},
    "orders": {"manager": "manager", "channel": "channel", "currency": "currency"},
    "messages": {"manager": "manager", "direction": "direction"},
}  # fmt: skip
NOTHING: Final = "~"
_SHOWN: Final = {
    "calls": ("direction", "status", "from_number", "to_number", "line_number", "extension",
              "wait_seconds", "talk_seconds"),
    "leads": ("title", "status", "channel", "campaign", "amount", "currency"),
    "orders": ("number", "status", "currency", "total", "channel"),
    "messages": ("direction", "subject", "from_address", "to_address"),
}  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """Which records: `exact` holds the filters of EQUAL, `back`, `answer`, `stage`, `hour` and
    `weekday` (0 Monday) as a report names them."""

    kind: str
    first: date
    last: date
    exact: Mapping[str, str] = field(default_factory=dict)


def list_counted(
    database: Database, wanted: Wanted, zone: ZoneInfo, limit: int = 50, cursor: str | None = None
) -> ListPage:
    """The records, the latest first; each with `moment`, `manager`, `contact_name`."""
    table = TABLES[wanted.kind]
    query = (
        select(
            table.c.id,
            table.c.manager,
            table.c.contact_id,
            table.c.created_at,
            facts.MOMENTS[wanted.kind].label("moment"),
            *(table.c[name] for name in _SHOWN[wanted.kind]),
            contacts.c.name.label("contact_name"),
            contacts.c.manager.label("contact_manager"),
            connections.c.title.label("connection_title"),
        )
        .outerjoin(contacts, contacts.c.id == table.c.contact_id)
        .outerjoin(connections, connections.c.id == table.c.connection_id)
        .where(*conditions(wanted, zone))
    )
    # Leads have no one column of their time; they go by arrival.
    by = None if table is leads else facts.MOMENTS[wanted.kind]
    order = Order(table.c.id) if by is None else Order(table.c.id, by, "occurred")
    if by is not None:
        query = query.add_columns(by)
    with database.read() as db:
        return fetch_page(db, query, order, limit, cursor)


def conditions(wanted: Wanted, zone: ZoneInfo) -> list[Condition]:
    """The WHERE of the records behind a number."""
    table = TABLES[wanted.kind]
    found = [
        func.coalesce(table.c[column], "") == ""
        if wanted.exact[name] == NOTHING
        else table.c[column] == wanted.exact[name]
        for name, column in EQUAL[wanted.kind].items()
        if wanted.exact.get(name)
    ]
    found.append(_when(wanted, zone))
    if wanted.kind == "messages" and wanted.exact.get("direction") == "in":
        found.append(facts.LETTER)
    for name, meaning in _MEANT[wanted.kind].items():
        if value := wanted.exact.get(name):
            found.append(meaning(value))
    return found


def _when(wanted: Wanted, zone: ZoneInfo) -> Condition:
    table = TABLES[wanted.kind]
    hour, weekday = _small(wanted.exact.get("hour"), 23), _small(wanted.exact.get("weekday"), 6)
    if wanted.kind != "calls" or (hour is None and weekday is None):
        until = day_start(wanted.last + timedelta(days=1), zone)
        return facts.between(table, day_start(wanted.first, zone), until)
    ranges = [
        facts.between(table, *_hours(day, hour, zone))
        for day in _days(wanted)
        if weekday is None or day.weekday() == weekday
    ]
    return or_(*ranges) if ranges else false()


def _hours(day: date, hour: int | None, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start = day_start(day, zone)
    if hour is None:
        return start, day_start(day + timedelta(days=1), zone)
    # Wall-clock arithmetic: an aware datetime adds within its own zone.
    return start + timedelta(hours=hour), start + timedelta(hours=hour + 1)


def _days(wanted: Wanted) -> list[date]:
    count = (wanted.last - wanted.first).days + 1
    return [wanted.first + timedelta(days=number) for number in range(count)]


def _small(text: str | None, most: int) -> int | None:
    return int(text) if text and text.isdigit() and len(text) < 3 and int(text) <= most else None


def _band(text: str) -> tuple[int, int | None]:
    """«5-15» or «240-» in minutes; what is none finds all."""
    low, _, high = text.partition("-")
    numbers = [int(one) if one.isdigit() and len(one) < 6 else None for one in (low, high)]
    return numbers[0] or 0, numbers[1]


def _back(value: str) -> Condition:
    named = {NEVER: facts.not_called_back, CAME: facts.came_themselves}.get(value)
    return named() if named else facts.called_back(*_band(value))


def _answer(value: str) -> Condition:
    return facts.not_answered() if value == NEVER else facts.answered(*_band(value))


def _lead_stage(value: str) -> Condition:
    return {"ordered": facts.IS_ORDERED, "bought": facts.IS_BOUGHT}.get(value, false())


def _order_stage(value: str) -> Condition:
    return {"cancelled": facts.IS_CANCELLED, "repeat": facts.IS_REPEAT}.get(value, false())


_MEANT: Final[dict[str, dict[str, Any]]] = {
    "calls": {"back": _back},
    "leads": {"stage": _lead_stage},
    "orders": {"stage": _order_stage},
    "messages": {"answer": _answer},
}
#: Every filter of a kind, for those who read them from an address.
FILTERS: Final = {
    kind: (*EQUAL[kind], *_MEANT[kind], *(("hour", "weekday") if kind == "calls" else ()))
    for kind in TABLES
}
