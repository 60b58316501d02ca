"""Reports of calls, leads, orders and letters, and the records behind each of their numbers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, abort, make_response, render_template, request
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.crm import periods, reports
from hub.crm.periods import Period
from hub.store import users
from hub.store.lists import report_records
from hub.store.lists.stock import low_count
from hub.web import export, lists, menu, seeing
from hub.web import report_view as view
from hub.web.context import company_zone, local_now, people, the_store, the_user
from hub.web.guard import protect
from hub.web.report_sheets import figures_sheet, sheet
from hub.web.words import reports as words

menu.add(
    "managers",
    80,
    "reports.overview",
    _l("Reports"),
    "chart-bar",
    (*(f"reports.{name}" for name in reports.NAMES), "reports.records", "reports.mail"),
)
blueprint = Blueprint("reports", __name__)
protect(blueprint, readers=users.ROLES, writers=(users.ADMIN, users.HEAD, users.MANAGER))
#: The figures of each report that the first page shows.
FIRST = {
    "calls": ("incoming", "missed", "missed_share", "wait_median", "back_median", "lost"),
    "leads": ("leads", "ordered", "conversion"),
    "orders": ("orders", "total", "average", "repeat_share"),
    "messages": ("letters", "unanswered", "answer_median"),
}


def whose() -> str:
    """The manager whose numbers are shown; empty: everybody's. A manager sees their own."""
    user = the_user()
    if user is not None and user.role == users.MANAGER:
        return user.row.email
    return lists.argument("manager")


def wanted_period() -> Period:
    """The period that the address names; without one, this month."""
    name, today = lists.argument("period"), local_now().date()
    since, until = lists.day("since"), lists.day("until")
    if name == periods.ANY and (since or until):
        return periods.between(since or until or today, until or since or today)
    day = lists.day("day") or since or today
    return periods.period_of(name if name in periods.NAMES[:-1] else periods.MONTH, day)


def built(name: str, period: Period) -> reports.Report:
    """A report as the address asks for it."""
    today = local_now().date()
    return reports.build(the_store().database, name, period, company_zone(), today, whose())


def shared(period: Period, **more: Any) -> dict[str, Any]:
    """What every page of reports shows: the period, its neighbours, whose numbers."""
    today = local_now().date()
    return {
        "period": period,
        "former": periods.before(period, today),
        "today": today,
        "earlier": view.address_of(periods.shifted(period, -1)),
        "later": view.address_of(periods.shifted(period, 1)),
        "manager": whose(),
        "people": people(),
        "view": view,
        "words": words,
        "names": reports.NAMES,
        **more,
    }


def show(name: str, **context: Any) -> Response:
    """The page, or for htmx the part below the filters."""
    if not lists.is_partial():
        return make_response(render_template(f"reports/{name}.html", part=name, **context))
    response = make_response(render_template(f"reports/{name}_body.html", **context))
    response.headers["HX-Push-Url"] = lists.here()
    return response


@blueprint.get("/reports")
def overview() -> Response:
    """The first figures of every report."""
    period = wanted_period()
    found = [built(name, period) for name in reports.NAMES]
    return show(
        "overview",
        **shared(
            period,
            reports=found,
            first=FIRST,
            pending=max(report.pending for report in found),
            low=low_count(the_store().database),
        ),
    )


def _report(name: str) -> Response:
    period = wanted_period()
    report = built(name, period)
    if kind := export.wanted():
        return _file(report, kind)
    return show("report", **shared(period, report=report, pending=report.pending))


def _file(report: reports.Report, kind: str) -> Response:
    title = str(words.TITLES[report.name][0])
    table = lists.argument("table")
    if table not in {one.name for one in report.tables}:
        columns, rows = figures_sheet(report)
        return export.download(title, columns, rows, kind, f"report {report.name}")
    columns, rows = sheet(report, report.table(table))
    name = f"{title}, {str(words.TABLES[table]).lower()}"
    return export.download(name, columns, rows, kind, f"report {report.name}")


def _declare(name: str) -> None:
    def page() -> Response:
        return _report(name)

    blueprint.add_url_rule(f"/reports/{name}", name, page)


for _name in reports.NAMES:
    _declare(_name)


@blueprint.get("/reports/<any(calls, leads, orders, messages):kind>/records")
def records(kind: str) -> Response:
    """Exactly the records that a number counted."""
    today = local_now().date()
    since, until = lists.day("since"), lists.day("until")
    period = periods.between(since or until or today, until or since or today)
    exact = {name: lists.argument(name) for name in report_records.FILTERS[kind]}
    if mine := _mine():
        exact["manager"] = mine
    wanted = report_records.Wanted(kind, period.first, period.last, exact)
    if period.last > date.max - timedelta(days=2):
        abort(404)
    found = report_records.list_counted(
        the_store().database, wanted, company_zone(), lists.PAGE_SIZE, lists.cursor()
    )
    for row in found.items:
        _hide_others(row)
    return lists.show(
        "reports/records",
        found,
        kind=kind,
        period=period,
        exact={name: value for name, value in exact.items() if value},
        people=people(),
        view=view,
        words=words,
        came_from=request.args.get("period", ""),
    )


#: What of a counted record tells who its client is.
_TELLING = ("contact_id", "contact_name", "from_number", "to_number", "from_address", "to_address",
            "subject", "title")  # fmt: skip


def _hide_others(row: dict[str, Any]) -> None:
    """A record counts whoever its client is; a client of others is not named beside it."""
    row["is_others"] = not seeing.may_see(the_user(), {"manager": row["contact_manager"]})
    if row["is_others"]:
        row |= {name: None for name in _TELLING if name in row}


def _mine() -> str:
    user = the_user()
    return user.row.email if user is not None and user.role == users.MANAGER else ""
