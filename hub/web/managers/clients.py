"""Clients and the client card."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.store.lists import pages
from hub.store.lists.people import list_merges
from hub.store.lists.records import related_bindings
from hub.store.lists.timeline import contact_timeline
from hub.web import lists, menu
from hub.web.context import the_store
from hub.web.managers.base import audit_view, blueprint, found, records

TIMELINE_KINDS = ("call", "order", "message", "lead", "deal", "task")
TIMELINE_SIZE = 30
menu.add("managers", 20, "managers.clients", _l("Clients"), "users", ("managers.client",))


@blueprint.get("/clients")
def clients() -> Response:
    """Clients, found by any part of a name, phone or e-mail."""
    return records("managers/clients", "contact", "manager")


@blueprint.get("/clients/<int:record_id>")
def client(record_id: int) -> str | Response:
    """The client card. A look at it is written to the audit log."""
    store = the_store()
    contact = found("contact", record_id)
    kind = lists.argument("kind")
    kinds = (kind,) if kind in TIMELINE_KINDS else ()
    kept_id = contact["merged_into_id"] or record_id
    history = contact_timeline(
        store.database, kept_id, kinds, limit=TIMELINE_SIZE, cursor=lists.cursor()
    )
    context: dict[str, Any] = {"contact": contact, "kinds": TIMELINE_KINDS, "kind": kind}
    if lists.is_partial():
        return lists.show("managers/client", history, **context)
    audit_view("contact", kept_id)
    return lists.show(
        "managers/client",
        history,
        **context,
        bindings=related_bindings(store.database, "contact", kept_id),
        merges=[row for row in list_merges(store.database, kept_id).items if not row["undone_at"]],
        connections=pages.connection_titles(store.database),
    )
