"""Replays of many events: what they would do, how far they are, what came of them."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from hub.flow import find_events, replay_job
from hub.flow.replay import STEPS
from hub.store import replay_jobs
from hub.store.lists.event_filters import EventFilters
from hub.store.lists.event_pages import rows_of
from hub.store.lists.paging import MAX_ID
from hub.store.replay_jobs import Selection, selection_of
from hub.web import lists
from hub.web.admin import event_query
from hub.web.admin.base import back, blueprint, found, reason
from hub.web.context import actor, the_store

SPEEDS = (0, 10, 50, 200)
MOST = (0, 100, 1000, 10_000)
SAMPLES = 10


@blueprint.get("/replays")
def replays() -> Response:
    """Replays and dry runs, newest first."""
    page = replay_jobs.page(the_store().database, lists.PAGE_SIZE, lists.cursor())
    return lists.show("admin/replays", page, progress=_progress)


@blueprint.get("/replays/new")
def new_replay() -> str:
    """What is about to run again: how many events, which, from which step, how fast."""
    chosen = event_query.selection(request.args)
    with the_store().database.read() as db:
        total, _first, _last = replay_jobs.measure(db, chosen)
    return render_template(
        "admin/replay_new.html",
        total=total,
        counted=replay_jobs.COUNTED,
        samples=_samples(chosen),
        ids=chosen.ids if chosen.filters is None else (),
        given=event_query.given(request.args) if chosen.filters is not None else {},
        shown_at=event_query.address_of(chosen),
        steps=STEPS,
        speeds=SPEEDS,
        most=MOST,
    )


@blueprint.post("/replays")
def start_replay() -> Response:
    """Ask for the replay or its dry run."""
    mode = request.form.get("mode", "")
    if mode not in (replay_job.RUN, replay_job.DRY):
        abort(400)
    job_id = replay_job.request(
        the_store(),
        _chosen(),
        mode=mode,
        step=request.form.get("step", "parse"),
        actor=actor(),
        reason=reason() if mode == replay_job.RUN else request.form.get("reason", "")[:1000],
        per_second=_number("per_second"),
        most=_number("most"),
    )
    return redirect(url_for("admin.replay_job", job_id=job_id))


@blueprint.get("/replays/<int:job_id>", endpoint="replay_job")
def replay_job_page(job_id: int) -> str:
    """One replay: how far it is, what would change or fail, what did."""
    with the_store().database.read() as db:
        job = found(replay_jobs.get(db, job_id) if job_id <= MAX_ID else None)
        stuck = replay_jobs.waiting_for(db, job.in_flight) if job.in_flight else {}
    everyone = the_store().catalog
    paused = [
        configured.name
        for configured in map(everyone.by_id, stuck)
        if configured is not None and configured.state == "paused"
    ]
    chosen = selection_of(job.selection)
    name = "admin/replay_state.html" if lists.is_partial() else "admin/replay.html"
    return render_template(
        name,
        job=job,
        progress=_progress(job),
        is_open=job.status in replay_jobs.OPEN,
        paused=paused,
        chosen=job.selection.get("filter", {}),
        picked=len(job.selection.get("ids", ())),
        shown_at=event_query.address_of(chosen),
        steps=STEPS,
    )


@blueprint.post("/replays/<int:job_id>/cancel")
def cancel_replay(job_id: int) -> Response:
    """Stop a replay where it is."""
    found(job_id if job_id <= MAX_ID else None)
    replay_job.cancel(the_store(), job_id, actor())
    flash(_("Stopped. What had been opened already runs to its end."), "success")
    return back(url_for("admin.replay_job", job_id=job_id))


def _chosen() -> Selection:
    """The events the form means: those of an earlier job, or its own."""
    former = request.form.get("job", "")
    if not former:
        return event_query.selection(request.form)
    with the_store().database.read() as db:
        number = int(former) if former.isdecimal() and len(former) < 19 else 0
        job = found(replay_jobs.get(db, number))
    return selection_of(job.selection)


def _number(name: str) -> int:
    text = request.form.get(name, "0")
    return int(text) if text.isdecimal() and len(text) < 7 else 0


def _samples(chosen: Selection) -> list[dict[str, Any]]:
    store = the_store()
    if chosen.filters is None:
        with store.database.read() as db:
            return rows_of(db, list(chosen.ids[:SAMPLES]))
    filters: EventFilters = chosen.filters
    return find_events.search(store.database, filters, SAMPLES, None, further=False).items


def _progress(job: Any) -> int:
    """How far a job is, in percent: by number where that is known, else by its place."""
    row: dict[str, Any] = dict(job if isinstance(job, dict) else job._mapping)  # noqa: SLF001  # SQLAlchemy's public name
    if row["status"] == "done":
        return 100
    if row["total"]:
        done, whole = row["taken"] - len(row["in_flight"]), row["total"]
    else:
        done, whole = row["position"] - row["first_id"] + 1, row["last_id"] - row["first_id"] + 1
    return max(0, min(100, int(done) * 100 // max(1, int(whole))))
