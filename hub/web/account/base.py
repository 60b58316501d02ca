"""What the account pages share: the blueprint, and how a sign-in begins."""

from __future__ import annotations

from flask import Blueprint, request, session
from flask_login import login_user

from hub.store import audit, sign_ins, users
from hub.web.context import SiteUser, the_store
from hub.web.guard import protect

#: Set while the password was right and the second factor is still to come.
PENDING = "second_step"
blueprint = Blueprint("auth", __name__)
protect(blueprint)


def begin(row: users.UserRow, way: str, *, written: bool = True) -> None:
    """Sign this user in, in a session of its own, and write it down."""
    # A new session: whoever planted the old one's cookie does not share this one.
    session.clear()
    database, address = the_store().database, request.remote_addr or ""
    key = sign_ins.begin(database, row.id, way, address, request.headers.get("User-Agent", ""))
    login_user(SiteUser(row, key))
    session.permanent = True
    if written:
        with database.write() as db:
            details = {"way": way, "address": address}
            audit.record(db, row.email, "sign in", "user", row.id, details)
