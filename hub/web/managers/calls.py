"""Calls and their recordings; whoever was not called back; calling back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.crm.calls import client_number
from hub.flow import call_out
from hub.flow.recording import fresh_link, is_heard_here, opened, sound
from hub.store import audit, call_marks, users
from hub.store.database import utc_now
from hub.store.lists import calls as call_lists
from hub.store.lists.calls import UNRETURNED_DAYS, CallFilters
from hub.store.lists.paging import ListPage
from hub.web import export, lists, live, menu, seeing
from hub.web.context import actor, local_now, people, the_store, the_user
from hub.web.guard import safe_next
from hub.web.managers import files
from hub.web.managers.base import audit_view, blueprint, found, record_page
from hub.web.managers.task_forms import follow_call
from hub.web.places import goes_out

menu.add("managers", 30, "managers.calls", _l("Calls"), "phone", ("managers.call",))
#: What the list shows at one press: (value of `show`, its name, its icon).
SHOWS = (
    ("", _l("All calls"), "phone"),
    ("mine", _l("My calls"), "user"),
    ("missed", _l("Missed"), "phone-off"),
    ("unreturned", _l("Not called back"), "alert-circle"),
)


@blueprint.get("/calls")
def calls() -> Response:
    """Calls by the time they began, the last first."""
    store, shown = the_store(), lists.argument("show")
    since = utc_now() - timedelta(days=UNRETURNED_DAYS)
    filters = CallFilters(
        q=lists.argument("q"),
        manager=actor() if shown == "mine" else lists.argument("manager"),
        line=lists.argument("line"),
        direction=lists.argument("direction"),
        status="missed" if shown == "missed" else lists.argument("status"),
        connection=lists.argument("connection"),
        since=lists.since(),
        until=lists.until(),
        unreturned_since=since if shown == "unreturned" else None,
        seen_by=seeing.only(),
        phone_region=store.settings.phone_region,
    )

    def fetch(limit: int, cursor: str | None) -> ListPage:
        return call_lists.list_calls(store.database, filters, limit, cursor)

    if kind := export.wanted():
        return export.download(_("Calls"), files.call_columns(), export.every(fetch), kind, "call")
    page = fetch(lists.PAGE_SIZE, lists.cursor())
    if shown == "unreturned":
        call_lists.add_times(store.database, page.items, since)
    return lists.show("managers/calls", page, **_shared(page.items), **_choices(shown))


def _shared(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the rows of a list need besides themselves."""
    user, store = the_user(), the_store()
    may_write = user is not None and user.role != users.AUDITOR
    return {
        "lines": call_out.line_titles(store),
        "may_write": may_write,
        "callable": may_write and call_out.line_of(store, actor()) is not None,
        "heard": {row["id"] for row in rows if is_heard_here(store, row)},
    }


def _choices(shown: str) -> dict[str, Any]:
    if lists.is_partial():
        return {"shown": shown}
    store = the_store()
    titles, today = call_out.line_titles(store), local_now().date()
    known = call_lists.lines(store.database)
    return {
        "shown": shown,
        "shows": SHOWS,
        "people": people(),
        "line_choices": [(number, titles.get(number, number)) for number in known],
        "periods": (
            (_("today"), today),
            (_("7 days"), today - timedelta(days=6)),
            (_("30 days"), today - timedelta(days=29)),
        ),
    }


@blueprint.get("/calls/<int:record_id>")
def call(record_id: int) -> str:
    """One call with all the hub knows of it."""
    row = found("call", record_id)
    row |= call_marks.mark(the_store().database, record_id) or dict.fromkeys(
        ("done_at", "done_by", "note", "note_by", "note_at")
    )
    return record_page("managers/call.html", "call", record_id, row, **_shared([row]))


@blueprint.get("/calls/<int:record_id>/recording")
@goes_out
def recording(record_id: int) -> Response:
    """On to the provider, who plays it; whoever listens is written to the audit log."""
    address = fresh_link(the_store(), found("call", record_id))
    audit_view("recording", record_id)
    # Whoever gives the sound need not learn where it was asked for.
    response = redirect(address)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/calls/<int:record_id>/sound")
@goes_out
def sound_of(record_id: int) -> Response:
    """The recording's sound for the player; whoever listens is written to the audit log."""
    row = found("call", record_id)
    opening = opened(the_store(), row)
    source = opening.__enter__()
    audit_view("recording", record_id)
    kind = source.headers.get("Content-Type", "").split(";")[0].strip().lower()
    # Whatever the provider says it is, a browser must take it for sound and nothing else.
    kind = kind if kind.startswith("audio/") else "audio/mpeg"
    response = Response(stream_with_context(sound(source)), content_type=kind)
    response.call_on_close(lambda: opening.__exit__(None, None, None))
    response.headers["Content-Disposition"] = f'inline; filename="call-{record_id}"'
    return response


@blueprint.post("/calls/<int:record_id>/call-back")
def call_back(record_id: int) -> Response:
    """Ring this user, then the call's client."""
    extension = call_out.call_back(the_store(), found("call", record_id), actor())
    with the_store().database.write() as db:
        audit.record(db, actor(), "call back", "call", record_id)
    flash(_("Your phone %(extension)s is ringing: pick it up, the client is called next.",
            extension=extension), "success")  # fmt: skip
    return redirect(safe_next(request.form.get("next")))


@blueprint.post("/calls/<int:record_id>/done")
def call_done(record_id: int) -> Response:
    """A missed call needs no call back any more, or does after all."""
    is_done = bool(request.form.get("done"))
    number = client_number(found("call", record_id))
    with the_store().database.write() as db:
        call_marks.set_done(db, record_id, actor() if is_done else "")
        audit.record(db, actor(), "done" if is_done else "not done", "call", record_id)
    follow_call(number, done=is_done)
    live.publish("calls", [record_id])
    if not lists.is_partial():
        return redirect(safe_next(request.form.get("next")))
    rows = call_lists.of_calls(the_store().database, [record_id])
    page = {"items": rows, "next_cursor": None}
    return Response(
        render_template("managers/calls_rows.html", page=page, shown="", just=True, **_shared(rows))
    )


@blueprint.post("/calls/<int:record_id>/note")
def call_note(record_id: int) -> Response:
    """Keep a note on a call."""
    found("call", record_id)
    with the_store().database.write() as db:
        call_marks.set_note(db, record_id, request.form.get("note", "")[:4000], actor())
        audit.record(db, actor(), "note", "call", record_id)
    live.publish("calls", [record_id])
    flash(_("The note is saved."), "success")
    return redirect(url_for("managers.call", record_id=record_id))
