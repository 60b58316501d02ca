"""Reports as people read them: values, changes, keys of rows, periods, drawings, files."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from babel import Locale, dates, numbers, units
from flask_babel import gettext as _
from markupsafe import Markup, escape

from hub.crm.periods import ANY, MONTH, QUARTER, YEAR, Period, period_of
from hub.crm.report_model import NOTHING as NOTHING_THERE
from hub.crm.report_model import Figure, Table
from hub.crm.reports import Report
from hub.web.assets import address
from hub.web.formats import NOTHING, count, locale, money, person, phone
from hub.web.words import reports as words
from hub.web.words import word

#: An amount from which on nobody asks for the kopecks at a glance.
MANY: Final = 10_000
#: {report: (number drawn, tone, whether as a line)}
DRAWN: Final = {
    "calls": (("incoming", "primary", False), ("outgoing", "info", False), ("missed", "bad", True)),
    "leads": (("leads", "primary", False), ("ordered", "good", False)),
    "orders": (("orders", "primary", False), ("cancelled", "quiet", False)),
    "messages": (("letters", "primary", False), ("sent", "info", False)),
}
#: The filter of the records that a drawn number counts.
_OF_DRAWN: Final[dict[str, dict[str, str]]] = {
    "incoming": {"direction": "in"},
    "outgoing": {"direction": "out"},
    "missed": {"direction": "in", "status": "missed"},
    "letters": {"direction": "in"},
    "sent": {"direction": "out"},
    "ordered": {"stage": "ordered"},
    "cancelled": {"stage": "cancelled"},
}


def value_text(figure: Figure) -> str:
    """A figure's value with its unit."""
    return _text(figure.value, figure)


def before_text(figure: Figure) -> str:
    """What it was in the period before."""
    return _text(_without_kopecks(figure.before, figure), figure)


def card_text(figure: Figure) -> str:
    """A figure's value where there is little room; its kopecks stand in the tables and files."""
    return _text(_without_kopecks(figure.value, figure), figure)


def _without_kopecks(value: Any, figure: Figure) -> Any:
    if figure.unit != "money" or value is None or abs(Decimal(value)) < MANY:
        return value
    return round(Decimal(value))


def _text(value: Any, figure: Figure) -> str:
    if value is None:
        return NOTHING
    if figure.unit == "money":
        return money(value, figure.currency or None)
    return _said(value, figure.unit, locale())


# A report has hundreds of numbers, and most of them are the same few.
@lru_cache(maxsize=8192)
def _said(value: Any, unit: str, where: Locale) -> str:
    if unit == "percent":
        return numbers.format_percent(Decimal(str(value)) / 100, "#,##0.#\xa0%", locale=where)
    if unit == "seconds":
        return _seconds(value, where)
    return count(value)


def seconds_text(value: int) -> str:
    """Seconds in the two units one would say them in: «4 мин 20 с», «3 ч 5 мин»."""
    return _seconds(value, locale())


def _seconds(value: int, where: Locale) -> str:
    parts = (("hour", 3600), ("minute", 60), ("second", 1))
    said = []
    for unit, size in parts:
        number, value = divmod(value, size)
        if number:
            said.append(units.format_unit(number, unit, "short", locale=where))
        elif said:
            break
    return " ".join(said[:2]) or units.format_unit(0, "second", "short", locale=where)


def change_text(figure: Figure) -> str:
    """By how much it changed, with a sign: «+12 %», «−2,5 п. п.»; empty when it cannot be said."""
    change = figure.change
    if change is None:
        return ""
    if not change:
        return str(_("no change"))
    text = numbers.format_decimal(abs(round(change, 1 if abs(change) < 10 else 0)), locale=locale())
    sign = "+" if change > 0 else "−"
    if figure.unit == "percent":
        return str(_("%(change)s points", change=f"{sign}{text}"))
    return f"{sign}{text}\xa0%"


def key_text(name: str, value: str) -> str:
    """A part of a row's key in words."""
    if not value:
        return str(words.NOBODY[name])
    if name == "manager":
        return person(value)
    if name == "line":
        return phone(value)
    if name in ("back", "answer"):
        return str(words.BANDS.get(value, value))
    if name == "weekday" and value in "0123456":
        return weekday(int(value))
    if name == "hour" and value.isdigit() and len(value) < 3:
        return f"{int(value):02}:00–{int(value) + 1:02}:00"
    return value


def weekday(number: int, width: Any = "wide") -> str:
    """A weekday, 0 is Monday."""
    return str(dates.get_day_names(width, "stand-alone", locale=locale())[number])


def period_text(period: Period) -> str:
    """A period in words: «ноябрь 2026», «1–26 ноября 2026»."""
    if period == period_of(period.name, period.first):
        pattern = {MONTH: "LLLL y", QUARTER: "QQQQ y", YEAR: "y"}.get(period.name)
        if pattern:
            return dates.format_date(period.first, pattern, locale=locale())
    if period.first == period.last:
        return dates.format_date(period.first, "EEEE, d MMMM y", locale=locale())
    first = "d MMMM y"
    if period.first.year == period.last.year:
        first = "d" if period.first.month == period.last.month else "d MMMM"
    if locale().language != "ru":
        first = first if first != "d" else "d MMMM"
    dash = "–" if first == "d" else " – "
    return (
        dates.format_date(period.first, first, locale=locale())
        + dash
        + dates.format_date(period.last, "d MMMM y", locale=locale())
    )


def records_url(figure: Figure) -> str | None:
    """The page that lists the records behind a figure."""
    return address("reports.records", **figure.records) if figure.records else None


def number(figure: Figure, text: str = "") -> Markup | str:
    """A figure's value, or other words for it, as a link to its records."""
    shown = text or value_text(figure)
    where = records_url(figure) if figure.value else None
    if not where:
        return shown
    return Markup(f'<a href="{escape(where)}">{escape(shown)}</a>')  # noqa: S704  # both are escaped


def heat(report: Report) -> dict[str, Any]:
    """Calls by hour and weekday as a table: the hours in use, and how strong each cell is."""
    cells = {tuple(map(int, key)): row for key, row in report.table("hour").rows}
    hours = [hour for _day, hour in cells]
    most = max((row["total"].value for row in cells.values()), default=1)
    return {
        "hours": range(min(hours, default=9), max(hours, default=18) + 1),
        "cells": {
            place: {
                "total": row["total"],
                "missed": row["missed"],
                "level": -(-row["total"].value * 5 // most),
            }
            for place, row in cells.items()
        },
    }


def drawing(report: Report, today: date) -> dict[str, Any]:
    """The drawing over time, in the words of static/charts.js; days to come stay empty."""
    days = list(report.series)
    past = [day for day in days if day <= today.isoformat()[: len(day)]]
    return {
        "type": "bar",
        "unit": "count",
        "labels": [_short(day) for day in days],
        "series": [
            {
                "label": str(words.figure_title(report.name, name)),
                "tone": tone,
                "line": line,
                "values": [report.series[day].get(name, 0) for day in past],
                "links": [_day_url(report, day, name) for day in days],
            }
            for name, tone, line in DRAWN[report.name]
        ],
    }


def bands_drawing(table: Table, title: str) -> dict[str, Any]:
    """A table of how long it took, as lying bars."""
    return {
        "type": "rows",
        "unit": "count",
        "labels": [key_text(table.name, key[0]) for key, _row in table.rows],
        "links": [records_url(row["records"]) for _key, row in table.rows],
        "series": [
            {
                "label": title,
                "tone": "primary",
                "values": [row["records"].value for _key, row in table.rows],
            }
        ],
    }


def _short(day: str) -> str:
    if len(day) == 7:
        return dates.format_date(date.fromisoformat(f"{day}-01"), "LLL y", locale=locale())
    return dates.format_date(date.fromisoformat(day), "d MMM", locale=locale())


def _day_url(report: Report, day: str, name: str) -> str:
    first = last = date.fromisoformat(day if len(day) == 10 else f"{day}-01")
    if len(day) == 7:
        first = max(first, report.period.first)
        whole = (last + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        last = min(whole, report.period.last)
    wanted = {"since": first.isoformat(), "until": last.isoformat(), **_OF_DRAWN.get(name, {})}
    if report.manager:
        wanted["manager"] = report.manager
    return address("reports.records", **{"kind": report.name, **wanted})


def address_of(period: Period) -> dict[str, str | None]:
    """A period as parameters of an address."""
    if period.name == ANY:
        since, until = period.first.isoformat(), period.last.isoformat()
        return {"period": ANY, "since": since, "until": until, "day": None}
    day = period.first.isoformat()
    return {"period": period.name, "day": day, "since": None, "until": None}


def filter_text(name: str, value: str) -> str:
    """A filter of the records behind a number, in words."""
    if name == "stage":
        return str(words.STAGES.get(value, value))
    if name in ("direction", "status"):
        return str(word("direction" if name == "direction" else "call", value).label)
    if name in ("weekday", "hour") and not value.isdigit():
        return value
    text = key_text(name, "" if value == NOTHING_THERE else value)
    title = words.KEYS.get(name)
    return f"{title}: {text}" if title and value != NOTHING_THERE else text
