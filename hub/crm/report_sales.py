"""The figures and tables of leads and of orders: the way from an application to money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from hub.crm.report_model import (
    NOTHING,
    Cell,
    Figure,
    Line,
    Scope,
    Table,
    cell,
    largest_first,
    pairs,
    share,
)
from hub.store.report_tally import LEAD, ORDER, SEPARATOR, Numbers


def _lead_facts(values: Iterable[Sequence[Any]]) -> Cell:
    found = cell(LEAD, values)
    found["conversion"] = share(found["ordered"], found["leads"])
    found["bought_share"] = share(found["bought"], found["leads"])
    return found


def _lead_row(scope: Scope, one: Cell, **narrower: str) -> dict[str, Figure]:
    figures = (
        Figure("leads", one["leads"], records=scope.records(**narrower)),
        Figure("ordered", one["ordered"], records=scope.records(stage="ordered", **narrower)),
        Figure("conversion", one["conversion"], "percent"),
        Figure("bought", one["bought"], records=scope.records(stage="bought", **narrower)),
        Figure("bought_share", one["bought_share"], "percent"),
    )
    return {figure.name: figure for figure in figures}


_LEAD_COLUMNS: Final = ("leads", "ordered", "conversion", "bought", "bought_share")


def lead_figures(scope: Scope, now: Numbers, then: Numbers) -> list[Figure]:
    """The way from a lead to money."""
    return pairs(
        _lead_facts(now.get("channel", {}).values()),
        _lead_facts(then.get("channel", {}).values()),
        (
            ("leads", "count", 1, scope.records()),
            ("ordered", "count", 1, scope.records(stage="ordered")),
            ("conversion", "percent", 1, None),
            ("bought", "count", 1, scope.records(stage="bought")),
            ("bought_share", "percent", 1, None),
        ),
    )


def lead_tables(scope: Scope, now: Numbers) -> list[Table]:
    """By channel, by channel and campaign, by manager."""
    campaigns, managers = list[Line](), list[Line]()
    channels: dict[str, list[Sequence[Any]]] = {}
    for key, one in now.get("channel", {}).items():
        channel, _, campaign = key.partition(SEPARATOR)
        channels.setdefault(channel, []).append(one)
        narrower = {"channel": channel or NOTHING, "campaign": campaign or NOTHING}
        campaigns.append(((channel, campaign), _lead_row(scope, _lead_facts([one]), **narrower)))
    of_channels: list[Line] = [
        ((channel,), _lead_row(scope, _lead_facts(values), channel=channel or NOTHING))
        for channel, values in channels.items()
    ]
    for key, one in now.get("manager", {}).items():
        managers.append(((key,), _lead_row(scope, _lead_facts([one]), manager=key or NOTHING)))
    return [
        Table("channel", ("channel",), _LEAD_COLUMNS, largest_first(of_channels, "leads")),
        Table(
            "campaign", ("channel", "campaign"), _LEAD_COLUMNS, largest_first(campaigns, "leads")
        ),
        Table("manager", ("manager",), _LEAD_COLUMNS, largest_first(managers, "leads")),
    ]


def _order_facts(values: Iterable[Sequence[Any]]) -> Cell:
    found = cell(ORDER, values)
    found["average"] = None
    if found["kept"]:
        found["average"] = format(round(Decimal(found["total"]) / found["kept"], 2), "f")
    found["repeat_share"] = share(found["repeat"], found["orders"])
    return found


def main_currency(numbers: Numbers) -> str:
    """The currency of most orders."""
    counted: dict[str, int] = {}
    for key, one in numbers.get("channel", {}).items():
        currency = key.partition(SEPARATOR)[2]
        counted[currency] = counted.get(currency, 0) + one[0]
    return max(sorted(counted), key=lambda one: counted[one], default="")


def _of_currency(numbers: Numbers, currency: str) -> list[list[Any]]:
    cells = numbers.get("channel", {})
    return [one for key, one in cells.items() if key.partition(SEPARATOR)[2] == currency]


def order_figures(scope: Scope, now: Numbers, then: Numbers) -> list[Figure]:
    """Orders, and the money of the main currency."""
    currency = main_currency(now if now.get("channel") else then)
    whole, former = (_order_facts(one.get("channel", {}).values()) for one in (now, then))
    money, before = (_order_facts(_of_currency(one, currency)) for one in (now, then))
    return [
        Figure("orders", whole["orders"], "count", former["orders"], 1, scope.records()),
        Figure("total", money["total"], "money", before["total"], 1, None, currency),
        Figure("average", money["average"], "money", before["average"], 1, None, currency),
        *pairs(
            whole,
            former,
            (
                ("cancelled", "count", -1, scope.records(stage="cancelled")),
                ("repeat", "count", 1, scope.records(stage="repeat")),
                ("repeat_share", "percent", 1, None),
            ),
        ),
    ]


_ORDER_COLUMNS: Final = ("orders", "cancelled", "total", "average", "repeat", "repeat_share")


def order_tables(scope: Scope, now: Numbers) -> list[Table]:
    """By channel and by manager; an amount has its currency, so each currency is a row."""
    found = []
    for name in ("channel", "manager"):
        rows: list[Line] = []
        for key, one in now.get(name, {}).items():
            who, _, currency = key.partition(SEPARATOR)
            narrower = {name: who or NOTHING, "currency": currency or NOTHING}
            rows.append(((who, currency), _order_row(scope, one, currency, narrower)))
        found.append(Table(name, (name, "currency"), _ORDER_COLUMNS, largest_first(rows, "orders")))
    return found


def _order_row(
    scope: Scope, values: Sequence[Any], currency: str, narrower: dict[str, str]
) -> dict[str, Figure]:
    one = _order_facts([values])
    figures = (
        Figure("orders", one["orders"], records=scope.records(**narrower)),
        Figure("cancelled", one["cancelled"], records=scope.records(stage="cancelled", **narrower)),
        Figure("total", one["total"], "money", currency=currency),
        Figure("average", one["average"], "money", currency=currency),
        Figure("repeat", one["repeat"], records=scope.records(stage="repeat", **narrower)),
        Figure("repeat_share", one["repeat_share"], "percent"),
    )
    return {figure.name: figure for figure in figures}


def drawn_leads(numbers: Numbers) -> dict[str, Any]:
    """What is drawn of leads."""
    found = cell(LEAD, numbers.get("channel", {}).values())
    return {name: found[name] for name in ("leads", "ordered")}


def drawn_orders(numbers: Numbers) -> dict[str, Any]:
    """What is drawn of orders."""
    found = cell(ORDER, numbers.get("channel", {}).values())
    return {name: found[name] for name in ("orders", "cancelled")}
