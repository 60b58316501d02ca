"""The ledger «they say, we have» per connection and day; a comparison on demand."""

from __future__ import annotations

from datetime import date, timedelta

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.flow import reconcile_jobs
from hub.sdk.errors import Rejected
from hub.store import audit
from hub.store.lists import ops_pages
from hub.store.lists.ops import list_reconciliations
from hub.web import lists, menu
from hub.web.admin.base import blueprint, connection_choices
from hub.web.context import actor, local_now, the_store

menu.add("admin", 155, "admin.reconciliation", _l("Reconciliation"), "list-check")


@blueprint.get("/reconciliation")
def reconciliation() -> Response:
    """The ledger, the newest comparison first, and the ones under way."""
    store = the_store()
    page = list_reconciliations(
        store.database,
        connection=lists.argument("connection"),
        limit=lists.PAGE_SIZE,
        cursor=lists.cursor(),
    )
    yesterday = local_now().date() - timedelta(days=1)
    return lists.show(
        "admin/reconciliation",
        page,
        connections=connection_choices(),
        jobs=ops_pages.reconcile_jobs_shown(store.database),
        able=[
            (one.name, one.connection.title or one.name)
            for one in store.catalog.all()
            if one.connector.history is not None
        ],
        yesterday=yesterday.isoformat(),
        as_day=date.fromisoformat,
    )


@blueprint.post("/reconciliation")
def start_reconciliation() -> Response:
    """Ask for a comparison of some days."""
    name = request.form.get("connection", "")
    try:
        first = date.fromisoformat(request.form.get("first", ""))
        last = date.fromisoformat(request.form.get("last", ""))
    except ValueError:
        raise Rejected("give both days") from None
    job_id = reconcile_jobs.request(the_store(), name, first, last, actor())
    details = {"connection": name, "first": first.isoformat(), "last": last.isoformat()}
    with the_store().database.write() as db:
        audit.record(db, actor(), "reconcile", "connection", name, {**details, "job": job_id})
    flash(_("The comparison has begun; its days appear below."), "success")
    return redirect(url_for("admin.reconciliation"))
