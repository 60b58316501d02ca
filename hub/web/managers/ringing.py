"""The card of an incoming call: on whatever page is open, for whom it rings."""

from __future__ import annotations

from typing import Any

from flask import abort, make_response, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from hub.crm.calls import client_number
from hub.crm.edit import create_record, edit_record
from hub.crm.merges import merge
from hub.crm.ringing import ELSEWHERE, MISSED, Ringing
from hub.flow import call_out
from hub.store import audit, call_marks, users
from hub.store.database import utc_now
from hub.store.lists import calls as call_lists
from hub.store.lists import pages
from hub.store.lists.caller import about
from hub.store.lists.paging import MAX_ID
from hub.store.store import Store
from hub.web import lists, live, seeing
from hub.web.context import actor, the_store, the_user
from hub.web.managers.base import audit_view, blueprint

MOST_CARDS = 4
MOST_FOUND = 6
MAX_NOTE = 4000


def _audience(store: Store, ids: list[int]) -> dict[int, list[int]]:
    return Ringing(store).audience(ids)


def _present(store: Store, email: str) -> list[int]:
    return list(Ringing(store).going_on(email, utc_now()))


live.audience("ringing", "calls", _audience, _present)


@blueprint.get("/ringing")
def ringing() -> Response:
    """What rings at this person: new cards, and the states of those the page already shows."""
    store, email, now = the_store(), actor(), utc_now()
    shown, gone = _ids("shown"), _ids("gone")
    judge = Ringing(store)
    rows = {row["id"]: row for row in call_lists.of_calls(store.database, shown)}
    states = {key: judge.state(row, email, now) for key, row in rows.items()}
    current = judge.going_on(email, now)
    fresh = [key for key in current if key not in shown and key not in gone][:MOST_CARDS]
    cards = [_card(row, current[row["id"]]) for row in call_lists.of_calls(store.database, fresh)]
    for card in cards:
        if card["contact"]:
            audit_view("contact", card["contact"]["id"])
    page = render_template(
        "managers/ringing.html", cards=cards, known=rows.values(), states=states, leave=LEAVE
    )
    return make_response(page)


#: Seconds after which a card that says this goes away by itself, unless somebody is at work on it.
LEAVE = {"": 3, ELSEWHERE: 6, "ended": 120, MISSED: 600}


def _ids(name: str) -> list[int]:
    found = [int(text) for text in request.args.getlist(name) if text.isdecimal()]
    return [key for key in found if key <= MAX_ID][:100]


def _card(row: dict[str, Any], state: str) -> dict[str, Any]:
    store = the_store()
    told, user = about(store.database, row["contact_id"], row["id"]), the_user()
    contact = told["contact"]
    is_others = contact is not None and not seeing.may_see(user, contact)
    if is_others:
        # Who calls and to whom to pass them on; what is between them is their manager's to see.
        told = about(store.database, None, row["id"])
        told["contact"] = {name: contact[name] for name in ("id", "name", "manager")}
    return {
        **told,
        "is_others": is_others,
        "call": row,
        "state": state,
        "number": client_number({**row, "direction": row["direction"] or "in"}),
        "may_write": user is not None and user.role != users.AUDITOR,
        "line": call_out.line_titles(store).get(row["line_number"] or ""),
        "callable": call_out.line_of(store, actor(), row["connection_id"]) is not None,
    }


def _found_call(call_id: int) -> dict[str, Any]:
    rows = call_lists.of_calls(the_store().database, [call_id]) if call_id <= MAX_ID else []
    if not rows:
        abort(404)
    if seeing.only() and not Ringing(the_store()).concerns(rows[0], actor()):
        seeing.check_client(rows[0]["contact_id"])
    return rows[0]


def _answer(call_id: int, said: str, problem: str = "") -> Response:
    """The card anew, with what was done."""
    row = _found_call(call_id)
    state = Ringing(the_store()).state(row, actor(), utc_now())
    live.publish("calls", [call_id])
    card = _card(row, state)
    page = render_template("managers/ringing_card.html", card=card, said=said, problem=problem)
    return make_response(page)


@blueprint.post("/ringing/<int:call_id>/client")
def ringing_client(call_id: int) -> Response:
    """Give the caller a name: a client made from the number, or the nameless one it has."""
    row = _found_call(call_id)
    name = request.form.get("name", "").strip()[:200]
    if not name:
        return _answer(call_id, "", _("Write the client's name."))
    store, user = the_store(), the_user()
    user_id = user.row.id if user else None
    seeing.check_client(row["contact_id"])
    if row["contact_id"]:
        edit_record(store, "contact", row["contact_id"], {"name": name}, actor(), user_id)
    else:
        fields = {"name": name, "phone": client_number(row), "manager": actor()}
        contact_id = create_record(store, "contact", fields, actor(), user_id)
        edit_record(store, "call", call_id, {"contact_id": contact_id}, actor(), user_id)
    live.publish("clients", [row["contact_id"]] if row["contact_id"] else [])
    return _answer(call_id, _("The client is saved."))


@blueprint.get("/ringing/<int:call_id>/search")
def ringing_search(call_id: int) -> str:
    """Clients to whom the caller's number may belong."""
    store, q = the_store(), lists.argument("q")
    row = _found_call(call_id)
    found: list[Any] = []
    if len(q) >= 2:
        with store.database.read() as db:
            ids = call_lists.contact_ids(db, q, store.settings.phone_region)
        briefs = pages.contact_briefs(
            store.database, [key for key in ids if key != row["contact_id"]]
        )
        user = the_user()
        known = [briefs[key] for key in ids if key in briefs]
        found = [one for one in known if seeing.may_see(user, one)][:MOST_FOUND]
    return render_template("managers/ringing_found.html", found=found, q=q, call=row)


@blueprint.post("/ringing/<int:call_id>/attach")
def ringing_attach(call_id: int) -> Response:
    """The caller is a client whom the hub knows by another number. Can be undone on their card."""
    row = _found_call(call_id)
    wanted = request.form.get("contact_id", "")
    if not wanted.isdecimal() or int(wanted) > MAX_ID:
        abort(400)
    store, user, kept = the_store(), the_user(), int(wanted)
    for contact_id in (kept, row["contact_id"]):
        seeing.check_client(contact_id)
    if row["contact_id"]:
        merge_id = merge(store, kept, row["contact_id"], actor())
        with store.database.write() as db:
            audit.record(db, actor(), "merge", "contact", kept, {"merge": merge_id})
    else:
        user_id = user.row.id if user else None
        edit_record(store, "contact", kept, {"phones": [client_number(row)]}, actor(), user_id)
        edit_record(store, "call", call_id, {"contact_id": kept}, actor(), user_id)
    live.publish("clients", [kept])
    return _answer(call_id, _("The number is the client's now."))


@blueprint.post("/ringing/<int:call_id>/note")
def ringing_note(call_id: int) -> Response:
    """Keep a note on the call; it stands on the call's page and in the client's history."""
    _found_call(call_id)
    with the_store().database.write() as db:
        call_marks.set_note(db, call_id, request.form.get("note", "")[:MAX_NOTE], actor())
        audit.record(db, actor(), "note", "call", call_id)
    return _answer(call_id, _("The note is saved."))
