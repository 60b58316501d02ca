"""Trying a connection: the test step by step, its address, and a sample event on the real way."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, render_template, request, url_for
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Response

from hub.flow import diagnose, sample_event
from hub.flow.configure import is_used
from hub.mapping.loader import effective
from hub.registry import manifests
from hub.sdk.errors import ConfigError, HubError
from hub.sdk.request import RawRequest
from hub.store import audit
from hub.store.connections import Configured
from hub.store.database import utc_now
from hub.store.lists.events import get_event
from hub.store.lists.paging import MAX_ID
from hub.store.lists.samples import newest_event_id
from hub.web.admin.base import blueprint, require, require_admin, secret_values
from hub.web.admin.connection_edit import stored_row
from hub.web.context import actor, the_store
from hub.web.error_texts import in_words
from hub.web.words.hints import HINTS

OPEN = ("received", "waiting")
MAX_LOOKS = 60


@blueprint.get("/connections/<name>/test")
def test_connection(name: str) -> str:
    """The steps of the test, not yet asked."""
    require_admin()
    row, configured = stored_row(name), the_store().catalog.get(name)
    return render_template(
        "admin/connection_test.html",
        row=row,
        name=name,
        configured=configured,
        broken=the_store().catalog.broken().get(name),
        steps=diagnose.steps_of(configured) if configured else [],
        can_sample=bool(configured and sample_event.can_sample(configured)),
    )


@blueprint.post("/connections/<name>/test/<step>")
def test_step(name: str, step: str) -> str:
    """One step's answer; it brings the next question with it while all goes well."""
    configured = require(name)
    steps = diagnose.steps_of(configured)
    if step not in steps:
        abort(404)
    if step == steps[0]:
        with the_store().database.write() as db:
            audit.record(db, actor(), "tested", "connection", name)
    found = diagnose.run(configured, step)
    rest = steps[steps.index(step) + 1 :]
    went_well = all(one.ok for one in found)
    return render_template(
        "admin/test_step.html",
        name=name,
        found=found,
        hints=HINTS,
        next_step=rest[0] if rest and went_well else "",
        skipped=[] if went_well else rest,
        is_last=not rest and went_well,
    )


@blueprint.get("/connections/<name>/start")
def next_steps(name: str) -> str:
    """What to do after saving: the address, a command, a sample event, a first run."""
    row = stored_row(name)
    manifest = manifests()[row.connector]
    configured = the_store().catalog.get(name)
    can_sample = bool(configured and sample_event.can_sample(configured))
    return render_template(
        "admin/connection_start.html",
        row=row,
        name=name,
        manifest=manifest,
        configured=configured,
        broken=the_store().catalog.broken().get(name),
        addresses=addresses_of(name, manifest.event_types, manifest.kind),
        can_sample=can_sample,
        content=sample_event.content_for(configured, utc_now()) if configured else "",
        streams=_polled(configured),
        used=is_used(the_store(), row.id),
    )


def _polled(configured: Configured | None) -> list[str]:
    if configured is None or configured.connector.read is None:
        return []
    return [one for one in configured.stream_names() if configured.stream(one).direction == "in"]


def addresses_of(name: str, event_types: Any, kind: str) -> list[tuple[str, str]]:
    """(address, what it is for). A PBX adds its own path; it is told the root, as all are."""
    return [(f"{request.url_root}in/{name}", "")]


@blueprint.post("/connections/<name>/start/curl")
def ready_curl(name: str) -> str:
    """A command that works as it stands. It may hold what proves the sender, so it is noted."""
    configured = require(name)
    try:
        made = sample_event.request_for(configured, request.form.get("content", ""), utc_now())
    except HubError as error:
        return render_template("admin/sample_result.html", error=in_words(error.message))
    text = sample_event.curl(f"{request.url_root}in/{name}", made)
    shows = configured.connection.secrets.hide(text, shortest=4) != text
    with the_store().database.write() as db:
        audit.record(db, actor(), "showed command", "connection", name, {"holds_secret": shows})
    return render_template("admin/sample_curl.html", text=text, shows_secret=shows)


@blueprint.post("/connections/<name>/start/sample")
def send_sample(name: str) -> str:
    """Send a sample event through the gateway's own door, and show where it arrived."""
    configured = require(name)
    newest = newest_event_id(the_store().database, configured.id)
    try:
        made = sample_event.request_for(configured, request.form.get("content", ""), utc_now())
    except HubError as error:
        return render_template("admin/sample_result.html", error=in_words(error.message))
    with the_store().database.write() as db:
        audit.record(db, actor(), "sent sample event", "connection", name)
    status, body = _through_the_door(name, made)
    event_id = newest_event_id(the_store().database, configured.id)
    arrived = event_id if event_id != newest else 0
    said = in_words(configured.connection.secrets.hide(body, shortest=4))
    return render_template(
        "admin/sample_result.html",
        error="",
        name=name,
        status=status,
        said=said,
        event=_event(configured, arrived) if arrived else None,
        looks=0,
        refused=status >= 400,
    )


def _through_the_door(name: str, made: RawRequest) -> tuple[int, str]:
    """The request as a server would hand it over: size, signature, storing, reply, log line."""
    path = f"/in/{name}/{made.path}" if made.path else f"/in/{name}"
    builder = EnvironBuilder(
        path=path,
        query_string=made.query,
        method=made.method,
        data=made.body,
        headers=list(made.headers),
        base_url=request.url_root,
        environ_base={"REMOTE_ADDR": request.remote_addr or ""},
    )
    environ = builder.get_environ()
    pieces, status, _headers = run_wsgi_app(current_app.wsgi_app, environ, buffered=True)
    body = b"".join(pieces)[:2000].decode("utf-8", "replace")
    return int(status.split(" ", 1)[0]), body


def _event(configured: Configured, event_id: int) -> Any:
    return get_event(the_store().database, event_id, secret_values(configured))


@blueprint.get("/connections/<name>/start/sample/<int:event_id>")
def sample_state(name: str, event_id: int) -> str | Response:
    """How far the sample event has come; asks again while it is on its way."""
    configured = require(name)
    event = _event(configured, event_id) if event_id <= MAX_ID else None
    if event is None or event["connection"] != name:
        abort(404)
    looks = request.args.get("looks", "0")
    return render_template(
        "admin/sample_state.html",
        name=name,
        event=event,
        looks=min(int(looks) if looks.isdigit() else 0, MAX_LOOKS),
        most=MAX_LOOKS,
        address=url_for("admin.event", event_id=event_id),
        paused=configured.state == "paused",
        mapped=_mapped(configured, event),
    )


def _mapped(configured: Configured, event: Any) -> list[str]:
    """The entities of the event's changes that have a mapping to look at."""
    try:
        known = effective(configured.connection.connector, configured.mappings)
    except ConfigError:
        return []
    return [one for one in dict.fromkeys(row["entity"] for row in event["changes"]) if one in known]
