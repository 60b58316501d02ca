"""Letters: which wait for an answer, a conversation as one page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.crm.task_rules import letter_span
from hub.store import audit, letters
from hub.store.database import utc_now
from hub.store.lists import today
from hub.store.lists.record_filters import RecordFilters
from hub.store.lists.tasks import TaskFilters, list_tasks
from hub.web import lists, live, menu, seeing
from hub.web.context import actor, people, the_store
from hub.web.guard import safe_next
from hub.web.managers.base import audit_view, blueprint, found, record_page

MINE_SPAN = timedelta(days=90)
menu.add("managers", 60, "managers.messages", _l("Letters"), "mail", ("managers.message",))


@blueprint.get("/messages")
def messages() -> Response:
    """Letters by the time they were sent; those without an answer by how long they wait."""
    store = the_store()
    waiting = lists.argument("answer") == "waiting"
    whose = actor() if lists.argument("whose") == "mine" else None
    since = lists.since()
    if whose and not waiting and since is None:
        # Whose client it is stands with the client: not looked up for the letters of all years.
        since = utc_now() - MINE_SPAN
    filters = RecordFilters(
        q=lists.argument("q"),
        connection=lists.argument("connection"),
        since=since,
        until=lists.until(),
        equal=lists.equal("direction", "kind", "manager"),
        seen_by=seeing.only(),
        phone_region=store.settings.phone_region,
    )
    page = today.letters(store.database, filters, waiting, whose, lists.PAGE_SIZE, lists.cursor())
    mailboxes = [
        (one.name, one.connection.title or one.name)
        for one in store.catalog.all()
        if "message" in one.connector.manifest.entities
    ]
    return lists.show("managers/messages", page, people=people(), mailboxes=mailboxes)


@blueprint.get("/messages/<int:record_id>")
def message(record_id: int) -> str:
    """A conversation, the first letter first, with the one that was asked for marked."""
    row = found("message", record_id)
    audit_view("message", record_id)
    database, only, key = the_store().database, seeing.only(), row["thread_key"]
    thread = today.conversation(database, key, seen_by=only) if key else []
    if not any(letter["id"] == record_id for letter in thread):
        thread = [row]
    about = TaskFilters(about=("message", record_id), seen_by=only)
    return record_page(
        "managers/message.html",
        "message",
        record_id,
        row,
        thread=thread,
        waits=_last_from_client(thread) if any(one["awaits_since"] for one in thread) else None,
        waived=next((one for one in reversed(thread) if one["waived_at"]), None),
        tasks=list_tasks(database, about, 10).items,
        now=utc_now(),
    )


def _last_from_client(thread: list[dict[str, Any]]) -> int:
    """The letter of which «no answer needed» is said: it covers those before it."""
    return int(next(one["id"] for one in reversed(thread) if one["direction"] == "in"))


@blueprint.post("/messages/<int:record_id>/no-answer")
def waive_letter(record_id: int) -> Response:
    """The letter, and those before it, need no answer."""
    return _say(record_id, waived=True)


@blueprint.post("/messages/<int:record_id>/needs-answer")
def unwaive_letter(record_id: int) -> Response:
    """It needs one after all."""
    return _say(record_id, waived=False)


def _say(record_id: int, *, waived: bool) -> Response:
    found("message", record_id)
    store, now = the_store(), utc_now()
    since = now - letter_span(store.settings)
    with store.database.write() as db:
        if waived:
            letters.waive(db, record_id, actor(), now, since)
        else:
            letters.unwaive(db, record_id, since)
        audit.record(db, actor(), "waived" if waived else "unwaived", "message", record_id)
    live.publish("messages", [record_id])
    flash(_("Noted.") if waived else _("The letter waits for an answer again."), "success")
    wanted = request.form.get("next") or url_for("managers.message", record_id=record_id)
    return redirect(safe_next(wanted))
