"""The inbox: events with filters and a live tail, one event with its whole way, replay."""

from __future__ import annotations

from typing import Any

from flask import Response as FlaskResponse
from flask import flash, make_response, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.flow import find_events
from hub.flow.inspect import inspect_event
from hub.flow.replay import STEPS, replay_events
from hub.registry import manifests
from hub.store import audit, emptied
from hub.store.lists.event_way import deliveries_of
from hub.store.lists.events import get_event
from hub.store.lists.paging import MAX_ID
from hub.web import lists, menu, words
from hub.web.admin import event_query, event_way
from hub.web.admin.base import (
    back,
    blueprint,
    connection_choices,
    found,
    reason,
    secret_values,
)
from hub.web.admin.connections import webhook_address
from hub.web.context import actor, the_store

SHOWN_BYTES = 100 * 1024
SHOWN_RECORDS = 20
TAIL_ROWS = 50

menu.add(
    "admin",
    120,
    "admin.events",
    _l("Events"),
    "inbox",
    ("admin.event", "admin.rejections", "admin.replays", "admin.replay_job", "admin.new_replay"),
)


@blueprint.get("/events")
def events() -> Response:
    """Events, newest first, every filter in the address."""
    filters = event_query.filters_of(request.args)
    page = find_events.search(
        the_store().database,
        filters,
        lists.PAGE_SIZE,
        lists.cursor(),
        further=bool(lists.argument("further")),
    )
    return lists.show(
        "admin/events",
        page,
        connections=connection_choices(),
        webhooks=_webhooks(filters.connection),
        causes=_causes(filters.error_code),
        given=event_query.given(request.args),
        tail=bool(lists.argument("tail")),
        newest=page.items[0]["id"] if page.items else 0,
    )


@blueprint.get("/events/tail")
def events_tail() -> Response:
    """Rows that came since the list was shown; nothing new: 204, and the page stays as it is."""
    after = lists.argument("after")
    seen = int(after) if after.isdecimal() and len(after) < 19 else 0
    filters = event_query.filters_of(request.args)
    rows, place = find_events.newer(the_store().database, filters, seen, TAIL_ROWS)
    if not rows:
        return make_response("", 204)
    given = event_query.given(request.args)
    return make_response(
        render_template("admin/events_tail.html", rows=rows, newest=place, given=given)
    )


@blueprint.get("/events/<int:event_id>")
def event(event_id: int) -> str:
    """One event: received → parsed → mapped → stored → delivered, with its attempts."""
    row = _event(event_id)
    _audit_look(event_id)
    sent = row["request"]
    body = sent["body"] if sent else b""
    view = inspect_event(the_store(), event_id)
    deliveries = deliveries_of(the_store().database, row)
    gone = emptied.told(sent)
    return render_template(
        "admin/event.html",
        event=row,
        gone=gone,
        body=_as_text(body[:SHOWN_BYTES]),
        said=find_events.body_data(sent) if sent and len(body) <= SHOWN_BYTES else None,
        is_cut=len(body) > SHOWN_BYTES,
        view=view,
        records=view.records[:SHOWN_RECORDS],
        way=event_way.steps(row, view, deliveries, is_gone=gone is not None),
        deliveries=deliveries,
        curl=_curl(row),
        signed=event_way.signature_headers(sent["headers"] if sent else ()),
        steps=STEPS,
    )


@blueprint.get("/events/<int:event_id>/body")
def event_body(event_id: int) -> FlaskResponse:
    """The raw body as a file; never shown by the browser as what it says it is."""
    row = _event(event_id)
    _audit_look(event_id, "download event")
    body = row["request"]["body"] if row["request"] else b""
    headers = {"Content-Disposition": f'attachment; filename="event-{event_id}.bin"'}
    return FlaskResponse(body, mimetype="application/octet-stream", headers=headers)


@blueprint.post("/events/<int:event_id>/replay")
def replay(event_id: int) -> Response:
    """Make one event run again."""
    found(event_id if event_id <= MAX_ID else None)
    step = request.form.get("step", "parse")
    replay_events(the_store(), [event_id], step, actor(), reason())
    flash(_("The event runs again. Reload the page in a moment to see the outcome."), "success")
    return back(url_for("admin.event", event_id=event_id))


def _event(event_id: int) -> dict[str, Any]:
    found(event_id if event_id <= MAX_ID else None)
    store = the_store()
    bare = found(get_event(store.database, event_id))
    hidden = secret_values(store.catalog.by_id(bare["connection_id"]))
    row: dict[str, Any] = found(get_event(store.database, event_id, hidden))
    return row


def _audit_look(event_id: int, action: str = "view event") -> None:
    with the_store().database.write() as db:
        audit.record(db, actor(), action, "event", event_id)


def _as_text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _causes(present: str) -> list[tuple[str, Any]]:
    """The kinds of errors to choose from; one of a connector's own stays when it is chosen."""
    known = words.options("error")
    if present and present not in dict(known):
        return [*known, (present, present)]
    return known


def _curl(row: dict[str, Any]) -> str:
    """The request as a command; masked headers are left for the admin to fill in."""
    sent = row["request"]
    if not sent:
        return ""
    path, query = sent["path"].strip("/"), sent["query"]
    address = webhook_address(row["connection"]) + (f"/{path}" if path else "")
    address += f"?{query}" if query else ""
    skipped = ("host", "content-length", "connection", "accept-encoding", "user-agent")
    headers = [
        f"-H {_quoted(f'{name}: {value}')}"
        for name, value in sent["headers"]
        if name.lower() not in skipped
    ]
    parts = [f"curl -X {sent['method']} {_quoted(address)}", *headers]
    return " \\\n  ".join((*parts, f"--data-binary @event-{row['id']}.bin"))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _webhooks(name: str) -> list[dict[str, str]]:
    """Addresses to send to, for an inbox that is still empty."""
    known = manifests()
    rows = []
    for configured in the_store().catalog.all():
        if name and configured.name != name:
            continue
        if "webhook" in known[configured.connection.connector].directions:
            title = configured.connection.title or configured.name
            rows.append({"title": title, "address": webhook_address(configured.name)})
    return rows
