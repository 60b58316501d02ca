"""The numbers of one day: rows of the store counted into small tables, for all and per manager."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, select

from hub.store import report_facts as facts
from hub.store.models import calls, leads, messages, orders

#: {section: {key: [number, …]}}; a text among the numbers is an exact sum.
Numbers = dict[str, dict[str, list[Any]]]
ALL: Final = "*"
#: Between the parts of a key.
SEPARATOR: Final = "\x1f"
NEVER, CAME = "never", "came"
#: What the cells of each section hold, in order.
CALL = ("total", "incoming", "outgoing", "answered", "missed", "talk_seconds", "wait_seconds",
        "waited")  # fmt: skip
LEAD = ("leads", "ordered", "bought")
ORDER = ("orders", "cancelled", "kept", "total", "repeat")
MAIL = ("letters", "sent")


@dataclass(frozen=True)
class Kind:
    """One kind of records: which of them count for a day, and how."""

    name: str
    table: Any
    columns: tuple[Any, ...]
    count: Callable[[Numbers, Mapping[Any, Any], datetime], None]

    def query(self, since: datetime, until: datetime) -> Select[Any]:
        """The rows that count between two moments."""
        moment = facts.MOMENTS[self.table.name].label("moment")
        query = select(moment, self.table.c.manager, *self.columns)
        return query.where(facts.between(self.table, since, until))


def add(numbers: Numbers, section: str, key: str, *values: Any) -> None:
    """Add values to a cell."""
    cells = numbers.get(section)
    if cells is None:
        cells = numbers[section] = {}
    known = cells.get(key)
    cells[key] = list(values) if known is None else added(known, values)


def added(known: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """The sums of two cells of one section."""
    # A year has a hundred thousand of these: whole numbers go the short way.
    if str not in map(type, known):
        return [one + other for one, other in zip(known, values, strict=True)]
    return [plus(one, other) for one, other in zip(known, values, strict=True)]


def plus(one: Any, other: Any) -> Any:
    """The sum of two numbers; exact ones are text."""
    if isinstance(one, str):
        return format(Decimal(one) + Decimal(other), "f")
    return one + other


def merge(numbers: Numbers, more: Numbers) -> None:
    """Add all cells of one table to another."""
    for section, cells in more.items():
        mine = numbers.setdefault(section, {})
        for key, values in cells.items():
            known = mine.get(key)
            mine[key] = list(values) if known is None else added(known, values)


def _call(numbers: Numbers, row: Mapping[Any, Any], local: datetime) -> None:
    incoming, answered = row["direction"] == "in", row["status"] == "answered"
    waited = incoming and answered and row["wait_seconds"] is not None
    missed = incoming and row["status"] == "missed"
    cell = (
        1, int(incoming), int(row["direction"] == "out"), int(answered), int(missed),
        row["talk_seconds"] or 0, row["wait_seconds"] if waited else 0, int(waited),
    )  # fmt: skip
    add(numbers, "hour", f"{local.weekday()}.{local.hour}", *cell)
    add(numbers, "line", row["line_number"] or "", *cell)
    add(numbers, "manager", row["manager"] or "", *cell)
    if waited:
        add(numbers, "wait", str(row["wait_seconds"]), 1)
    if missed:
        add(numbers, "back", _back(row["back_after"], row["came_after"]), 1)


def _back(back: int | None, came: int | None) -> str:
    if back is not None and back <= facts.BACK_SECONDS and (came is None or came >= back):
        return str(back // 60)
    return CAME if came is not None and came <= facts.BACK_SECONDS else NEVER


def _lead(numbers: Numbers, row: Mapping[Any, Any], _local: datetime) -> None:
    cell = (1, int(row["ordered"]), int(row["bought"]))
    channel, campaign = row["channel"] or "", row["campaign"] or ""
    add(numbers, "channel", f"{channel}{SEPARATOR}{campaign}", *cell)
    add(numbers, "manager", row["manager"] or "", *cell)


def _order(numbers: Numbers, row: Mapping[Any, Any], _local: datetime) -> None:
    cancelled, total = bool(row["is_cancelled"]), row["total"]
    kept = not cancelled and total is not None and total.is_finite()
    sum_ = format(total, "f") if kept else "0"
    cell = (1, int(cancelled), int(kept), sum_, int(row["is_repeat"]))
    currency = row["currency"] or ""
    add(numbers, "channel", f"{row['channel'] or ''}{SEPARATOR}{currency}", *cell)
    add(numbers, "manager", f"{row['manager'] or ''}{SEPARATOR}{currency}", *cell)


def _message(numbers: Numbers, row: Mapping[Any, Any], _local: datetime) -> None:
    letter, out = row["direction"] == "in" and row["kind"] == "mail", row["direction"] == "out"
    if letter or out:
        add(numbers, "manager", row["manager"] or "", int(letter), int(out))
    if letter:
        after = row["answered_after"]
        answered = after is not None and after <= facts.ANSWER_SECONDS
        add(numbers, "answer", str(after // 60) if answered else NEVER, 1)


KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            "calls",
            calls,
            (
                *(calls.c[name] for name in ("line_number", "direction", "status")),
                *(calls.c.talk_seconds, calls.c.wait_seconds),
                *(facts.back_after.label("back_after"), facts.came_after.label("came_after")),
            ),
            _call,
        ),
        Kind(
            "leads",
            leads,
            (
                *(leads.c.channel, leads.c.campaign),
                *(facts.IS_ORDERED.label("ordered"), facts.IS_BOUGHT.label("bought")),
            ),
            _lead,
        ),
        Kind(
            "orders",
            orders,
            (
                *(orders.c.channel, orders.c.currency, orders.c.total),
                *(facts.IS_CANCELLED.label("is_cancelled"), facts.IS_REPEAT.label("is_repeat")),
            ),
            _order,
        ),
        Kind(
            "messages",
            messages,
            (
                *(messages.c.direction, messages.c.kind),
                facts.answered_after.label("answered_after"),
            ),
            _message,
        ),
    )
}


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Midnight of a day in the company's zone."""
    return datetime.combine(day, time(), tzinfo=zone)


def tally(db: Connection, kind: Kind, day: date, zone: ZoneInfo) -> dict[str, Numbers]:
    """The day's numbers by scope, counted from the records; no scope without records."""
    found: dict[str, Numbers] = {}
    for row, local in _rows(db, kind, day, zone):
        kind.count(found.setdefault(ALL, {}), row, local)
        if row["manager"] and row["manager"] != ALL:
            kind.count(found.setdefault(row["manager"], {}), row, local)
    return found


def tally_scope(db: Connection, kind: Kind, day: date, zone: ZoneInfo, scope: str) -> Numbers:
    """The day's numbers of one scope."""
    found: Numbers = {}
    for row, local in _rows(db, kind, day, zone, scope):
        kind.count(found, row, local)
    return found


def _rows(
    db: Connection, kind: Kind, day: date, zone: ZoneInfo, scope: str = ALL
) -> Iterator[tuple[Mapping[Any, Any], datetime]]:
    query = kind.query(day_start(day, zone), day_start(day + timedelta(days=1), zone))
    if scope != ALL:
        query = query.where(kind.table.c.manager == scope)
    for row in db.execute(query).mappings():
        yield row, row["moment"].astimezone(zone)
