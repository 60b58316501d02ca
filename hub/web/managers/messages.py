"""Letters."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.store.lists import pages
from hub.web import menu
from hub.web.context import the_store
from hub.web.managers.base import audit_view, blueprint, found, record_page, records

menu.add("managers", 60, "managers.messages", _l("Letters"), "mail", ("managers.message",))


@blueprint.get("/messages")
def messages() -> Response:
    """Letters by the time they were sent."""
    return records("managers/messages", "message", "direction", "kind")


@blueprint.get("/messages/<int:record_id>")
def message(record_id: int) -> str:
    """One letter as plain text, with its conversation."""
    row = found("message", record_id)
    audit_view("message", record_id)
    thread: list[Any] = []
    if row["thread_key"]:
        thread = pages.thread_messages(the_store().database, row["thread_key"])
    return record_page("managers/message.html", "message", record_id, row, thread=thread)
