"""The search field of every page: clients as one types, best hits first, and why they match."""

from __future__ import annotations

from flask import make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from hub.store.lists import clients as reads
from hub.store.lists.record_filters import RecordFilters
from hub.store.lists.records import list_records
from hub.web import lists, seeing
from hub.web.context import the_store
from hub.web.managers.base import blueprint
from hub.web.managers.clients import exact_hits, why

SHOWN = 8


@blueprint.get("/search")
def search() -> Response:
    """The best hits for htmx; without it the list of clients."""
    q = lists.argument("q")
    if not lists.is_partial():
        return redirect(url_for("managers.clients", q=q or None))
    store, only = the_store(), seeing.only()
    rows, hits = [], {}
    if q:
        hits = exact_hits(q)
        rows = reads.contacts_by_id(store.database, list(hits), only)
        filters = RecordFilters(q=q, seen_by=only, phone_region=store.settings.phone_region)
        more = list_records(store.database, "contact", filters, SHOWN, order="occurred").items
        rows += [row for row in more if row["id"] not in hits]
    for row in rows:
        row["hit"] = hits.get(row["id"]) or why(row, q)
    return make_response(render_template("managers/found.html", rows=rows[:SHOWN], q=q))
