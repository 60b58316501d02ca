"""One's own page: password, second factor, reminders by mail, where one is signed in."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from hub.sdk.errors import ConfigError
from hub.sending.mail import server_of
from hub.store import audit, second_factor, sign_ins, users
from hub.web import live
from hub.web.account.base import begin, blueprint
from hub.web.context import SiteUser, actor, the_store, the_user
from hub.web.devices import device_words
from hub.web.guard import to_login


@blueprint.get("/profile")
def profile() -> str | Response:
    """The user's own page."""
    user = the_user()
    if user is None:
        return to_login()
    store = the_store()
    limits = sign_ins.Limits.of(store.settings)
    return render_template(
        "auth/profile.html",
        sessions=sign_ins.list_live(store.database, user.row.id, limits),
        limits=limits,
        may_mail=server_of(store.settings) is not None,
        device_words=device_words,
        codes_left=second_factor.codes_left(store, user.row.id) if user.has_factor else 0,
    )


@blueprint.post("/profile/task-mail")
def task_mail() -> Response:
    """Ask for reminders of one's tasks by mail, or for none."""
    user = the_user()
    if user is None:
        return to_login()
    database, wanted = the_store().database, bool(request.form.get("wanted"))
    users.set_task_mail(database, user.row.id, wanted)
    with database.write() as db:
        audit.record(db, actor(), "ask for mail" if wanted else "stop mail", "user", user.row.id)
    flash(
        _("You will be reminded of your tasks by mail.")
        if wanted
        else _("You will not be reminded by mail any more."),
        "success",
    )
    return redirect(url_for("auth.profile"))


@blueprint.post("/profile/password")
def password() -> Response:
    """Change one's password; every other session of the user ends."""
    user = the_user()
    if user is None:
        return to_login()
    database, form = the_store().database, request.form
    if not users.verify_password(database, user.row.id, form.get("current", "")):
        flash(_("The present password is wrong."), "danger")
    elif form.get("new") != form.get("repeat"):
        flash(_("The two new passwords differ."), "danger")
    else:
        _change(user, form.get("new", ""))
    return redirect(url_for("auth.profile"))


def _change(user: SiteUser, new: str) -> None:
    database = the_store().database
    try:
        users.change_password(database, user.row.id, new)
    except ConfigError:
        flash(
            _(
                "The new password is too short: at least %(count)s characters.",
                count=users.MIN_PASSWORD_CHARACTERS,
            ),
            "danger",
        )
        return
    with database.write() as db:
        audit.record(db, actor(), "change password", "user", user.row.id)
    sign_ins.end_all(database, user.row.id)
    live.publish("sessions", [user.row.id])
    if (row := users.get_user(database, user.row.id)) is not None:
        begin(row, "password", written=False)
    flash(_("The password is changed. Sessions in other browsers have ended."), "success")


@blueprint.post("/profile/sessions/end")
def end_session() -> Response:
    """End one of one's sessions, or all but this one."""
    user = the_user()
    if user is None:
        return to_login()
    database, chosen = the_store().database, request.form.get("id", "")
    if chosen.isdecimal() and len(chosen) < 19:
        ended = int(sign_ins.end(database, user.row.id, int(chosen)))
    else:
        ended = sign_ins.end_all(database, user.row.id, but=user.sign_in_id)
    live.publish("sessions", [user.row.id])
    with database.write() as db:
        audit.record(db, actor(), "end sessions", "user", user.row.id, {"count": ended})
    flash(ngettext("%(num)s session has ended.", "%(num)s sessions have ended.", ended), "success")
    return redirect(url_for("auth.profile"))
