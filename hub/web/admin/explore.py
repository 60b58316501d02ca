"""What another system offers: pick an operation, see rows of a real answer, make it a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from hub.flow import explore
from hub.flow.explore import Plan
from hub.sdk import payload
from hub.sdk.entities import ENTITIES
from hub.sdk.errors import HubError, Rejected
from hub.sdk.explore import Sample
from hub.store.connections import Configured
from hub.store.database import to_json
from hub.web.admin.base import blueprint, require
from hub.web.context import actor, the_store, the_user
from hub.web.error_texts import in_words
from hub.web.places import goes_out

ARGUMENT, COLUMN = "argument.", "column."
MAX_SAMPLE_CHARACTERS = 400_000
#: A cell of a sample longer than this is cut; the stream reads it whole.
MAX_CELL_CHARACTERS = 300


@blueprint.get("/connections/<name>/operations")
@goes_out
def operations(name: str) -> str:
    """The operations of the connection's system; one that is chosen shows its arguments."""
    configured = _explorable(name)
    error, offered = "", None
    try:
        offered = explore.operations(configured)
    except HubError as caught:
        error = in_words(caught.message)
    chosen = request.args.get("operation", "")
    found = offered.operations if offered else ()
    return render_template(
        "admin/operations.html",
        configured=configured,
        title=configured.connection.title or name,
        offered=offered,
        error=error,
        chosen=next((one for one in found if one.name == chosen), None),
        most=explore.SAMPLE_ROWS,
    )


@blueprint.post("/connections/<name>/operations/sample")
def sample(name: str) -> str:
    """Call the operation and show the first rows. Only what the admin says is read-only."""
    configured = _explorable(name)
    if request.form.get("reads_only") != "yes":
        raise Rejected("say that the operation only reads: it is called in earnest")
    operation, path = _text("operation"), _text("path")
    try:
        found = explore.sample(the_store(), configured, operation, _arguments(), path, actor())
    except HubError as error:
        # The call is the person's own question, and its refusal the answer to it.
        return _page(configured, Sample(path), error=in_words(error.message))
    return _page(configured, found)


@blueprint.post("/connections/<name>/operations/stream")
def make_stream(name: str) -> str | Response:
    """Suggest columns for the chosen entity, try the mapping on the sample, or save the stream."""
    configured = _explorable(name)
    known = Sample(_text("path"), _sent_rows())
    act = request.form.get("act", "")
    if act == "suggest":
        return _page(configured, known)
    if act not in ("preview", "save"):
        abort(400)
    try:
        plan = _plan(configured)
        if act == "preview":
            tried = explore.tried(configured, plan.entity, plan.columns, known.rows)
            return _page(configured, known, columns=plan.columns, tried=tried)
        explore.save_stream(the_store(), name, int(_text("revision") or 0), plan, actor())
    except HubError as error:
        return _page(configured, known, columns=_columns(), error=in_words(error.message))
    flash(_("The stream is saved: «%(name)s».", name=plan.name), "success")
    return redirect(url_for("admin.connection", name=name))


def _explorable(name: str) -> Configured:
    """The connection, for an admin: looking already calls the other system."""
    user = the_user()
    if user is None or not user.may_administer:
        abort(403)
    configured = require(name)
    if configured.connector.explore is None:
        abort(404)
    return configured


def _page(
    configured: Configured,
    found: Sample,
    *,
    columns: Mapping[str, str] | None = None,
    tried: Any = None,
    error: str = "",
) -> str:
    names = explore.columns_of(found.rows)
    entities = configured.connector.manifest.entities
    entity = _text("entity") if _text("entity") in entities else entities[0]
    chosen = explore.suggested(configured, entity, names) if columns is None else columns
    shown = [{key: _cell(value) for key, value in explore.flat(row).items()} for row in found.rows]
    return render_template(
        "admin/sample.html",
        configured=configured,
        title=configured.connection.title or configured.name,
        operation=_text("operation"),
        arguments=_arguments(),
        sample=found,
        columns=names,
        rows=shown,
        sent=to_json(list(found.rows)),
        entity=entity,
        entities=entities,
        fields=explore.fields_of(entity),
        chosen=chosen,
        tried=tried,
        tried_fields=_filled(tried),
        error=error,
        form=request.form,
    )


def _filled(tried: Any) -> list[str]:
    """The fields that any row of the trial has, in the order of the first."""
    return list(dict.fromkeys(name for one in tried or () for name in one.fields))


def _plan(configured: Configured) -> Plan:
    entity = _text("entity")
    if entity not in configured.connector.manifest.entities:
        abort(400)
    mode = _text("mode")
    return Plan(
        name=_text("stream"),
        entity=entity,
        operation=_text("operation"),
        arguments=_arguments(),
        path=_text("path"),
        mode=mode if mode in ("full", "delta") else "full",
        cursor=_text("cursor"),
        rule=_text("rule"),
        columns=_columns(),
    )


def _columns() -> dict[str, str]:
    entity = _text("entity")
    known = explore.fields_of(entity) if entity in ENTITIES else []
    return {field: column for field in known if (column := _text(f"{COLUMN}{field}"))}


def _arguments() -> dict[str, Any]:
    """The operation's arguments as the form sends them; a structure is written as JSON."""
    found: dict[str, Any] = {}
    for field, value in request.form.items():
        if field.startswith(ARGUMENT):
            text = value.replace("\0", "").strip()
            whole = text.startswith(("{\n", '{"', "[")) and text.endswith(("}", "]"))
            found[field.removeprefix(ARGUMENT)] = (
                payload.load_json(text.encode()) if whole else text
            )
    return found


def _sent_rows() -> list[dict[str, Any]]:
    """The rows of the sample that the page carried along; only ever shown back to its reader."""
    text = request.form.get("rows", "")
    if len(text) > MAX_SAMPLE_CHARACTERS:
        raise Rejected("the sample is too large to go on with: choose a path with smaller rows")
    try:
        rows = payload.load_json(text.encode()) if text else []
    except HubError:
        abort(400)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _text(name: str) -> str:
    return request.form.get(name, "").replace("\0", "").strip()[:500]


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else _written(value)
    return text if len(text) <= MAX_CELL_CHARACTERS else f"{text[:MAX_CELL_CHARACTERS]}…"


def _written(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()
