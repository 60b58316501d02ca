"""Reports as data: numbers with those of the period before, tables, and for each the filter that
lists exactly the records behind it. Pages, the API, files and letters show the same reports.

Names are keys; the words for them stand in hub/web/words/reports.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from hub.crm import report_calls, report_sales
from hub.crm.periods import Period, before
from hub.crm.report_model import Figure, Scope, Table
from hub.store import report_days
from hub.store.database import Database
from hub.store.report_tally import ALL, Numbers

#: A longer period is drawn by month.
MAX_DRAWN_DAYS: Final = 100
Figures = Callable[[Scope, Numbers, Numbers], list[Figure]]
Tables = Callable[[Scope, Numbers], list[Table]]
Drawn = Callable[[Numbers], dict[str, Any]]
MAKERS: Final[dict[str, tuple[Figures, Tables, Drawn]]] = {
    "calls": (report_calls.call_figures, report_calls.call_tables, report_calls.drawn_calls),
    "leads": (report_sales.lead_figures, report_sales.lead_tables, report_sales.drawn_leads),
    "orders": (report_sales.order_figures, report_sales.order_tables, report_sales.drawn_orders),
    "messages": (
        report_calls.message_figures,
        report_calls.message_tables,
        report_calls.drawn_messages,
    ),
}
NAMES: Final = tuple(MAKERS)


@dataclass(frozen=True)
class Report:
    """A whole report of a period, of everybody or of one manager."""

    name: str
    period: Period
    former: Period
    manager: str
    figures: list[Figure]
    #: What the tables are made of, by those who show them.
    numbers: Numbers
    #: What is drawn over time: {day or month: {name: number}}, empty ones too.
    series: dict[str, dict[str, Any]]
    #: Days whose numbers are being counted anew right now.
    pending: int = 0

    @cached_property
    def tables(self) -> list[Table]:
        """The tables of this report."""
        place = Scope(self.name, self.period, self.manager)
        return MAKERS[self.name][1](place, self.numbers)

    def table(self, name: str) -> Table:
        """A table by its name."""
        return next(table for table in self.tables if table.name == name)

    def figure(self, name: str) -> Figure:
        """A figure by its name."""
        return next(figure for figure in self.figures if figure.name == name)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell of."""
        return not any(self.numbers.values())


def build(
    database: Database,
    name: str,
    period: Period,
    zone: ZoneInfo,
    today: date,
    manager: str = "",
    *,
    whole: bool = False,
) -> Report:
    """The report of this name; `manager`: only of this one's records. `whole`: nothing is left
    pending, however long it takes."""
    former, by_day = before(period, today), period.days <= MAX_DRAWN_DAYS
    scope, place = manager or ALL, Scope(name, period, manager)
    changed = report_days.look(database, name, zone)
    now, then = (
        report_days.read(
            database,
            name,
            scope,
            one.first,
            one.last,
            zone,
            by_day=days,
            whole=whole,
            changed=changed,
        )
        for one, days in ((period, by_day), (former, False))
    )
    total = now.total
    return Report(
        name=name,
        period=period,
        former=former,
        manager=manager,
        figures=MAKERS[name][0](place, total, then.total),
        numbers=total,
        series=_series(name, now.parts, period, by_day=by_day),
        pending=len({*now.pending, *then.pending}),
    )


def _series(
    name: str, kept: Mapping[str, Numbers], period: Period, *, by_day: bool
) -> dict[str, dict[str, Any]]:
    width = 10 if by_day else 7
    days = report_days.each_day(period.first, period.last)
    found: dict[str, dict[str, Any]] = {day.isoformat()[:width]: {} for day in days}
    for key, numbers in kept.items():
        place = found[key[:width]]
        for number, value in MAKERS[name][2](numbers).items():
            place[number] = place.get(number, 0) + value
    return found
