"""API tokens: made, shown once, watched, revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.sdk.errors import Rejected
from hub.store import audit, tokens, users
from hub.store.database import utc_now
from hub.web import menu
from hub.web.admin.base import back, blueprint
from hub.web.context import actor, the_store

#: What the API is divided into, and whether anything can be changed there (hub/api/access.py).
AREAS = (("crm", True), ("stock", True), ("merges", True), ("reports", False), ("operations", True))
SOON = timedelta(days=14)
DAYS = (30, 90, 365, 0)

menu.add("admin", 330, "admin.tokens", _l("API tokens"), "key")


@blueprint.get("/tokens", endpoint="tokens")
def list_tokens() -> str:
    """Every token, its use and its end."""
    return _page()


def _page(**context: Any) -> str:
    now = utc_now()
    rows = tokens.list_all(the_store().database)
    for row in rows:
        end = row["expires_at"]
        row["state"] = "live"
        if row["revoked_at"] is not None:
            row["state"] = "revoked"
        elif end is not None and end <= now:
            row["state"] = "expired"
        elif end is not None and end - now < SOON:
            row["state"] = "soon"
    return render_template(
        "admin/tokens.html", rows=rows, roles=users.ROLES, areas=AREAS, days=DAYS, **context
    )


@blueprint.post("/tokens")
def create_token() -> str:
    """Make a token and show it this once."""
    form, store = request.form, the_store()
    name = form.get("name", "").replace("\0", "").strip()[:100]
    if not name:
        raise Rejected("name the program that will use the token")
    days = form.get("days", "")
    if days not in {str(one) for one in DAYS}:
        raise Rejected("choose how long the token is good")
    expires = utc_now() + timedelta(days=int(days)) if int(days) else None
    scopes = None if form.get("whole") else _scopes(form.getlist("scopes"))
    token = tokens.create(
        store.database, name, form.get("role", ""), expires, scopes=scopes, author=actor()
    )
    details = {"role": form.get("role", ""), "scopes": scopes or "all", "expires_at": str(expires)}
    _note("create token", name, details)
    return _page(token=token, token_name=name)


def _scopes(wanted: list[str]) -> list[str]:
    known = {f"{area}:{deed}" for area, _changes in AREAS for deed in ("read", "write")}
    found = sorted(known & set(wanted))
    if not found:
        raise Rejected("choose what the token may touch")
    return found


@blueprint.post("/tokens/<int:token_id>/revoke")
def revoke_token(token_id: int) -> Response:
    """Make a token worthless for ever."""
    if token_id > 2**62 or not tokens.revoke(the_store().database, token_id):
        raise Rejected("this token is revoked already")
    _note("revoke token", token_id, {})
    flash(_("The token is revoked: within five seconds nobody gets in with it."), "success")
    return back(url_for("admin.tokens"))


def _note(action: str, key: object, details: dict[str, Any]) -> None:
    with the_store().database.write() as db:
        audit.record(db, actor(), action, "token", key, details)
