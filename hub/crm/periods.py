"""Periods of reports in the company's calendar, and the ones they are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

DAY, WEEK, MONTH, QUARTER, YEAR, ANY = NAMES = ("day", "week", "month", "quarter", "year", "any")
MAX_DAYS = 400
EARLIEST, LATEST = date(2000, 1, 1), date(2200, 1, 1)
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """Days from the first to the last, both included. Weeks begin on Monday."""

    name: str
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1


def period_of(name: str, day: date) -> Period:
    """The whole period of this name that the day lies in."""
    day = min(max(day, EARLIEST), LATEST)
    if name == WEEK:
        first = day - timedelta(days=day.weekday())
        return Period(name, first, first + timedelta(days=6))
    months = {MONTH: 1, QUARTER: 3, YEAR: 12}.get(name)
    if months is None:
        return Period(DAY, day, day)
    first = day.replace(month=(day.month - 1) // months * months + 1, day=1)
    return Period(name, first, _months_later(first, months) - _ONE_DAY)


def between(first: date, last: date) -> Period:
    """Any days; put in order, cut to MAX_DAYS."""
    first, last = sorted((min(max(first, EARLIEST), LATEST), min(max(last, EARLIEST), LATEST)))
    return Period(ANY, first, min(last, first + timedelta(days=MAX_DAYS - 1)))


def shifted(period: Period, step: int) -> Period:
    """The neighbour before (-1) or after (1)."""
    if period.name == ANY:
        moved = timedelta(days=period.days * step)
        return between(period.first + moved, period.last + moved)
    edge = period.first - _ONE_DAY if step < 0 else period.last + _ONE_DAY
    return period_of(period.name, edge)


def before(period: Period, today: date) -> Period:
    """What a period is compared with: the one before it.

    A period that still runs is compared with as many first days of the one before, so that half a
    month does not lose against a whole one.
    """
    former = shifted(period, -1)
    if period.first <= today < period.last:
        last = former.first + (today - period.first)
        return Period(former.name, former.first, min(last, former.last))
    return former


def _months_later(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)
