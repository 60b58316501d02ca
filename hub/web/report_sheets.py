"""Reports as files: their tables and figures as columns and rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext as _

from hub.crm.report_model import Table
from hub.crm.reports import Report
from hub.crm.sheets import Column
from hub.web.report_view import key_text
from hub.web.words import reports as words


def sheet(report: Report, table: Table) -> tuple[list[Column], Iterable[Mapping[str, Any]]]:
    """A table of a report as columns and rows of a file."""
    columns = [
        Column(words.KEYS[name], _key_of(place, name)) for place, name in enumerate(table.keys)
    ]
    for name in table.columns:
        unit = _unit(table, name)
        title = f"{words.figure_title(report.name, name)}{_unit_text(unit)}"
        kind = "money" if unit == "money" else "number"
        columns.append(Column(title, _value_of(name), kind))
    return columns, [{"key": key, "row": row} for key, row in table.rows]


def figures_sheet(report: Report) -> tuple[list[Column], Iterable[Mapping[str, Any]]]:
    """The figures of a report as columns and rows of a file."""
    columns = [
        Column(_("Figure"), lambda row: row["title"], width=44),
        Column(_("Value"), lambda row: row["value"], "number"),
        Column(_("Before"), lambda row: row["before"], "number"),
    ]
    rows = [
        {
            "title": f"{words.figure_title(report.name, one.name)}{_unit_text(one.unit)}"
            + (f", {one.currency}" if one.currency else ""),
            "value": one.value,
            "before": one.before,
        }
        for one in report.figures
    ]
    return columns, rows


def _unit_text(unit: str) -> str:
    return str({"percent": ", %", "seconds": _(", seconds")}.get(unit, ""))


def _unit(table: Table, name: str) -> str:
    return next((row[name].unit for _key, row in table.rows), "count")


def _key_of(place: int, name: str) -> Any:
    return lambda row: key_text(name, row["key"][place])


def _value_of(name: str) -> Any:
    return lambda row: row["row"][name].value
