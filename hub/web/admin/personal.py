"""Personal data (152-ФЗ): find one person, see all that is held, take it away, erase it."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.crm.personal import proof
from hub.crm.personal import request as wishes
from hub.crm.personal.person import Person, sources_of
from hub.sdk.errors import Rejected
from hub.store import audit, retention
from hub.store.lists import audit as entries
from hub.store.lists import pages, personal
from hub.store.lists.paging import MAX_ID
from hub.web import lists, menu
from hub.web.admin import personal_file
from hub.web.admin.base import blueprint, found, reason
from hub.web.context import actor, the_store

menu.add(
    "admin",
    320,
    "admin.personal",
    _l("Personal data"),
    "address-book",
    ("admin.person", "admin.erasure", "admin.retention"),
)
#: Events that the page about a person lists; all of them are in the file.
SHOWN_EVENTS = 100
MIN_SEARCH_CHARACTERS = 3


@blueprint.get("/personal", endpoint="personal")
def search() -> str:
    """Search for a person; the journal of erasures."""
    store = the_store()
    text, region = lists.argument("q"), store.settings.phone_region
    context: dict[str, Any] = {"asked": False}
    if len(text) >= MIN_SEARCH_CHARACTERS:
        phone = personal.as_phone(text, region)
        rows = personal.find_clients(store.database, text, region)
        points = [("phone", phone)] if phone else [("email", text.lower())]
        loose = phone if phone and personal.has_loose_calls(store.database, phone) else None
        context = {
            "asked": True,
            "rows": rows,
            "loose": loose,
            "earlier": wishes.earlier(store, points),
        }
        _note("find person", "person", "", {"found": len(rows)})
    page = personal.list_erasures(store.database, lists.PAGE_SIZE, lists.cursor())
    return render_template("admin/personal.html", page=page, text=text, **context)


@blueprint.get("/personal/person")
def person() -> str:
    """All that is held of one person, in numbers that open their records."""
    store = the_store()
    contact_id, kind, value = _asked(request.args)
    holdings = _holdings(contact_id, kind, value)
    work = holdings.work
    with store.database.read() as db:
        sources = sources_of(db, work.person)
    _note("view personal data", "contact", contact_id or "", {})
    titles = pages.connection_titles(store.database)
    return render_template(
        "admin/person.html",
        contact_id=contact_id,
        kind=kind,
        value=value,
        contacts=personal.briefs(store.database, work.person.contact_ids),
        who=work.person,
        records=holdings.records,
        event_ids=work.events[-SHOWN_EVENTS:][::-1],
        event_count=holdings.event_count,
        sources=[titles.get(key, ("", str(key))) for key in sources],
        looks=entries.looks(store.database, contact_id, 20) if contact_id else [],
        confirmation=confirmation(work.person, kind, value),
    )


def _asked(given: Any) -> tuple[int, str, str]:
    """(contact id, kind, value) of whom a page or a form asks."""
    text, kind = given.get("contact_id", ""), given.get("kind", "")
    if text.isdecimal() and int(text[:19]) <= MAX_ID:
        return int(text[:19]), "", ""
    if kind != "phone":
        abort(404)
    return 0, kind, given.get("value", "").replace("\0", "")[:100]


def _holdings(contact_id: int, kind: str, value: str) -> wishes.Holdings:
    with the_store().database.read() as db:
        who = found(wishes.find(db, contact_id, kind, value))
        return wishes.survey(db, who)


def confirmation(who: Person, kind: str, value: str) -> str:
    """What must be typed before this person is erased."""
    if value:
        return value
    return next(iter([*who.texts[:1], *who.phones, *who.emails]), str(who.contact_ids[0]))


@blueprint.post("/personal/export")
def export_person() -> Response:
    """All that is held of one person as a ZIP file."""
    why = reason()
    contact_id, kind, value = _asked(request.form)
    holdings = _holdings(contact_id, kind, value)
    _note("export person", "contact", contact_id or "", {"reason": why})
    return personal_file.response(the_store(), holdings, why)


@blueprint.post("/personal/erase")
def erase_person() -> Response:
    """Ask that one person be erased."""
    why = reason()
    contact_id, kind, value = _asked(request.form)
    who = _holdings(contact_id, kind, value).work.person
    typed = " ".join(request.form.get("confirmation", "").split()).casefold()
    if typed != " ".join(confirmation(who, kind, value).split()).casefold():
        raise Rejected("what was typed does not match: nothing is erased")
    key = wishes.begin(the_store(), who, contact_id or None, actor(), why)
    return redirect(url_for("admin.erasure", erasure_id=key))


@blueprint.get("/personal/erasures/<int:erasure_id>")
def erasure(erasure_id: int) -> str:
    """How far an erasure has come, or its proof."""
    row = _erasure(erasure_id)
    name = "admin/erasure_state.html" if lists.is_partial() else "admin/erasure.html"
    return render_template(name, row=row, intact=proof.is_intact(row), shown=_counted(row))


@blueprint.get("/personal/erasures/<int:erasure_id>/proof.json")
def erasure_proof(erasure_id: int) -> Response:
    """The proof as a document."""
    row = _erasure(erasure_id)
    found(row["proof"])
    return personal_file.proof_response(row)


def _erasure(erasure_id: int) -> dict[str, Any]:
    key = erasure_id if erasure_id <= MAX_ID else 0
    return dict(found(personal.get_erasure(the_store().database, key)))


def _counted(row: dict[str, Any]) -> list[tuple[str, int]]:
    """What was done, how often, without the job's own numbers; texts of all tables in one."""
    shown: dict[str, int] = {}
    for name, count in row["counts"].items():
        if not name.startswith("_"):
            key = "texts" if name.startswith("texts_") else name
            shown[key] = shown.get(key, 0) + count
    return list(shown.items())


@blueprint.get("/personal/retention", endpoint="retention")
def retention_page() -> str:
    """How long each kind is kept, how much there is, what will go and when."""
    store = the_store()
    return render_template(
        "admin/retention.html", rows=retention.holdings(store.database, store.settings)
    )


def _note(action: str, subject: str, key: object, details: dict[str, Any]) -> None:
    with the_store().database.write() as db:
        audit.record(db, actor(), action, subject, key, details)
