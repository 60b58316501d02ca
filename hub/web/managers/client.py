"""The client card: who this is, what is between us, and the feed of all that happened."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, redirect, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from hub.crm.notes import MAX_CHARACTERS, add_note, change_note, remove_note
from hub.flow import call_out
from hub.flow.recording import is_heard_here
from hub.flow.stock_out import priority_of
from hub.store import audit
from hub.store.lists import clients as reads
from hub.store.lists import pages
from hub.store.lists.bought import bought_stock
from hub.store.lists.feed import client_feed
from hub.store.lists.paging import Row
from hub.store.lists.people import list_merges
from hub.store.lists.records import related_bindings
from hub.store.lists.stock import mark_owners
from hub.web import lists, seeing
from hub.web.context import actor, people, the_store, the_user
from hub.web.managers.base import audit_view, blueprint, found
from hub.web.managers.task_forms import may_ring

FEED_SIZE = 30
ORDERS_SHOWN = 5
#: Stock is shown of what these orders held.
ORDERS_BOUGHT = 3
KINDS = ("call", "message", "order", "lead", "deal", "task", "note", "change")


def visible(record_id: int) -> Row:
    """The contact, which the signed-in user may see; else 404 or 403."""
    contact = found("contact", record_id)
    seeing.check(contact)
    return contact


@blueprint.get("/clients/<int:record_id>")
def client(record_id: int) -> Response:
    """The client card. A look at it is written to the audit log."""
    store = the_store()
    contact = visible(record_id)
    if contact["merged_into_id"]:
        flash(_("The client you asked for was merged into this card."), "success")
        return redirect(url_for("managers.client", record_id=contact["merged_into_id"]))
    kind = lists.argument("kind") if lists.argument("kind") in KINDS else ""
    feed = client_feed(
        store.database,
        record_id,
        (kind,) if kind else (),
        lists.argument("manager"),
        FEED_SIZE,
        lists.cursor(),
    )
    for entry in feed.items:
        if entry["kind"] == "call":
            entry["is_heard"] = "id" in entry["call"] and is_heard_here(store, entry["call"])
    context: dict[str, Any] = {
        "contact": contact,
        "kinds": KINDS,
        "kind": kind,
        "people": people(),
        "connections": pages.connection_titles(store.database),
        "max_note": MAX_CHARACTERS,
        "can_play": "managers.sound_of" in current_app.view_functions,
    }
    if not lists.is_partial():
        audit_view("contact", record_id)
        context |= _about(contact)
    return lists.show("managers/client", feed, **context)


def _about(contact: Row) -> dict[str, Any]:
    """What stands beside the feed."""
    store, key = the_store(), contact["id"]
    last_orders = reads.orders_of(store.database, key, ORDERS_SHOWN)
    goods = bought_stock(store.database, last_orders[:ORDERS_BOUGHT])
    mark_owners(
        store.database, [level for item in goods for level in item["levels"]], priority_of(store)
    )
    for item in goods:
        item["levels"] = [level for level in item["levels"] if level["is_owner"]]
    user = the_user()
    return {
        "bindings": related_bindings(store.database, "contact", key),
        "callable": may_ring(),
        "merges": [row for row in list_merges(store.database, key).items if not row["undone_at"]],
        "orders": last_orders,
        "sums": reads.order_sums(store.database, key),
        "goods": goods,
        "duplicates": [
            pair
            for pair in reads.duplicates_of(store.database, key)
            if seeing.may_see(user, pair["row"])
        ],
    }


@blueprint.post("/clients/<int:record_id>/call")
def call_client(record_id: int) -> Response:
    """Ring this user, then one of the client's phones."""
    contact, number = visible(record_id), lists.field("number")
    if number not in contact["phones"]:
        abort(400)
    store = the_store()
    extension = call_out.call(store, number, actor())
    with store.database.write() as db:
        audit.record(db, actor(), "call", "contact", contact["id"])
    flash(_("Your phone %(extension)s is ringing: pick it up, the client is called next.",
            extension=extension), "success")  # fmt: skip
    return _to_card(contact["id"])


@blueprint.post("/clients/<int:record_id>/notes")
def write_note(record_id: int) -> Response:
    """Add a note."""
    visible(record_id)
    user = the_user()
    add_note(the_store(), record_id, lists.field("text"), actor(), user.row.id if user else None)
    flash(_("The note is on the card."), "success")
    return _to_card(record_id)


@blueprint.post("/clients/<int:record_id>/notes/<int(max=9223372036854775807):note_id>")
def rewrite_note(record_id: int, note_id: int) -> Response:
    """Write one's own note anew, or take it back."""
    visible(record_id)
    if lists.field("remove"):
        remove_note(the_store(), record_id, note_id, actor())
        flash(_("The note is taken back."), "success")
    else:
        change_note(the_store(), record_id, note_id, lists.field("text"), actor())
        flash(_("The note is changed."), "success")
    return _to_card(record_id)


def _to_card(record_id: int) -> Response:
    return redirect(url_for("managers.client", record_id=record_id))
