"""Users and roles: who may come in, invitations, what each may do, where they are signed in."""

from __future__ import annotations

import logging
from typing import Any

from flask import flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.sdk.errors import HubError, Rejected
from hub.store import audit, invitations, sign_ins, staff, users
from hub.store.lists.audit import AuditFilters, list_audit
from hub.store.lists.paging import MAX_ID
from hub.store.store import Store
from hub.web import live, menu
from hub.web.account import mailing, sso
from hub.web.admin.base import back, blueprint, found
from hub.web.context import actor, the_store, the_user
from hub.web.devices import device_words

log = logging.getLogger("hub.account")
menu.add("admin", 300, "admin.users", _l("Users and roles"), "users-group", ("admin.user",))


@blueprint.get("/users", endpoint="users")
def list_people() -> str:
    """Everybody, and the invitations that nobody has taken up yet."""
    return _page()


def _page(**context: Any) -> str:
    store = the_store()
    return render_template(
        "admin/users.html",
        rows=staff.list_staff(store.database),
        open_invitations=invitations.list_open(store.database),
        roles=users.ROLES,
        by_mail=mailing.has_server(store),
        sso=sso.provider(store),
        required=store.settings.option("second_factor.required_roles", ()),
        **context,
    )


@blueprint.post("/users/invite")
def invite() -> Response | str:
    """Make an invitation; it is mailed, and its link shown once to copy."""
    store, form = the_store(), request.form
    email, name, role = (form.get(key, "").replace("\0", "") for key in ("email", "name", "role"))
    key, secret = invitations.invite(store.database, email, name, role, actor())
    _note("invite", "invitation", key, {"email": users.normalise(email), "role": role})
    link = _link(store, secret)
    sent = _send(store, invitations.INVITE, users.normalise(email), name.strip(), link)
    return _page(one_time=link, link_for=users.normalise(email), link_kind="invite", sent=sent)


def _link(store: Store, secret: str) -> str:
    # Without a configured address: the one by which the admin, who hands the link on, came here.
    root = mailing.site_url(store) or request.url_root.rstrip("/")
    return f"{root}/join/{secret}"


def _send(store: Store, kind: str, address: str, name: str, link: str) -> bool:
    """Mail a link where mail is set up; a letter that is refused leaves the link to copy."""
    if not (mailing.has_server(store) and request.form.get("mail")):
        return False
    try:
        mailing.send_link(store, kind, address, name, link)
    except HubError as error:
        log.warning("a link was not mailed: %s", error.message)
        flash(_("The letter could not be sent. Copy the link and send it yourself."), "warning")
        return False
    return True


@blueprint.post("/invitations/<int:invitation_id>/revoke")
def revoke_invitation(invitation_id: int) -> Response:
    """Make an invitation worthless."""
    found(invitation_id if invitation_id <= MAX_ID else None)
    if not invitations.revoke(the_store().database, invitation_id):
        raise Rejected("the invitation is not open any more")
    _note("revoke invitation", "invitation", invitation_id)
    flash(_("The invitation is withdrawn: its link does not work any more."), "success")
    return back(url_for("admin.users"))


@blueprint.get("/users/<int:user_id>")
def user(user_id: int) -> str:
    """One user: role, access, sessions, what they did, where connections name them."""
    return _user_page(user_id)


def _user_page(user_id: int, **context: Any) -> str:
    store = the_store()
    rows = staff.list_staff(store.database)
    row = found(next((one for one in rows if one["id"] == user_id), None))
    limits = sign_ins.Limits.of(store.settings)
    deeds = list_audit(store.database, AuditFilters(actor=row["email"]), 10)
    return render_template(
        "admin/user.html",
        row=row,
        roles=users.ROLES,
        sessions=sign_ins.list_live(store.database, user_id, limits),
        device_words=device_words,
        deeds=deeds.items,
        named=_named_in(store, row["email"]),
        by_mail=mailing.has_server(store),
        **context,
    )


def _named_in(store: Store, email: str) -> list[tuple[str, str, str]]:
    """(connection, title, extension or login) of each connection that maps one to this user."""
    named = []
    for configured in store.catalog.all():
        managers = configured.connection.settings.get("managers")
        for key, address in managers.items() if isinstance(managers, dict) else ():
            if users.normalise(str(address)) == email:
                named.append((configured.name, configured.connection.title, str(key)))
    return named


@blueprint.post("/users/<int:user_id>/role")
def change_role(user_id: int) -> Response:
    """Give a user another role."""
    role = request.form.get("role", "")
    former = staff.set_role(the_store().database, _known(user_id), role)
    _note("change role", "user", user_id, {"role": [former, role]})
    flash(_("The role is changed. It counts from the user's next click."), "success")
    return back(url_for("admin.user", user_id=user_id))


@blueprint.post("/users/<int:user_id>/access")
def change_access(user_id: int) -> Response:
    """Let a user in again, or shut them out at once."""
    active = request.form.get("active") == "yes"
    me = the_user()
    if not active and me is not None and me.row.id == user_id:
        raise Rejected("you cannot shut yourself out")
    staff.set_active(the_store().database, _known(user_id), active=active)
    _note("activate user" if active else "deactivate user", "user", user_id)
    said = _("The user may sign in again.") if active else _("Signed out everywhere and shut out.")
    flash(said, "success")
    return back(url_for("admin.user", user_id=user_id))


@blueprint.post("/users/<int:user_id>/unlock")
def unlock_user(user_id: int) -> Response:
    """Forget the mistakes that made the user wait."""
    staff.unlock(the_store().database, _known(user_id))
    _note("unlock user", "user", user_id)
    flash(_("The user need not wait any more."), "success")
    return back(url_for("admin.user", user_id=user_id))


@blueprint.post("/users/<int:user_id>/factor")
def reset_factor(user_id: int) -> Response:
    """Take the second factor away, as when the phone is lost."""
    if not staff.reset_factor(the_store().database, _known(user_id)):
        raise Rejected("this user has no code from the phone")
    _note("reset second factor", "user", user_id)
    flash(_("The code is off, and the user is signed out everywhere."), "success")
    return back(url_for("admin.user", user_id=user_id))


@blueprint.post("/users/<int:user_id>/password")
def give_link(user_id: int) -> str:
    """A one-time link by which the user sets a new password; the present one works until then."""
    store = the_store()
    key, secret = invitations.reset_link(store.database, _known(user_id), actor())
    _note("give password link", "user", user_id, {"invitation": key})
    link = _link(store, secret)
    row = found(users.get_user(store.database, user_id))
    sent = _send(store, invitations.RESET, row.email, row.name, link)
    return _user_page(user_id, one_time=link, link_for=row.email, link_kind="reset", sent=sent)


@blueprint.post("/users/<int:user_id>/sessions")
def end_sessions(user_id: int) -> Response:
    """Sign a user out everywhere."""
    me = the_user()
    but = me.sign_in_id if me is not None and me.row.id == user_id else 0
    ended = sign_ins.end_all(the_store().database, _known(user_id), but)
    live.publish("sessions", [user_id])
    _note("end sessions", "user", user_id, {"count": ended})
    flash(_("Signed out everywhere."), "success")
    return back(url_for("admin.user", user_id=user_id))


def _known(user_id: int) -> int:
    found(users.get_user(the_store().database, user_id) if user_id <= MAX_ID else None)
    return user_id


def _note(action: str, subject: str, key: object, details: dict[str, Any] | None = None) -> None:
    with the_store().database.write() as db:
        audit.record(db, actor(), action, subject, key, details)
