"""The second factor: set it up with a phone, confirm it, keep recovery codes, take it off."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from hub.store import audit, second_factor, users
from hub.web.account.base import blueprint
from hub.web.context import SiteUser, actor, the_store, the_user
from hub.web.guard import to_login

QR_SCALE = 5


@blueprint.get("/profile/factor")
def factor() -> str | Response:
    """What to scan, and the form that confirms it."""
    user = the_user()
    if user is None:
        return to_login()
    if user.has_factor:
        return redirect(url_for("auth.profile"))
    return _enrolment(user)


def _enrolment(user: SiteUser, **context: object) -> str:
    begun = second_factor.begin(the_store(), user.row.id, user.row.email)
    # Imported here: a code is drawn once in a person's life.
    import segno

    code = segno.make(begun.address, error="m")
    secret = begun.secret
    return render_template(
        "auth/factor.html",
        picture=code.svg_data_uri(scale=QR_SCALE, dark="#000", light="#fff", border=3),
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        **context,
    )


@blueprint.post("/profile/factor")
def confirm_factor() -> Response | str | tuple[str, int]:
    """Confirm by a code of the phone; the recovery codes are shown this once."""
    user = the_user()
    if user is None:
        return to_login()
    store = the_store()
    given = "".join(request.form.get("code", "").split())[:12]
    codes = second_factor.confirm(store, user.row.id, given)
    if codes is None:
        return _enrolment(user, refused=True), 400
    with store.database.write() as db:
        audit.record(db, actor(), "set up second factor", "user", user.row.id)
    return render_template("auth/recovery_codes.html", codes=codes, is_new=True)


@blueprint.post("/profile/factor/codes")
def renew_codes() -> Response | str:
    """New recovery codes, for the password; the former ones are worthless."""
    user = the_user()
    if user is None:
        return to_login()
    if not user.has_factor or not _password_is_right(user):
        return redirect(url_for("auth.profile"))
    store = the_store()
    codes = second_factor.new_codes(store, user.row.id)
    with store.database.write() as db:
        audit.record(db, actor(), "renew recovery codes", "user", user.row.id)
    return render_template("auth/recovery_codes.html", codes=codes, is_new=False)


@blueprint.post("/profile/factor/remove")
def remove_factor() -> Response:
    """Take one's second factor off, for the password."""
    user = the_user()
    if user is None:
        return to_login()
    if user.has_factor and _password_is_right(user):
        with the_store().database.write() as db:
            second_factor.remove(db, user.row.id)
            audit.record(db, actor(), "remove second factor", "user", user.row.id)
        flash(_("Sign-in by a code is off. The password alone is enough now."), "success")
    return redirect(url_for("auth.profile"))


def _password_is_right(user: SiteUser) -> bool:
    # Checked as a sign-in is: mistakes count, and after some even the right one waits.
    given = request.form.get("current", "")
    if users.authenticate(the_store().database, user.row.email, given) is not None:
        return True
    flash(_("The present password is wrong."), "danger")
    return False
