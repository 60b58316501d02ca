"""The mapping editor: a real event on one side, the rows on the other, the result as one types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response as FlaskResponse
from flask import (
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from sqlalchemy import Row
from werkzeug.wrappers import Response

from hub.flow import configure, diagnose, mapping_base, mapping_trial
from hub.flow.connection_text import dump
from hub.flow.starter import STARTERS
from hub.mapping.edit import EditRow, row_of_problem
from hub.mapping.loader import effective
from hub.mapping.model import MappingConfigError, MappingDocument
from hub.mapping.suggest import paths_of
from hub.sdk.entities import ENTITIES
from hub.sdk.errors import HubError
from hub.sdk.records import SourceRecord
from hub.store import audit
from hub.store.connections import ChangedError, Configured
from hub.web.admin.base import blueprint, require
from hub.web.admin.connection_edit import stored_row, who_changed
from hub.web.admin.mapping_form import Draft, choices_of, draft_of, read_draft, sections_of
from hub.web.admin.mapping_history import PLACE, history_of, posted_revision
from hub.web.context import actor, the_store
from hub.web.error_texts import in_words
from hub.web.words.transforms import transforms


@blueprint.get("/mappings/<connection>/<entity>")
def old_mapping(connection: str, entity: str) -> Response:
    """The address it had."""
    return redirect(url_for("admin.mapping", connection=connection, entity=entity))


@blueprint.get(PLACE)
def mapping(connection: str, entity: str) -> str:
    """The editor with the mapping in force; an auditor reads it."""
    configured, row = both(connection, entity)
    source = _in_force(configured, entity) or _beginning(entity)
    return _page(configured, row, entity, draft_of(source, entity), row.revision)


def both(connection: str, entity: str) -> tuple[Configured, Row[Any]]:
    if entity not in ENTITIES:
        abort(404)
    return require(connection), stored_row(connection)


def _in_force(configured: Configured, entity: str) -> Mapping[str, Any] | None:
    """The document in force; None when there is none, or when it is broken."""
    document = today_of(configured, entity)
    return document.as_dict() if document else None


def today_of(configured: Configured, entity: str) -> MappingDocument | None:
    """The mapping that the workers use now."""
    try:
        return effective(configured.connection.connector, configured.mappings).get(entity)
    except MappingConfigError:
        return None


def _beginning(entity: str) -> dict[str, Any]:
    return {"entity": entity, **STARTERS.get(entity, {"fields": {}})}


def _page(
    configured: Configured,
    row: Row[Any],
    entity: str,
    draft: Draft,
    revision: int,
    *,
    conflict: str = "",
    note: str = "",
) -> str:
    store = the_store()
    events = mapping_trial.recent(store, configured, entity)
    wanted = request.values.get("event", "")
    chosen = wanted if wanted.isdigit() else str(events[0].event["id"]) if events else ""
    pasted = request.form.get("pasted", "")
    source, trouble = sample_of(configured, entity, chosen, pasted)
    if source is not None and request.method == "GET" and chosen:
        with store.database.write() as db:
            audit.record(db, actor(), "viewed", "event", chosen, {"mapping": entity})
    today = today_of(configured, entity)
    base = mapping_base.base_document(configured, row.settings, entity)
    return render_template(
        "admin/mapping.html",
        configured=configured,
        name=configured.name,
        title=configured.connection.title or configured.name,
        entity=entity,
        entities=_entities(configured),
        draft=draft,
        **_layout(draft, entity),
        revision=revision,
        conflict=conflict,
        note=note,
        events=events,
        chosen=chosen,
        pasted=pasted,
        data=source.data if source else None,
        paths=_paths(configured, source) if source else [],
        result=result_of(configured, draft, today, source, trouble),
        replay=_replay_links(configured.name) if request.args.get("published") else {},
        can_fetch=bool(diagnose.stream_of(configured, entity)),
        has_own=entity in (row.mappings or {}),
        has_base=base is not None,
        history=history_of(row, entity),
    )


def _paths(configured: Configured, source: SourceRecord) -> list[tuple[str, str]]:
    """What a row may be taken from, secrets masked."""
    hide = configured.connection.secrets.hide
    return [(path, hide(text, shortest=4)) for path, text in paths_of(source.data)]


def _replay_links(name: str) -> dict[str, str]:
    """Where the past is replayed through the new mapping: failed events, all of them."""
    page = (
        "admin.new_replay" if "admin.new_replay" in current_app.view_functions else "admin.events"
    )
    return {
        "dead": url_for(page, connection=name, status="dead"),
        "all": url_for(page, connection=name),
    }


def _layout(draft: Draft, entity: str) -> dict[str, Any]:
    """What the rows are laid out with."""
    return {
        "sections": sections_of(draft, entity),
        "choices": choices_of(entity),
        "transforms": transforms(),
        "blank_row": EditRow("", ""),
    }


def _entities(configured: Configured) -> list[str]:
    manifest = configured.connector.manifest
    try:
        known = effective(manifest.name, configured.mappings)
    except MappingConfigError:
        known = {}
    named = [
        str(one.get("entity"))
        for one in configured.connection.settings.get("records") or ()
        if isinstance(one, Mapping)
    ]
    shipped = [] if manifest.mappings_from_connection else list(manifest.entities)
    return sorted({one for one in (*known, *named, *shipped) if one in ENTITIES})


def sample_of(
    configured: Configured, entity: str, event: str, pasted: str
) -> tuple[SourceRecord | None, str]:
    """The record to try on: of the pasted text, else of the event; and why there is none."""
    if pasted.strip():
        try:
            return mapping_trial.source_of_text(configured, pasted, entity), ""
        except HubError as error:
            return None, in_words(error.message)
    if event.isdigit() and len(event) < 18:
        found = mapping_trial.source_of_event(the_store(), configured, int(event), entity)
        return found, "" if found else str(_("This event holds no such record."))
    return None, ""


def result_of(
    configured: Configured,
    draft: Draft,
    today: MappingDocument | None,
    source: SourceRecord | None,
    trouble: str,
) -> dict[str, Any]:
    """What the right side shows: problems by row, or the record that comes out."""
    problems = [
        {"row": row_of_problem(draft.rows, one.key), "key": one.key, "message": one.message,
         "line": one.line}
        for one in draft.problems
    ]  # fmt: skip
    trial = None
    if draft.document is not None and source is not None:
        trial = mapping_trial.try_one(configured, draft.document, today, source)
    traced = {row.traced_as: number for number, row in reversed(list(enumerate(draft.rows)))}
    return {"problems": problems, "trial": trial, "rows": traced, "trouble": trouble}


@blueprint.post(f"{PLACE}/preview")
def preview_mapping(connection: str, entity: str) -> str:
    """The result for the rows as they stand: asked at every pause in typing."""
    configured, _row = both(connection, entity)
    draft = read_draft(request.form, entity)
    form = request.form
    source, trouble = sample_of(configured, entity, form.get("event", ""), form.get("pasted", ""))
    return render_template(
        "admin/mapping_result.html",
        result=result_of(configured, draft, today_of(configured, entity), source, trouble),
        data=source.data if source else None,
        paths=_paths(configured, source) if source else [],
        is_partial=True,
    )


@blueprint.post(f"{PLACE}/view")
def mapping_view(connection: str, entity: str) -> str:
    """The same rows as YAML, or the same YAML as rows."""
    both(connection, entity)
    draft = read_draft(request.form, entity)
    wanted = request.args.get("as", "rows")
    # Text that is no mapping cannot be shown as rows: it stays text, its trouble beside it.
    mode = "yaml" if wanted == "yaml" or draft.source is None else "rows"
    return render_template(
        "admin/mapping_rows.html",
        draft=draft,
        mode=mode,
        **_layout(draft, entity),
        entity=entity,
        name=connection,
    )


@blueprint.post(PLACE)
def publish_mapping(connection: str, entity: str) -> str | Response:
    """Put the edited mapping into force as a new revision of the connection."""
    configured, row = both(connection, entity)
    draft = read_draft(request.form, entity)
    revision, note = (
        posted_revision(),
        request.form.get("note", "").replace("\0", "").strip()[:1000],
    )
    if draft.document is None or draft.source is None:
        return _page(configured, row, entity, draft, revision, note=note)
    document = _with_mapping(configured, row, entity, draft.source)
    try:
        configure.save(
            the_store(),
            connection,
            document,
            revision=revision,
            actor=actor(),
            note=note or f"mapping {entity}",
            action="published mapping",
        )
    except ChangedError:
        now = stored_row(connection)
        conflict = who_changed(now)
        return _page(configured, now, entity, draft, now.revision, conflict=conflict, note=note)
    flash(_("Published. Events that come from now on go through it."), "success")
    return redirect(url_for("admin.mapping", connection=connection, entity=entity, published="1"))


def _with_mapping(
    configured: Configured, row: Row[Any], entity: str, source: Mapping[str, Any]
) -> dict[str, Any]:
    """The connection's document with the own rows that make this mapping the one in force."""
    own = mapping_base.own_rows(configured, row.settings, entity, source)
    document = configure.document_of(row)
    mappings = {**document["mappings"], entity: own}
    if not own:
        del mappings[entity]
    return {**document, "mappings": mappings}


@blueprint.get(f"{PLACE}.yml")
def export_mapping(connection: str, entity: str) -> FlaskResponse:
    """The mapping in force as a file of `mappings/`."""
    configured, _row = both(connection, entity)
    source = _in_force(configured, entity)
    if source is None:
        abort(404)
    answer = make_response(dump(dict(source)))
    answer.headers["Content-Type"] = "application/yaml; charset=utf-8"
    answer.headers["Content-Disposition"] = f'attachment; filename="{connection}-{entity}.yml"'
    return answer
