"""A report as a letter: its figures in words, the tables as an Excel file."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Final
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from flask import Flask, render_template
from flask_babel import force_locale
from flask_babel import gettext as _

from hub.crm import periods, reports
from hub.crm.sheets import Look, write_xlsx
from hub.sending.mail import Attachment, Letter
from hub.store import users
from hub.store.database import Database
from hub.store.report_mail import Task
from hub.store.store import Store
from hub.web import report_view as view
from hub.web import site
from hub.web.context import EXTENSION
from hub.web.report_sheets import figures_sheet, sheet
from hub.web.words import reports as words

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def compose(store: Store, task: Task) -> Letter:
    """The letter of a task, in its reader's language; a manager is told of their own records."""
    zone = ZoneInfo(store.settings.timezone)
    period = told_of(task.rhythm, task.today)
    manager = task.email if task.role == users.MANAGER else ""
    report = reports.build(
        store.database, task.report, period, zone, task.today, manager, whole=True
    )  # fmt: skip
    address = str(store.settings.option("site.url", "")).rstrip("/")
    app = letters_app(store)
    with (
        app.test_request_context(base_url=address or None),
        force_locale(task.language or store.settings.language),
    ):
        title = str(words.TITLES[task.report][0])
        context = {"report": report, "view": view, "words": words, "task": task,
                   "title": title, "linked": bool(address)}  # fmt: skip
        return Letter(
            to=task.email,
            subject=f"{title}: {view.period_text(period)}",
            text=render_template("reports/letter.txt", **context),
            html=render_template("reports/letter.html", **context),
            attachments=tuple(_files(report, title, zone)),
            message_id=f"<report-{task.letter_id}-{_mark(store)}@uzel.invalid>",
        )


def told_of(rhythm: str, today: date) -> periods.Period:
    """The period a letter tells of: the one that ended last."""
    name = {"day": periods.DAY, "week": periods.WEEK, "month": periods.MONTH}[rhythm]
    return periods.period_of(name, periods.period_of(name, today).first - timedelta(days=1))


def _files(report: reports.Report, title: str, zone: ZoneInfo) -> list[Attachment]:
    """The figures and each table as a workbook of its own."""
    look = Look(zone)
    found = []
    for name, (columns, rows) in (
        (_("summary"), figures_sheet(report)),
        *((str(words.TABLES[one.name]).lower(), sheet(report, one)) for one in report.tables),
    ):
        file = io.BytesIO()
        if write_xlsx(file, columns, rows, look):
            found.append(Attachment(f"{title}, {name}.xlsx", file.getvalue(), XLSX))
    return found


def _mark(store: Store) -> str:
    """What tells this hub's letters from those of another one with the same numbers."""
    return store.vault.derive("report letters")[:12]


def letters_app(store: Store) -> Flask:
    """An application that only renders: no requests come to it. One for each store."""
    app = _APPS.get(store.database)
    if app is None or app.extensions[EXTENSION] is not store:
        app = _APPS[store.database] = Flask("uzel-letters")
        site.register(app, store)
    return app


_APPS: Final[WeakKeyDictionary[Database, Flask]] = WeakKeyDictionary()
