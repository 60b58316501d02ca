"""Sign in, sign out, language, password."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import login_user, logout_user
from werkzeug.wrappers import Response

from hub.sdk.errors import ConfigError
from hub.settings import LANGUAGES
from hub.store import audit, users
from hub.web import live
from hub.web.context import SiteUser, actor, the_store, the_user
from hub.web.guard import protect, safe_next, to_login
from hub.web.sessions import LANGUAGE_COOKIE

ONE_YEAR_SECONDS = 365 * 24 * 3600
blueprint = Blueprint("auth", __name__)
protect(blueprint)


@blueprint.get("/login")
def login() -> str | Response:
    """The login form."""
    if the_user() is not None:
        return redirect(safe_next(request.args.get("next")))
    return render_template("auth/login.html", next=request.args.get("next", ""), email="")


@blueprint.post("/login")
def sign_in() -> Response | tuple[str, int]:
    """Check e-mail and password. Every refusal says the same."""
    email, wanted = request.form.get("email", ""), request.form.get("next", "")
    database = the_store().database
    row = users.authenticate(database, email, request.form.get("password", ""))
    if row is None:
        return render_template("auth/login.html", next=wanted, email=email, refused=True), 401
    # A new session: whoever planted the old one's cookie does not share this one.
    session.clear()
    _begin(row)
    with database.write() as db:
        audit.record(db, row.email, "sign in", "user", row.id)
    return redirect(safe_next(wanted))


@blueprint.post("/logout")
def logout() -> Response:
    """End this session, and the streams of news that may be its."""
    if (user := the_user()) is not None:
        live.publish("sessions", [user.row.id])
    logout_user()
    session.clear()
    return redirect(url_for("auth.login"))


@blueprint.post("/language")
def language() -> Response:
    """Change the language, for the user and for this browser."""
    chosen = request.form.get("language", "")
    response = redirect(safe_next(request.form.get("next")))
    if chosen not in LANGUAGES:
        return response
    if (user := the_user()) is not None:
        users.set_language(the_store().database, user.row.id, chosen)
    response.set_cookie(
        LANGUAGE_COOKIE,
        chosen,
        max_age=ONE_YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response


@blueprint.get("/profile")
def profile() -> str | Response:
    """The user's own page."""
    return render_template("auth/profile.html") if the_user() else to_login()


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
    if (row := users.get_user(database, user.row.id)) is not None:
        _begin(row)
    flash(_("The password is changed. Sessions in other browsers have ended."), "success")


def _begin(row: users.UserRow) -> None:
    login_user(SiteUser(row))
    session.permanent = True
