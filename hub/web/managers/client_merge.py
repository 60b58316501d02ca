"""Two clients who may be one: side by side, field by field, merged, told apart, undone.

The same deeds as an admin's page of duplicates has, for who may see both.
"""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from hub.crm import merges
from hub.store.lists import clients as reads
from hub.store.lists import pages
from hub.store.lists.paging import MAX_ID, Row
from hub.store.lists.people import list_merges
from hub.web import deeds
from hub.web.context import the_store
from hub.web.managers.base import audit_view, blueprint
from hub.web.managers.client import visible


def _both(one_id: int, other_id: int) -> tuple[Row, Row]:
    one, other = visible(one_id), visible(other_id)
    if one["id"] == other["id"]:
        abort(404)
    return one, other


@blueprint.get("/clients/<int:record_id>/compare/<int:other_id>")
def compare(record_id: int, other_id: int) -> str | Response:
    """Both clients side by side and what would become of each field; `keep` says who is kept."""
    one, other = _both(record_id, other_id)
    if one["merged_into_id"] or other["merged_into_id"]:
        return redirect(url_for("managers.client", record_id=one["merged_into_id"] or one["id"]))
    database = the_store().database
    kept, merged = (other, one) if request.args.get("keep") == str(other["id"]) else (one, other)
    with database.read() as db:
        weights = {row["id"]: reads.weight_of(db, row["id"]) for row in (kept, merged)}
    reads.add_sources(database, [kept, merged])
    for row in (kept, merged):
        audit_view("contact", row["id"])
    return render_template(
        "managers/compare.html",
        kept=kept,
        merged=merged,
        fields=merges.preview(kept, merged),
        weights=weights,
        pair=reads.pair_of(database, kept["id"], merged["id"]),
        connections=pages.connection_titles(database),
        record_id=record_id,
        other_id=other_id,
    )


@blueprint.post("/clients/<int:record_id>/merge/<int:other_id>")
def merge_clients(record_id: int, other_id: int) -> Response:
    """Merge the other client into this one; it can be undone on the card."""
    _both(record_id, other_id)
    deeds.merge(record_id, other_id)
    flash(_("The clients are merged. The merge can be undone on this card."), "success")
    return redirect(url_for("managers.client", record_id=record_id))


@blueprint.post("/clients/<int:record_id>/apart/<int:other_id>")
def keep_apart(record_id: int, other_id: int) -> Response:
    """Say that the two are different people."""
    _both(record_id, other_id)
    pair = reads.pair_of(the_store().database, record_id, other_id)
    if pair is None:
        abort(404)
    deeds.dismiss(pair["id"])
    flash(_("Noted: these are different people."), "success")
    return redirect(url_for("managers.client", record_id=record_id))


@blueprint.post("/clients/<int:record_id>/merges/<int:merge_id>/undo")
def undo_merge(record_id: int, merge_id: int) -> Response:
    """Undo a merge of this client: what it moved goes back."""
    visible(record_id)
    known = list_merges(the_store().database, record_id).items
    if merge_id > MAX_ID or merge_id not in {row["id"] for row in known}:
        abort(404)
    deeds.undo(merge_id)
    flash(_("The merge is undone."), "success")
    return redirect(url_for("managers.client", record_id=record_id))
