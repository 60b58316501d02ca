"""The list of clients: one search box for all that a client is known by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.store.lists import clients as reads
from hub.store.lists import pages
from hub.store.lists.paging import ListPage, Row
from hub.store.lists.query import words_of
from hub.store.lists.record_filters import RecordFilters, e164
from hub.store.lists.records import list_records
from hub.store.spelling import digits_of, plain_letters
from hub.web import export, lists, menu, seeing
from hub.web.context import people, the_store, the_user
from hub.web.managers import files
from hub.web.managers.base import blueprint

ORDERS = {"": "occurred", "name": "name"}
#: What was typed is a phone from so many digits on.
PHONE_DIGITS = 7
menu.add(
    "managers",
    20,
    "managers.clients",
    _l("Clients"),
    "users",
    ("managers.client", "managers.new_client", "managers.compare", "managers.client_form"),
)


@blueprint.get("/clients")
def clients() -> Response:
    """Clients by their last activity or by name, found by any part of what they are known by."""
    store = the_store()
    order = ORDERS.get(lists.argument("sort"), "occurred")
    filters = _filters()

    def fetch(limit: int, cursor: str | None) -> ListPage:
        return list_records(store.database, "contact", filters, limit, cursor, order=order)

    if kind := export.wanted():
        rows = export.every(fetch)
        return export.download(_("Clients"), files.client_columns(), rows, kind, "contact")
    found = fetch(lists.PAGE_SIZE, lists.cursor())
    hits: dict[int, Row] = {}
    if filters.q:
        hits = exact_hits(filters.q)
        first = reads.contacts_by_id(store.database, list(hits), filters.seen_by)
        rest = [row for row in found.items if row["id"] not in hits]
        # Who is named exactly stands above all others, whatever else narrows the list.
        found = ListPage(rest if lists.cursor() else [*first, *rest], found.next_cursor)
    _dress(found.items, filters.q, hits)
    return lists.show(
        "managers/clients",
        found,
        people=people(),
        connections=pages.connection_titles(store.database),
        sort=lists.argument("sort"),
    )


def _filters() -> RecordFilters:
    user, manager = the_user(), lists.argument("manager")
    mine = user.row.email if user else ""
    equal: tuple[tuple[str, Any], ...] = ()
    if manager:
        equal = (("manager", {"none": None, "me": mine}.get(manager, manager)),)
    return RecordFilters(
        q=lists.argument("q"),
        connection=lists.argument("connection"),
        since=lists.since(),
        until=lists.until(),
        equal=equal,
        open_deals=lists.argument("deals") == "open",
        seen_by=seeing.only(),
        phone_region=the_store().settings.phone_region,
    )


def exact_hits(q: str) -> dict[int, Row]:
    """Clients whom this names exactly; see `lists.clients.exact_hits`."""
    store = the_store()
    is_phone = len(digits_of(q)) >= PHONE_DIGITS
    phone = e164(q, store.settings.phone_region) if is_phone else ""
    return reads.exact_hits(store.database, q, phone)


def _dress(rows: list[Row], q: str, hits: Mapping[int, Row]) -> None:
    """Give rows what the list shows of them: sources, what was last, why they were found."""
    database = the_store().database
    reads.add_sources(database, rows)
    reads.add_last_entries(database, rows)
    for row in rows:
        row["hit"] = hits.get(row["id"]) or (why(row, q) if q else None)


def why(row: Mapping[str, Any], q: str) -> Row | None:
    """Which field besides the name holds what was typed: all of it, else a part."""
    words = words_of(q)
    if all(word.is_in(plain_letters(row["name"] or "")) for word in words):
        return None
    said = [("phone", value) for value in row["phones"]]
    said += [("email", value) for value in row["emails"]]
    said += [(name, row[name]) for name in ("inn", "company_name") if row[name]]
    for enough in (all, any):
        for field, value in said:
            text = plain_letters(value)
            if enough(word.is_in(text) for word in words if enough is all or not word.is_short):
                return {"why": field, "value": value}
    return None
