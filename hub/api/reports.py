"""Reports: every number with the link that lists the records behind it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from hub.api.access import store
from hub.api.fields import Strict, one_of, shown
from hub.api.operation import API_PREFIX, blueprint, operation
from hub.crm.documents import plain
from hub.store.database import utc_now
from hub.store.lists import reports

numbers = blueprint("reports", "reports", "Numbers that open down to their records")
DEFAULT_DAYS = 30


class CallsRowSchema(Schema):
    """The calls of one manager or one day."""

    manager = fields.String(metadata={"description": "Empty: calls that nobody took."})
    day = fields.String(metadata={"format": "date"})
    total = fields.Integer(required=True)
    incoming = fields.Integer(required=True)
    outgoing = fields.Integer(required=True)
    answered = fields.Integer(required=True)
    missed = fields.Integer(required=True)
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
