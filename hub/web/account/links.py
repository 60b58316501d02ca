"""Links that were sent: an invitation taken up, a password set anew, a forgotten one."""

from __future__ import annotations

import logging
import threading

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from hub.sdk.errors import ConfigError
from hub.store import audit, invitations, sign_ins, users
from hub.store.store import Store
from hub.web.account import mailing
from hub.web.account.base import begin, blueprint
from hub.web.context import the_store
from hub.web.guard import to_login

log = logging.getLogger("hub.account")


@blueprint.get("/join/<secret>")
def join(secret: str) -> str | tuple[str, int]:
    """The page behind a link."""
    found = invitations.find(the_store().database, secret)
    if found is None:
        return render_template("auth/link_over.html"), 410
    return render_template("auth/join.html", link=found, secret=secret)


@blueprint.post("/join/<secret>")
def take_up(secret: str) -> Response | tuple[str, int] | str:
    """Become a user, or set the password anew."""
    store, form = the_store(), request.form
    found = invitations.find(store.database, secret)
    if found is None:
        return render_template("auth/link_over.html"), 410
    if form.get("new") != form.get("repeat"):
        return _again(found, secret, _("The two new passwords differ."))
    name = form.get("name", "").replace("\0", "")
    try:
        user_id = invitations.accept(store.database, secret, name, form.get("new", ""))
    except ConfigError:
        count = users.MIN_PASSWORD_CHARACTERS
        text = _("The new password is too short: at least %(count)s characters.", count=count)
        return _again(found, secret, text)
    row = users.get_user(store.database, user_id) if user_id else None
    if row is None:
        return render_template("auth/link_over.html"), 410
    sign_ins.end_all(store.database, row.id)
    with store.database.write() as db:
        is_new = found.kind == invitations.INVITE
        deed = "take up invitation" if is_new else "reset password"
        audit.record(db, row.email, deed, "user", row.id, {"invitation": found.id})
    return _enter(store, row, is_new=is_new)


def _again(found: invitations.Invitation, secret: str, text: str) -> tuple[str, int]:
    return render_template("auth/join.html", link=found, secret=secret, refused=text), 400


def _enter(store: Store, row: users.UserRow, *, is_new: bool) -> Response:
    """A new user is let in; who set a password anew signs in, with the second factor if any."""
    if not is_new:
        flash(_("The password is changed. Sign in with it."), "success")
        return redirect(url_for("auth.login"))
    begin(row, "link")
    flash(_("Welcome! You are signed in."), "success")
    return redirect(url_for("managers.home"))


@blueprint.get("/login/forgot")
def forgot() -> str:
    """Where to ask for a link by mail."""
    return render_template("auth/forgot.html", by_mail=mailing.can_send_links(the_store()))


@blueprint.post("/login/forgot")
def send_link() -> str | Response:
    """Send a link, if the address is a user's; the answer is the same for every address."""
    store = the_store()
    if not mailing.can_send_links(store):
        return to_login()
    email = request.form.get("email", "").replace("\0", "")[:300]
    # Elsewhere: how long it takes would tell whether there is such a user.
    threading.Thread(target=_send_link, args=(store, email), daemon=True).start()
    return render_template("auth/forgot.html", by_mail=True, sent=True)


def _send_link(store: Store, email: str) -> None:
    try:
        found = invitations.forgotten(store.database, email)
        if found is None:
            return
        address, secret = found
        link = f"{mailing.site_url(store)}/join/{secret}"
        mailing.send_link(store, invitations.RESET, address, "", link)
        with store.database.write() as db:
            audit.record(db, address, "ask for password link", "user", address)
    except Exception:
        log.exception("the link was not sent")
