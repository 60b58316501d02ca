"""Reports: every number with the link that lists the records behind it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from hub.api.access import store
from hub.api.fields import Strict, Text, one_of, shown
from hub.api.operation import API_PREFIX, blueprint, operation
from hub.crm import reports as crm_reports
from hub.crm.documents import plain
from hub.crm.periods import between
from hub.store.database import utc_now
from hub.store.lists import reports

numbers = blueprint("reports", "reports", "Numbers that open down to their records")
DEFAULT_DAYS = 30
UNITS = ("count", "percent", "seconds", "money")


class CallsRowSchema(Schema):
    """The calls of one manager or one day."""

    manager = fields.String(metadata={"description": "Empty: calls that nobody took."})
    day = fields.String(metadata={"format": "date"})
    total = fields.Integer(required=True)
    incoming = fields.Integer(required=True)
    outgoing = fields.Integer(required=True)
    answered = fields.Integer(required=True)
    missed = fields.Integer(required=True, metadata={"description": "Incoming ones."})
    talk_seconds = fields.Integer(required=True)
    mean_wait_seconds = shown(fields.Integer)
    filter = fields.String(required=True, metadata={"description": "Lists exactly these calls."})


class CallsReportSchema(Schema):
    """Calls of a period; days are the company's own."""

    first = fields.String(required=True, data_key="from", metadata={"format": "date"})
    last = fields.String(required=True, data_key="to", metadata={"format": "date"})
    group = one_of(reports.GROUPS, required=True)
    items = fields.List(fields.Nested(CallsRowSchema), required=True)


class CallsReportQuery(Strict):
    """Which days, both included; without any, the last 30."""

    first = fields.Date(data_key="from", validate=validate.Range(min=date(2000, 1, 1)))
    last = fields.Date(data_key="to", validate=validate.Range(max=date(2200, 1, 1)))
    group = one_of(reports.GROUPS, load_default="manager")

    @validates_schema
    def a_period(self, data: Mapping[str, Any], **_options: Any) -> None:
        """The days come in order and are not too many."""
        first, last = _period(data)
        if last < first:
            raise ValidationError("«to» is before «from».")
        if (last - first).days > reports.MAX_DAYS:
            raise ValidationError(f"A report takes at most {reports.MAX_DAYS} days.")


@operation(numbers, "GET", "/reports/calls", CallsReportSchema, query=CallsReportQuery)
def report_calls(query: dict[str, Any]) -> dict[str, Any]:
    """Calls of a period by manager or by day."""
    first, last = _period(query)
    rows = reports.calls_report(store().database, first, last, query["group"], _zone())
    items = [{**row, "filter": _link(row["filter"])} for row in rows]
    return {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "group": query["group"],
        "items": items,
    }


class FigureSchema(Schema):
    """One number, and what it was in the period before."""

    name = fields.String(required=True)
    unit = one_of(UNITS, required=True)
    value = shown(metadata={"description": "A number as text; money is exact."})
    before = shown(metadata={"description": "The same of the period before."})
    currency = fields.String(required=True)


class TableRowSchema(Schema):
    """A row: what it tells of, and its numbers in the order of the columns."""

    key = fields.List(fields.String(), required=True)
    values = fields.List(fields.String(allow_none=True), required=True)


class TableSchema(Schema):
    """A table of a report."""

    name = fields.String(required=True)
    keys = fields.List(fields.String(), required=True)
    columns = fields.List(fields.String(), required=True)
    rows = fields.List(fields.Nested(TableRowSchema), required=True)


class ReportSchema(Schema):
    """A report as the site shows it; the days are the company's own."""

    report = one_of(crm_reports.NAMES, required=True)
    first = fields.String(required=True, data_key="from", metadata={"format": "date"})
    last = fields.String(required=True, data_key="to", metadata={"format": "date"})
    before_first = fields.String(required=True, data_key="before_from", metadata={"format": "date"})
    before_last = fields.String(required=True, data_key="before_to", metadata={"format": "date"})
    manager = fields.String(required=True)
    figures = fields.List(fields.Nested(FigureSchema), required=True)
    tables = fields.List(fields.Nested(TableSchema), required=True)
    pending_days = fields.Integer(
        required=True, metadata={"description": "Days that are being counted anew right now."}
    )


class ReportQuery(CallsReportQuery):
    """Which report of which days."""

    report = one_of(crm_reports.NAMES, load_default="calls")
    manager = Text(load_default="", metadata={"description": "Only this manager's records."})

    class Meta(Strict.Meta):
        """The grouping of calls is not asked for here."""

        exclude = ("group",)


@operation(numbers, "GET", "/reports/figures", ReportSchema, query=ReportQuery)
def report_figures(query: dict[str, Any]) -> dict[str, Any]:
    """Calls, leads, orders or letters of a period, compared with the one before."""
    first, last = _period(query)
    today = utc_now().astimezone(_zone()).date()
    report = crm_reports.build(
        store().database, query["report"], between(first, last), _zone(), today, query["manager"]
    )
    return {
        "report": report.name,
        "first": first.isoformat(),
        "last": last.isoformat(),
        "before_first": report.former.first.isoformat(),
        "before_last": report.former.last.isoformat(),
        "manager": report.manager,
        "figures": [
            {
                "name": one.name,
                "unit": one.unit,
                "value": _number(one.value),
                "before": _number(one.before),
                "currency": one.currency,
            }
            for one in report.figures
        ],
        "tables": [
            {
                "name": table.name,
                "keys": table.keys,
                "columns": table.columns,
                "rows": [
                    {"key": key, "values": [_number(row[name].value) for name in table.columns]}
                    for key, row in table.rows
                ],
            }
            for table in report.tables
        ],
        "pending_days": report.pending,
    }


def _number(value: Any) -> str | None:
    return None if value is None else str(value)


def _zone() -> ZoneInfo:
    return ZoneInfo(store().settings.timezone)


def _period(data: Mapping[str, Any]) -> tuple[date, date]:
    last = data.get("last")
    first = data.get("first")
    if last is None:
        today = utc_now().astimezone(_zone()).date()
        last = today if first is None else max(first, min(today, first + timedelta(DEFAULT_DAYS)))
    return first or last - timedelta(days=DEFAULT_DAYS - 1), last


def _link(filters: Mapping[str, Any]) -> str:
    values = plain(dict(filters))
    if values.get("manager") == "":
        del values["manager"]
        values["no_manager"] = "true"
    return f"{API_PREFIX}/calls?{urlencode(values)}"
