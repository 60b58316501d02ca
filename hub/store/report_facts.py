"""What reports count, said once as SQL: the counting of a day and the list behind a number agree.

Definitions (the pages and decision 0033 say them in words):
- a missed call is called back by the first outgoing call to its number within a day, whoever takes
  it; when the client reached us before that, they «reached us themselves»;
- a lead became an order when its contact placed one, not cancelled, within 90 days after it;
- an order is a repeat when its contact has an earlier one;
- a letter is answered by the first outgoing one of its conversation within three days.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    String,
    and_,
    case,
    exists,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from hub.store.models import calls, leads, messages, orders

DAY_SECONDS = 86_400
BACK_SECONDS = DAY_SECONDS
ORDER_SECONDS = 90 * DAY_SECONDS
ANSWER_SECONDS = 3 * DAY_SECONDS
CANCELLED = ("cancelled", "failed", "refunded")
Condition = ColumnElement[bool]


class SecondsBetween(FunctionElement[int]):
    """Whole seconds from the first moment to the second."""

    inherit_cache = True
    type = Integer()
    name = "seconds_between"


class DayBefore(FunctionElement[Any]):
    """A day and a second (for roundings) before a moment: for a range of an index."""

    inherit_cache = True
    name = "day_before"


class HourOf(FunctionElement[str]):
    """The UTC hour of a moment as text, «2026-11-26T09»."""

    inherit_cache = True
    type = String()
    name = "hour_of"


@compiles(SecondsBetween, "postgresql")
def _seconds_postgres(element: Any, compiler: Any, **options: Any) -> str:
    first, second = (compiler.process(one, **options) for one in element.clauses)
    return f"CAST(ROUND(EXTRACT(EPOCH FROM ({second} - {first}))) AS BIGINT)"


@compiles(SecondsBetween, "sqlite")
def _seconds_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    first, second = (compiler.process(one, **options) for one in element.clauses)
    return f"CAST(ROUND((julianday({second}) - julianday({first})) * 86400) AS INTEGER)"


@compiles(DayBefore, "postgresql")
def _before_postgres(element: Any, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} - INTERVAL '86401 seconds')"


@compiles(DayBefore, "sqlite")
def _before_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"strftime('%Y-%m-%dT%H:%M:%S', {moment}, '-86401 seconds')"


@compiles(HourOf, "postgresql")
def _hour_postgres(element: Any, compiler: Any, **options: Any) -> str:
    # Sessions are in UTC (store/engines).
    return f"to_char({compiler.process(element.clauses, **options)}, 'YYYY-MM-DD\"T\"HH24')"


@compiles(HourOf, "sqlite")
def _hour_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"substr({compiler.process(element.clauses, **options)}, 1, 13)"


def between(table: Any, since: datetime, until: datetime) -> Condition:
    """The records of a time (`until` excluded), deleted ones left out."""
    alive: Condition = table.c.deleted_at.is_(None)
    if table is leads:
        # Two ranges of one index; with COALESCE there would be none.
        named = and_(leads.c.received_at >= since, leads.c.received_at < until)
        unnamed = and_(
            leads.c.received_at.is_(None), leads.c.created_at >= since, leads.c.created_at < until
        )
        return and_(alive, or_(named, unnamed))
    moment = MOMENTS[table.name]
    return and_(alive, moment >= since, moment < until)


LEAD_AT: ColumnElement[Any] = func.coalesce(
    leads.c.received_at, leads.c.created_at, type_=leads.c.created_at.type
)
#: When a record counts.
MOMENTS: dict[str, Any] = {
    "calls": calls.c.started_at,
    "leads": LEAD_AT,
    "orders": orders.c.placed_at,
    "messages": messages.c.sent_at,
}

MISSED: Condition = and_(calls.c.direction == "in", calls.c.status == "missed")
_later = calls.alias("later")
_after_call = (_later.c.started_at > calls.c.started_at, _later.c.deleted_at.is_(None))
_first_out = (
    select(func.min(SecondsBetween(calls.c.started_at, _later.c.started_at)))
    .where(_later.c.to_number == calls.c.from_number, _later.c.direction == "out", *_after_call)
    .correlate(calls)
    .scalar_subquery()
)
_first_in = (
    select(func.min(SecondsBetween(calls.c.started_at, _later.c.started_at)))
    .where(_later.c.from_number == calls.c.from_number, _later.c.direction == "in", *_after_call)
    # Not by an index of statuses: SQLite, which knows no numbers of rows, would prefer it.
    .where(func.coalesce(_later.c.status, "") == "answered")
    .correlate(calls)
    .scalar_subquery()
)
#: Seconds until a missed call was called back, and until its caller reached us; null: never.
back_after = case((MISSED, _first_out), else_=None)
came_after = case((MISSED, _first_in), else_=None)

_order = orders.alias("placed")
_of_lead = and_(
    _order.c.contact_id == leads.c.contact_id,
    _order.c.deleted_at.is_(None),
    SecondsBetween(LEAD_AT, _order.c.placed_at).between(0, ORDER_SECONDS),
)


def is_cancelled(table: Any) -> Condition:
    """Whether an order came to nothing, as the shop or the accounting system says."""
    return or_(
        func.coalesce(table.c.status, "").in_(CANCELLED),
        func.coalesce(table.c.erp_cancelled, false()),
    )


def is_paid(table: Any) -> Condition:
    """Whether an order is paid: the shop says when, or the accounting system, or it is done."""
    return or_(
        table.c.paid_at.is_not(None),
        table.c.erp_paid_at.is_not(None),
        func.coalesce(table.c.status, "") == "completed",
    )


IS_ORDERED: Condition = exists().where(_of_lead, ~is_cancelled(_order)).correlate(leads)
IS_BOUGHT: Condition = (
    exists().where(_of_lead, ~is_cancelled(_order), is_paid(_order)).correlate(leads)
)
IS_CANCELLED: Condition = is_cancelled(orders)
_earlier = orders.alias("earlier")
IS_REPEAT: Condition = (
    exists()
    .where(_earlier.c.contact_id == orders.c.contact_id, _earlier.c.deleted_at.is_(None))
    .where(
        or_(
            _earlier.c.placed_at < orders.c.placed_at,
            and_(_earlier.c.placed_at == orders.c.placed_at, _earlier.c.id < orders.c.id),
        )
    )
    .correlate(orders)
)

LETTER: Condition = and_(messages.c.direction == "in", messages.c.kind == "mail")
_reply = messages.alias("reply")
answered_after = case(
    (
        LETTER,
        select(func.min(SecondsBetween(messages.c.sent_at, _reply.c.sent_at)))
        .where(_reply.c.thread_key == messages.c.thread_key, _reply.c.direction == "out")
        .where(_reply.c.sent_at > messages.c.sent_at, _reply.c.deleted_at.is_(None))
        .correlate(messages)
        .scalar_subquery(),
    ),
    else_=None,
)


def called_back(low: int = 0, high: int | None = None) -> Condition:
    """Missed calls that were called back before their client reached us: after `low` minutes or
    more, and less than `high`."""
    return and_(
        MISSED,
        back_after >= low * 60,
        back_after <= BACK_SECONDS if high is None else back_after < high * 60,
        or_(came_after.is_(None), came_after >= back_after),
    )


def came_themselves() -> Condition:
    """Missed calls whose caller reached us within a day, before anybody called them."""
    return and_(
        MISSED,
        came_after <= BACK_SECONDS,
        or_(back_after.is_(None), back_after > came_after),
    )


def not_called_back() -> Condition:
    """Missed calls of clients with whom nobody spoke within a day."""
    late = (or_(one.is_(None), one > BACK_SECONDS) for one in (back_after, came_after))
    return and_(MISSED, *late)


def answered(low: int = 0, high: int | None = None) -> Condition:
    """Letters that were answered after `low` minutes or more, and less than `high`."""
    return and_(
        LETTER,
        answered_after >= low * 60,
        answered_after <= ANSWER_SECONDS if high is None else answered_after < high * 60,
    )


def not_answered() -> Condition:
    """Letters that nobody answered within three days."""
    return and_(LETTER, or_(answered_after.is_(None), answered_after > ANSWER_SECONDS))
