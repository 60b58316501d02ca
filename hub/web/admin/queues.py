"""Queues and workers: how much waits, for how long, what holds it up, who works on what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import render_template
from flask_babel import lazy_gettext as _l

from hub.crew import workers_seen
from hub.flow.watch import HEARTBEAT
from hub.queues import QUEUES, describe, queues_for
from hub.store import facts
from hub.store.database import utc_now
from hub.store.lists import ops_pages
from hub.store.lists.ops import connection_overview
from hub.traffic.roads import breakers
from hub.web import lists, menu
from hub.web.admin.base import blueprint
from hub.web.context import the_store

#: The sweep runs every two seconds.
LATE_SECONDS = 20

menu.add("admin", 180, "admin.queues", _l("Queues and workers"), "server")


@blueprint.get("/queues", endpoint="queues")
def show_queues() -> str:
    """Depths, workers with their signs of life, what waits and why, who holds which lease."""
    store = the_store()
    queues = queues_for(store.settings)
    depth = describe(queues)
    name = "admin/queues_state.html" if lists.is_partial() else "admin/queues.html"
    return render_template(
        name,
        names=QUEUES,
        depth=depth,
        workers=workers_seen(queues) if depth else [],
        waiting=_waiting(),
        leases=_leases(),
        swept_at=_swept_at(),
        late=_is_late(),
        now=utc_now(),
    )


def _waiting() -> list[dict[str, Any]]:
    """Connections for which something waits, with what holds it up."""
    store = the_store()
    oldest, resting = ops_pages.oldest(store.database), breakers(store.settings)
    rows = []
    for row in connection_overview(store.database):
        if not (row["open_events"] or row["open_deliveries"]):
            continue
        row["oldest"] = oldest.get(row["id"], {})
        row["resting"] = resting.get(row["id"], [])
        rows.append(row)
    return rows


def _leases() -> list[dict[str, Any]]:
    """Leases in words: of which connection, by which process."""
    store = the_store()
    found = []
    for row in ops_pages.held_leases(store.database):
        work, _, number = row["name"].partition("-")
        configured = store.catalog.by_id(int(number)) if number.isdecimal() else None
        machine, _, process = row["owner"].rpartition("-")[0].rpartition("-")
        found.append(
            {
                **row,
                "work": work,
                "connection": configured.name if configured and work != "replay" else "",
                "machine": machine,
                "process": process,
            }
        )
    return found


def _swept_at() -> datetime | None:
    with the_store().database.read() as db:
        said = facts.get_fact(db, HEARTBEAT)
    return datetime.fromisoformat(said) if said else None


def _is_late() -> bool:
    at = _swept_at()
    return at is None or (utc_now() - at.astimezone(UTC)).total_seconds() > LATE_SECONDS
