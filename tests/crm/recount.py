"""Reports recounted the plain way: every row, loops, no SQL but «give me all»."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from hub.crm.periods import Period
from hub.store.models import calls, leads, messages, orders
from hub.store.store import Store

TABLES = {"calls": calls, "leads": leads, "orders": orders, "messages": messages}


class Recount:
    """All rows, and those of the period."""

    def __init__(self, everything: dict[str, list[Any]], inside: list[Any]) -> None:
        self.all, self.inside = everything, inside


def moment(name: str, row: Any) -> Any:
    if name == "leads":
        return row.received_at or row.created_at
    return {"calls": "started_at", "orders": "placed_at", "messages": "sent_at"}[name] and getattr(
        row, {"calls": "started_at", "orders": "placed_at", "messages": "sent_at"}[name]
    )


def rows(store: Store, name: str, period: Period, zone: ZoneInfo, manager: str) -> Recount:
    with store.database.read() as db:
        everything = {
            kind: [row for row in db.execute(select(table)).all() if row.deleted_at is None]
            for kind, table in TABLES.items()
        }
    inside = [
        row
        for row in everything[name]
        if period.first <= moment(name, row).astimezone(zone).date() <= period.last
        and (not manager or row.manager == manager)
    ]
    return Recount(everything, inside)


def per_cent(part: int, whole: int) -> float | None:
    return float(round(Decimal(100 * part) / whole, 1)) if whole else None


def rank(values: list[int], share: int) -> int | None:
    """The nearest-rank percentile."""
    if not values:
        return None
    return sorted(values)[max(1, -(-len(values) * share // 100)) - 1]


def of_calls(found: Recount) -> dict[str, Any]:
    incoming = [row for row in found.inside if row.direction == "in"]
    missed = [row for row in incoming if row.status == "missed"]
    waits = [
        row.wait_seconds
        for row in incoming
        if row.status == "answered" and row.wait_seconds is not None
    ]
    backs, lost = [], 0
    for row in missed:
        after = [one for one in found.all["calls"] if one.started_at > row.started_at]
        out = [one for one in after if one.direction == "out" and one.to_number == row.from_number]
        came = [
            one for one in after
            if one.direction == "in" and one.status == "answered"
            and one.from_number == row.from_number
        ]  # fmt: skip
        first_out, first_in = (
            min(((one.started_at - row.started_at) for one in some), default=timedelta(days=99))
            for some in (out, came)
        )
        if first_out <= timedelta(days=1) and first_out <= first_in:
            backs.append(int(first_out.total_seconds()) // 60)
        elif first_in > timedelta(days=1):
            lost += 1
    median, ninth = rank(backs, 50), rank(backs, 90)
    return {
        "total": len(found.inside),
        "incoming": len(incoming),
        "outgoing": sum(row.direction == "out" for row in found.inside),
        "missed": len(missed),
        "missed_share": per_cent(len(missed), len(incoming)),
        "wait_median": rank(waits, 50),
        "wait_p90": rank(waits, 90),
        "back_median": None if median is None else median * 60,
        "back_p90": None if ninth is None else ninth * 60,
        "back_goal_share": per_cent(sum(one < 15 for one in backs), len(missed)),
        "lost": lost,
        "talk_seconds": sum(row.talk_seconds or 0 for row in found.inside),
    }


def cancelled(row: Any) -> bool:
    return row.status in ("cancelled", "failed", "refunded") or bool(row.erp_cancelled)


def of_leads(found: Recount) -> dict[str, Any]:
    ordered = bought = 0
    for lead in found.inside:
        theirs = [
            row for row in found.all["orders"]
            if lead.contact_id and row.contact_id == lead.contact_id and not cancelled(row)
            and timedelta() <= row.placed_at - moment("leads", lead) <= timedelta(days=90)
        ]  # fmt: skip
        ordered += bool(theirs)
        bought += any(
            row.paid_at or row.erp_paid_at or row.status == "completed" for row in theirs
        )  # fmt: skip
    number = len(found.inside)
    return {
        "leads": number,
        "ordered": ordered,
        "bought": bought,
        "conversion": per_cent(ordered, number),
        "bought_share": per_cent(bought, number),
    }


def of_orders(found: Recount) -> dict[str, Any]:
    repeat = sum(
        any(
            one.contact_id == row.contact_id
            and (one.placed_at, one.id) < (row.placed_at, row.id)
            for one in found.all["orders"]
        )
        for row in found.inside
        if row.contact_id
    )  # fmt: skip
    by_currency: dict[str, list[Any]] = {}
    for row in found.inside:
        by_currency.setdefault(row.currency or "", []).append(row)
    main = max(sorted(by_currency), key=lambda one: len(by_currency[one]))
    totals = [
        row.total for row in by_currency[main] if row.total is not None and not cancelled(row)
    ]
    return {
        "orders": len(found.inside),
        "cancelled": sum(cancelled(row) for row in found.inside),
        "repeat": repeat,
        "repeat_share": per_cent(repeat, len(found.inside)),
        "average": format(round(sum(totals) / len(totals), 2), "f") if totals else None,
    }


def of_messages(found: Recount) -> dict[str, Any]:
    letters = [row for row in found.inside if row.direction == "in" and row.kind == "mail"]
    answers, unanswered = [], 0
    for row in letters:
        after = [
            one.sent_at - row.sent_at for one in found.all["messages"]
            if one.direction == "out" and one.thread_key and one.thread_key == row.thread_key
            and one.sent_at > row.sent_at
        ]  # fmt: skip
        first = min(after, default=timedelta(days=99))
        if first <= timedelta(days=3):
            answers.append(int(first.total_seconds()) // 60)
        else:
            unanswered += 1
    median = rank(answers, 50)
    return {
        "letters": len(letters),
        "sent": sum(row.direction == "out" for row in found.inside),
        "unanswered": unanswered,
        "answer_median": None if median is None else median * 60,
        "answer_goal_share": per_cent(sum(one < 60 for one in answers), len(letters)),
    }


RECOUNTS: dict[str, Callable[[Recount], dict[str, Any]]] = {
    "calls": of_calls,
    "leads": of_leads,
    "orders": of_orders,
    "messages": of_messages,
}
