"""The managers' blueprint and what its views share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, abort, render_template
from werkzeug.wrappers import Response

from hub.crm.documents import is_low
from hub.flow.stock_out import priority_of
from hub.store import audit, users
from hub.store.lists import pages
from hub.store.lists.paging import MAX_ID, ListPage
from hub.store.lists.record_filters import RecordFilters
from hub.store.lists.records import get_record, list_records, related_bindings
from hub.store.lists.stock import mark_owners
from hub.web import export, lists, seeing, words
from hub.web.context import actor, people, the_store
from hub.web.guard import protect
from hub.web.managers import files

blueprint = Blueprint("managers", __name__)
protect(blueprint, readers=users.ROLES, writers=(users.ADMIN, users.HEAD, users.MANAGER))


def list_filters(*columns: str, low: bool = False) -> RecordFilters:
    """The filters of a list of records, from the URL."""
    return RecordFilters(
        q=lists.argument("q"),
        connection=lists.argument("connection"),
        since=lists.since(),
        until=lists.until(),
        low=low and lists.argument("low") == "true",
        equal=lists.equal(*columns),
        seen_by=seeing.only(),
        phone_region=the_store().settings.phone_region,
    )


def level_filters() -> RecordFilters:
    """The filters of the flat list of stock levels."""
    return list_filters("warehouse", low=True)


def records(
    name: str,
    entity: str,
    /,
    *names: str,
    filters: RecordFilters | None = None,
    columns: Sequence[export.Column] = (),
    **context: Any,
) -> Response:
    """A list of records: the page, its rows for htmx, or with `columns` a file on demand.

    `names` are columns that the URL may filter by, unless `filters` are given. The columns of the
    file are those of `files` where none are given.
    """
    store = the_store()
    filters = filters or list_filters(*names)
    # Sources seldom say when a lead or a stock level came to be: these go by arrival.
    order = "id" if entity in ("stock", "lead", "deal") else "occurred"

    def fetch(limit: int, cursor: str | None) -> ListPage:
        return list_records(store.database, entity, filters, limit, cursor, order=order)

    kind, columns = export.wanted(), columns or files.columns_of(entity)
    if kind and columns:
        title = str(words.entity_word(entity).label)
        return export.download(title, columns, export.every(fetch), kind, entity)
    found = fetch(lists.PAGE_SIZE, lists.cursor())
    if entity == "stock":
        mark_owners(store.database, found.items, priority_of(store))
        for level in found.items:
            level["is_low"] = is_low(level)
    titles = pages.connection_titles(store.database)
    context |= {"people": people(), "connections": titles, "titles": dict(titles.values())}
    return lists.show(name, found, **context)


def record_page(
    template: str, entity: str, record_id: int, row: dict[str, Any] | None = None, **context: Any
) -> str:
    database = the_store().database
    return render_template(
        template,
        record=row or found(entity, record_id),
        entity=entity,
        bindings=related_bindings(database, entity, record_id),
        connections=pages.connection_titles(database),
        **context,
    )


def found(entity: str, record_id: int) -> dict[str, Any]:
    """The record; 404 where there is none, 403 where its client is not for the user's eyes."""
    if record_id > MAX_ID:
        abort(404)
    row = get_record(the_store().database, entity, record_id)
    if row is None:
        abort(404)
    # A record is seen with its client.
    seeing.check_client(row.get("contact_id"))
    return row


def audit_view(subject: str, record_id: int) -> None:
    with the_store().database.write() as db:
        audit.record(db, actor(), f"view {subject}", subject, record_id)
