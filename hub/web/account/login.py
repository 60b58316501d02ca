"""Sign in, in one step or two; sign out; language."""

from __future__ import annotations

import time

from flask import redirect, render_template, request, session, url_for
from flask_login import logout_user
from werkzeug.wrappers import Response

from hub.settings import LANGUAGES
from hub.store import audit, second_factor, sign_ins, users
from hub.web import live
from hub.web.account import sso
from hub.web.account.base import PENDING, begin, blueprint
from hub.web.context import the_store, the_user
from hub.web.guard import safe_next
from hub.web.sessions import LANGUAGE_COOKIE

ONE_YEAR_SECONDS = 365 * 24 * 3600
#: How long the second step may take.
SECOND_STEP_SECONDS = 300


@blueprint.get("/login")
def login() -> str | Response:
    """The login form."""
    if the_user() is not None:
        return redirect(safe_next(request.args.get("next")))
    return _form(request.args.get("next", ""))


def _form(wanted: str, **context: object) -> str:
    found = sso.provider(the_store())
    context = {"email": "", **context}
    return render_template("auth/login.html", next=wanted, sso=found, **context)


@blueprint.post("/login")
def sign_in() -> Response | tuple[str, int]:
    """Check e-mail and password. Every refusal says the same."""
    email, wanted = request.form.get("email", ""), request.form.get("next", "")
    store = the_store()
    row = users.authenticate(store.database, email, request.form.get("password", ""))
    if row is None or not sso.may_use_password(store, row.role):
        return _form(wanted, email=email, refused=True), 401
    if second_factor.is_set_up(store, row.id):
        session.clear()
        session[PENDING] = [row.id, row.session_epoch, int(time.time()), wanted]
        return redirect(url_for("auth.second_step"))
    begin(row, "password")
    return redirect(safe_next(wanted))


@blueprint.get("/login/code")
def second_step() -> str | Response:
    """The form for the code of the second factor."""
    if _pending() is None:
        return redirect(url_for("auth.login"))
    return render_template("auth/second_step.html")


@blueprint.post("/login/code")
def check_code() -> Response | tuple[str, int]:
    """Check the code. A wrong one, one used before and one that must wait are refused alike."""
    row = _pending()
    if row is None:
        return redirect(url_for("auth.login"))
    wanted = session[PENDING][3]
    store = the_store()
    way = second_factor.check(store, row.id, request.form.get("code", ""))
    if not way:
        return render_template("auth/second_step.html", refused=True), 401
    begin(row, way)
    if way == "recovery":
        with store.database.write() as db:
            audit.record(db, row.email, "use recovery code", "user", row.id)
    return redirect(safe_next(wanted))


def _pending() -> users.UserRow | None:
    """Who gave the right password a moment ago; None when nobody did, or it is too long ago."""
    user_id, epoch, at, _ = session.get(PENDING) or (0, 0, 0, "")
    if not user_id or not 0 <= time.time() - at < SECOND_STEP_SECONDS:
        return None
    row = users.get_user(the_store().database, user_id)
    return row if row and row.is_active and row.session_epoch == epoch else None


@blueprint.post("/logout")
def logout() -> Response:
    """End this session, and the streams of news that may be its."""
    user = the_user()
    if user is not None:
        sign_ins.end(the_store().database, user.row.id, user.sign_in_id)
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
