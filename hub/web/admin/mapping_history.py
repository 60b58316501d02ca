"""Former shapes of one mapping: brought back, or taken away for the shipped one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import Row
from werkzeug.wrappers import Response

from hub.flow import configure
from hub.sdk.errors import Rejected
from hub.store.connections import ChangedError
from hub.store.lists import diffs
from hub.store.revisions import Revision, get_revision, list_revisions
from hub.web.admin.base import blueprint, reason
from hub.web.admin.connection_edit import stored_row
from hub.web.context import actor, the_store

PLACE = "/connections/<connection>/mappings/<entity>"


def posted_revision() -> int:
    """The revision that the page showed; -1, which no connection has, for rubbish."""
    text = request.form.get("revision", "")
    return int(text) if text.isdigit() and len(text) < 10 else -1


def history_of(row: Row[Any], entity: str) -> list[dict[str, Any]]:
    """The revisions that changed this mapping, newest first, each with what it changed."""
    with the_store().database.read() as db:
        found = list_revisions(db, row.id)
    shown = []
    for place, one in enumerate(found):
        older = found[place + 1] if place + 1 < len(found) else None
        new, old = _mapping_in(one, entity), _mapping_in(older, entity) if older else {}
        if new != old or older is None:
            shown.append({"revision": one, "changes": diffs.between(old, new)})
    return shown[:30]


def _mapping_in(revision: Revision | None, entity: str) -> Mapping[str, Any]:
    found = ((revision.document if revision else {}).get("mappings") or {}).get(entity)
    return found if isinstance(found, Mapping) else {}


@blueprint.post(f"{PLACE}/reset")
def reset_mapping(connection: str, entity: str) -> Response:
    """Take the connection's own rows away: the shipped mapping is in force again."""
    row = stored_row(connection)
    document = configure.document_of(row)
    mappings = {name: one for name, one in document["mappings"].items() if name != entity}
    return _put_back(connection, entity, {**document, "mappings": mappings}, f"reset {entity}")


@blueprint.post(f"{PLACE}/restore/<int:number>")
def restore_mapping(connection: str, entity: str, number: int) -> Response:
    """Bring back this mapping as it was in an older revision; nothing else changes."""
    row = stored_row(connection)
    with the_store().database.read() as db:
        older = get_revision(db, row.id, min(number, 2**31))
    if older is None:
        abort(404)
    document = configure.document_of(row)
    mappings = {name: one for name, one in document["mappings"].items() if name != entity}
    former = (older.document.get("mappings") or {}).get(entity)
    if former is not None:
        mappings[entity] = former
    note = f"restore mapping {entity} {number}"
    return _put_back(connection, entity, {**document, "mappings": mappings}, note)


def _put_back(connection: str, entity: str, document: Mapping[str, Any], note: str) -> Response:
    why = reason()
    try:
        configure.save(
            the_store(), connection, document, revision=posted_revision(), actor=actor(),
            note=f"{note}: {why}", action="published mapping",
        )  # fmt: skip
    except ChangedError:
        raise Rejected("the connection was changed meanwhile: open the page anew") from None
    flash(_("Published. Events that come from now on go through it."), "success")
    return redirect(url_for("admin.mapping", connection=connection, entity=entity, published="1"))
