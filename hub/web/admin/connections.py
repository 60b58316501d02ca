"""Connections: how each fares, its settings without secrets, pause and resume, runs on demand."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.flow import poll
from hub.flow.drain import policy_of
from hub.flow.retry import schedule_of
from hub.mapping.loader import effective
from hub.mapping.model import MappingConfigError
from hub.registry import manifests
from hub.store import audit
from hub.store.connections import Configured, set_state
from hub.store.lists.ops import connection_overview, list_sync_runs
from hub.traffic.roads import breakers
from hub.web import freshness, menu
from hub.web.admin.base import back, blueprint, reason, require
from hub.web.context import actor, the_store

menu.add(
    "admin",
    110,
    "admin.connections",
    _l("Connections"),
    "plug-connected",
    (
        "admin.connection",
        "admin.mapping",
        "admin.catalogue",
        "admin.new_connection",
        "admin.add_connection",
        "admin.paste_yaml",
        "admin.add_yaml",
        "admin.edit_connection",
        "admin.save_connection",
        "admin.secrets",
        "admin.schedule",
        "admin.revisions",
        "admin.test_connection",
        "admin.next_steps",
        "admin.operations",
    ),
)


@blueprint.get("/connections")
def connections() -> str:
    """Every connection with its state, its day and its streams."""
    store = the_store()
    return render_template(
        "admin/connections.html",
        rows=connection_overview(store.database),
        broken=store.catalog.broken(),
        manifests=manifests(),
        sources={
            (source.connection, source.stream): source for source in freshness.stock_sources(store)
        },
    )


@blueprint.get("/connections/<name>")
def connection(name: str) -> str:
    """One connection."""
    store = the_store()
    rows = {row["name"]: row for row in connection_overview(store.database)}
    if name not in rows:
        abort(404)
    configured = store.catalog.get(name)
    manifest = manifests().get(rows[name]["connector"])
    return render_template(
        "admin/connection.html",
        row=rows[name],
        broken=store.catalog.broken().get(name),
        configured=configured,
        manifest=manifest,
        address=webhook_address(name) if manifest and "webhook" in manifest.directions else "",
        settings=_settings(configured),
        streams=_streams(configured, rows[name]),
        mappings=_mappings(configured),
        breakers=breakers(store.settings).get(configured.id, []) if configured else [],
        limits=configured.limits() if configured else {},
        retries=schedule_of(policy_of(store)),
        runs=list_sync_runs(store.database, connection=name, limit=5).items,
    )


@blueprint.post("/connections/<name>/state")
def change_state(name: str) -> Response:
    """Pause or resume. Events of a paused connection are accepted and wait."""
    configured = require(name)
    state = request.form.get("state", "")
    if state not in ("active", "paused"):
        abort(400)
    why = reason() if state == "paused" else ""
    with the_store().database.write() as db:
        set_state(db, configured.id, state, why)
        action = "pause connection" if state == "paused" else "resume connection"
        audit.record(db, actor(), action, "connection", name, {"reason": why})
    the_store().catalog.forget()
    flash(
        _("The connection is paused: events are accepted and wait.")
        if state == "paused"
        else _("The connection works again."),
        "success",
    )
    return back(url_for("admin.connection", name=name))


@blueprint.post("/connections/<name>/streams/<stream>/run")
def run_stream(name: str, stream: str) -> Response:
    """Ask for a run of a stream now."""
    require(name)
    run_id = poll.request_run(the_store(), name, stream, "person")
    with the_store().database.write() as db:
        audit.record(db, actor(), "start sync run", "sync run", run_id, {"stream": stream})
    flash(_("The run is queued."), "success")
    return back(url_for("admin.run", run_id=run_id))


def webhook_address(name: str) -> str:
    """The address to give to the sender."""
    return f"{request.url_root}in/{name}"


def _settings(configured: Configured | None) -> list[dict[str, Any]]:
    if configured is None:
        return []
    connection = configured.connection
    rows = []
    for setting in configured.connector.manifest.settings:
        value = None if setting.secret else connection.settings.get(setting.name)
        count = len(connection.secrets.all(setting.name)) if _has(configured, setting) else 0
        rows.append({"setting": setting, "value": value, "secrets": count})
    return rows


def _has(configured: Configured, setting: Any) -> bool:
    return bool(setting.secret) and setting.name in configured.connection.secrets


def _streams(configured: Configured | None, row: dict[str, Any]) -> list[dict[str, Any]]:
    if configured is None:
        return []
    known = {stream["stream"]: stream for stream in row["streams"]}
    found = []
    for name in configured.stream_names():
        stream = configured.stream(name)
        rule = configured.schedule.get(name) or stream.schedule
        found.append({"stream": stream, "rule": rule, "state": known.get(name)})
    return found


def _mappings(configured: Configured | None) -> list[str]:
    if configured is None:
        return []
    try:
        return sorted(effective(configured.connection.connector, configured.mappings))
    except MappingConfigError:
        # The page of a mapping says what is wrong with it.
        return sorted(configured.mappings)
