"""Sync runs: what each read and wrote, the rows it could not store, held snapshots."""

from __future__ import annotations

from flask import flash, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.flow import poll
from hub.store import audit
from hub.store.lists.ops import get_sync_run, list_sync_runs
from hub.store.lists.paging import MAX_ID
from hub.web import lists, menu
from hub.web.admin.base import back, blueprint, connection_choices, found, reason
from hub.web.context import actor, the_store

menu.add("admin", 140, "admin.runs", _l("Sync runs"), "refresh", ("admin.run",))


@blueprint.get("/runs")
def runs() -> Response:
    """Runs, newest first."""
    page = list_sync_runs(
        the_store().database,
        connection=lists.argument("connection"),
        stream=lists.argument("stream"),
        status=lists.argument("status"),
        limit=lists.PAGE_SIZE,
        cursor=lists.cursor(),
    )
    return lists.show("admin/runs", page, connections=connection_choices())


@blueprint.get("/runs/<int:run_id>")
def run(run_id: int) -> str:
    """One run with its row issues."""
    row = found(get_sync_run(the_store().database, run_id) if run_id <= MAX_ID else None)
    return render_template("admin/run.html", run=row)


@blueprint.post("/runs/<int:run_id>/approve")
def approve(run_id: int) -> Response:
    """Let a held snapshot through: a new run that takes as few rows as the held one had."""
    found(run_id if run_id <= MAX_ID else None)
    store, why = the_store(), reason()
    poll.approve_run(store, run_id, actor())
    with store.database.write() as db:
        audit.record(db, actor(), "approve snapshot", "sync run", run_id, {"reason": why})
    flash(_("Approved. A new run of this stream is queued."), "success")
    return back(url_for("admin.runs"))
