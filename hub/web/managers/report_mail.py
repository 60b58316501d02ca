"""Reports by mail: who gets which, when, and what became of the last letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from hub.crm import reports
from hub.sdk.errors import ConfigError
from hub.sending import mail as sending
from hub.store import audit, report_mail, users
from hub.store.lists.paging import MAX_ID
from hub.web import report_view as view
from hub.web.context import actor, company_zone, the_store, the_user
from hub.web.managers.reports import blueprint
from hub.web.words import reports as words

MAX_RECIPIENTS = 50


@blueprint.get("/reports/mail")
def mail() -> str:
    """The subscriptions one may see: heads and admins all, others those they get or made."""
    store = the_store()
    everybody = {row.id: row for row in users.list_users(store.database) if row.is_active}
    try:
        server, trouble = sending.server_of(store.settings), ""
    except ConfigError as error:
        server, trouble = None, error.message
    return render_template(
        "reports/mail.html",
        subscriptions=[row for row in report_mail.subscriptions(store.database) if _sees(row)],
        everybody=everybody,
        colleagues=everybody.values() if _manages_all() else [everybody[_me()]],
        has_server=server is not None,
        trouble=trouble,
        names=reports.NAMES,
        words=words,
        view=view,
        may_change=_may_change,
        zone=company_zone().key,
    )


@blueprint.post("/reports/mail")
def subscribe() -> Response:
    """Add a subscription."""
    form = request.form
    hour = form.get("hour", "")
    known = {row.id for row in users.list_users(the_store().database) if row.is_active}
    wanted = [int(one) for one in form.getlist("recipients") if one.isdigit() and len(one) < 19]
    recipients = [key for key in dict.fromkeys(wanted) if key in known][:MAX_RECIPIENTS]
    if not _manages_all():
        recipients = [_me()]
    report, rhythm = form.get("report", ""), form.get("rhythm", "")
    if report not in reports.NAMES or rhythm not in report_mail.RHYTHMS:
        abort(400)
    if not hour.isdigit() or len(hour) > 2 or int(hour) > 23:
        abort(400)
    if not recipients:
        flash(_("Choose at least one person to send the report to."), "danger")
        return redirect(url_for("reports.mail"))
    with the_store().database.write() as db:
        key = report_mail.subscribe(
            db, report, rhythm, int(hour), recipients, _me(), company_zone()
        )  # fmt: skip
        details = {"report": report, "rhythm": rhythm, "recipients": recipients}
        audit.record(db, actor(), "created", "report subscription", key, details)
    flash(_("The subscription is added. Its next letter is in the list."), "success")
    return redirect(url_for("reports.mail"))


@blueprint.post("/reports/mail/<int:subscription_id>/<any(pause, resume, remove, now):act>")
def change_subscription(subscription_id: int, act: str) -> Response:
    """Pause, go on, delete, or have a letter sent to oneself now."""
    row = _found(subscription_id)
    if act != "now" and not _may_change(row):
        abort(403)
    with the_store().database.write() as db:
        if act == "now":
            report_mail.ask_now(db, subscription_id, _me())
        elif act == "remove":
            report_mail.remove(db, subscription_id)
        else:
            report_mail.pause(db, subscription_id, act == "pause", company_zone())
        audit.record(db, actor(), act, "report subscription", subscription_id)
    said = {
        "now": _("The letter will go out to you within a few seconds."),
        "pause": _("The subscription is paused."),
        "resume": _("The subscription goes on."),
        "remove": _("The subscription is deleted."),
    }
    flash(said[act], "success")
    return redirect(url_for("reports.mail"))


def _found(subscription_id: int) -> Mapping[str, Any]:
    row = None
    if subscription_id <= MAX_ID:
        row = report_mail.get_subscription(the_store().database, subscription_id)
    if row is None or not _sees(row):
        abort(404)
    return row


def _me() -> int:
    user = the_user()
    return user.row.id if user is not None else 0


def _manages_all() -> bool:
    user = the_user()
    return user is not None and user.role in (users.ADMIN, users.HEAD)


def _sees(row: Mapping[str, Any]) -> bool:
    user = the_user()
    mine = _me() == row["author_id"] or _me() in row["recipients"]
    return mine or (user is not None and user.role != users.MANAGER)


def _may_change(row: Mapping[str, Any]) -> bool:
    return _manages_all() or _me() == row["author_id"]
