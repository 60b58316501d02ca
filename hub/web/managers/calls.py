"""Calls and their recordings."""

from __future__ import annotations

from flask import redirect
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.flow.recording import fresh_link, is_heard_here
from hub.web import menu
from hub.web.context import the_store
from hub.web.managers.base import audit_view, blueprint, found, record_page, records

menu.add("managers", 30, "managers.calls", _l("Calls"), "phone", ("managers.call",))


@blueprint.get("/calls")
def calls() -> Response:
    """Calls by the time they began."""
    return records("managers/calls", "call", "status", "direction", "manager")


@blueprint.get("/calls/<int:record_id>")
def call(record_id: int) -> str:
    """One call with all the hub knows of it."""
    row = found("call", record_id)
    playable = is_heard_here(the_store(), row)
    return record_page("managers/call.html", "call", record_id, row, playable=playable)


@blueprint.get("/calls/<int:record_id>/recording")
def recording(record_id: int) -> Response:
    """On to the provider, who plays it; whoever listens is written to the audit log."""
    address = fresh_link(the_store(), found("call", record_id))
    audit_view("recording", record_id)
    # Whoever gives the sound need not learn where it was asked for.
    response = redirect(address)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
