"""Incidents: what is wrong, since when, what to do, who sees to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import abort, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.sdk.errors import Rejected
from hub.sending.notice_texts import title_of
from hub.store import audit, incidents
from hub.store.database import utc_now
from hub.store.lists.paging import MAX_ID
from hub.web import lists, menu, sessions
from hub.web.admin.base import MAX_REASON_CHARACTERS, back, blueprint, connection_choices, found
from hub.web.context import actor, the_store

#: Hours to be silent for.
MUTES = (1, 8, 24, 168)

menu.add("admin", 105, "admin.incidents", _l("Incidents"), "alarm", ("admin.incident",))


def incident_title(incident: Any) -> str:
    """An incident in one line, in the reader's language."""
    return title_of(incident, sessions.language())


def incident_links(incident: Any) -> list[tuple[Any, str]]:
    """(what, address) of the records behind an incident: its own list first, then samples."""
    kind, name = incident["kind"], incident["connection"]
    samples = incident["samples"] or []
    found_links: list[tuple[Any, str]] = []
    if kind == "dead_events":
        address = url_for(
            "admin.events", connection=name, status="dead", error_code=incident["cause"] or None
        )
        found_links.append((_("All of them"), address))
        found_links.append((_("Replay by cause"), url_for("admin.dead", connection=name)))
        found_links += [
            (_("event %(id)s", id=one), url_for("admin.event", event_id=one)) for one in samples
        ]
    elif kind in ("dead_deliveries", "delivery_old"):
        status = "dead" if kind == "dead_deliveries" else "waiting"
        address = url_for("admin.deliveries", connection=name, status=status)
        found_links.append((_("All of them"), address))
        found_links += [
            (_("delivery %(id)s", id=one), url_for("admin.delivery", delivery_id=one))
            for one in samples
        ]
    elif kind in ("run_failed", "run_held", "stale"):
        found_links += [
            (_("run %(id)s", id=one), url_for("admin.run", run_id=one)) for one in samples
        ]
        address = url_for("admin.runs", connection=name, stream=incident["cause"])
        found_links.append((_("Sync runs"), address))
    elif kind == "unexplained":
        found_links.append((_("Reconciliation"), url_for("admin.reconciliation", connection=name)))
    elif kind == "refused":
        found_links.append((_("Rejected requests"), url_for("admin.rejections", connection=name)))
    elif kind in ("queue_old", "workers", "redis"):
        found_links.append((_("Queues and workers"), url_for("admin.queues")))
    if name:
        found_links.append((_("The connection"), url_for("admin.connection", name=name)))
    return found_links


blueprint.add_app_template_global(incident_title)
blueprint.add_app_template_global(incident_links)


@blueprint.get("/incidents", endpoint="incidents")
def list_incidents() -> Response:
    """What is wrong now; recovered ones on request."""
    state, connection = lists.argument("state"), lists.argument("connection")
    database = the_store().database
    page = incidents.page(
        database,
        state=state,
        connection=connection,
        limit=lists.PAGE_SIZE,
        cursor=lists.cursor(),
    )
    if not state and not connection:
        # Those that go on stand first, whatever their age.
        live = [] if lists.cursor() else incidents.live(database)
        rest = [row for row in page.items if row["state"] == incidents.RESOLVED]
        page = type(page)([*live, *rest], page.next_cursor)
    answer = lists.show("admin/incidents", page, connections=connection_choices())
    if request.headers.get("HX-Trigger") == "list":
        # It asked for itself anew: no step in the browser's history.
        answer.headers.pop("HX-Push-Url", None)
    return answer


@blueprint.get("/incidents/<int:incident_id>")
def incident(incident_id: int) -> str:
    """One incident: the cause, samples, what to do, what was told to whom."""
    with the_store().database.read() as db:
        row = found(incidents.get(db, incident_id) if incident_id <= MAX_ID else None)
    return render_template("admin/incident.html", incident=row, mutes=MUTES)


@blueprint.post("/incidents/<int:incident_id>/<act>")
def see_to(incident_id: int, act: str) -> Response:
    """Acknowledge an incident, mute it for a while, or take either back."""
    found(incident_id if incident_id <= MAX_ID else None)
    note = request.form.get("note", "").replace("\0", "").strip()[:MAX_REASON_CHARACTERS]
    with the_store().database.write() as db:
        if act == "acknowledge":
            done = incidents.acknowledge(db, incident_id, actor(), note)
        elif act == "mute":
            until = utc_now() + timedelta(hours=_hours())
            done = incidents.mute(db, incident_id, actor(), note, until)
        elif act == "reopen":
            done = incidents.reopen(db, incident_id, actor())
        else:
            abort(404)
        if not done:
            raise Rejected("the incident has changed meanwhile; look at it again")
        audit.record(db, actor(), f"{act} incident", "incident", incident_id, {"note": note})
    flash(_("Noted."), "success")
    return back(url_for("admin.incident", incident_id=incident_id))


def _hours() -> int:
    text = request.form.get("hours", "")
    if not text.isdecimal() or int(text[:4]) not in MUTES:
        abort(400)
    return int(text)
