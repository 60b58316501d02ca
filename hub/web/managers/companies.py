"""Companies, their people and their orders."""

from __future__ import annotations

from flask import abort
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.store.lists import firms, pages
from hub.store.lists.record_filters import RecordFilters
from hub.store.lists.records import list_records
from hub.web import lists, menu, seeing
from hub.web.context import people, the_store
from hub.web.managers.base import audit_view, blueprint, found, record_page

menu.add("managers", 25, "managers.companies", _l("Companies"), "building", ("managers.company",))


@blueprint.get("/companies")
def companies() -> Response:
    """Companies by name, found by any part of it, by INN or phone."""
    store = the_store()
    filters = RecordFilters(
        q=lists.argument("q"),
        connection=lists.argument("connection"),
        seen_by=seeing.only(),
        phone_region=store.settings.phone_region,
    )
    page = list_records(
        store.database, "company", filters, lists.PAGE_SIZE, lists.cursor(), order="name"
    )
    return lists.show(
        "managers/companies",
        page,
        people=people(),
        connections=pages.connection_titles(store.database),
    )


@blueprint.get("/companies/<int:record_id>")
def company(record_id: int) -> str:
    """One company; a look at it is written to the audit log."""
    store, row = the_store(), found("company", record_id)
    only = seeing.only()
    if only and not firms.is_seen_by(store.database, record_id, only):
        abort(403)
    members = firms.people_of(store.database, row, only)
    audit_view("company", record_id)
    return record_page(
        "managers/company.html",
        "company",
        record_id,
        row,
        members=members,
        orders=firms.orders_of_people(store.database, members),
    )
