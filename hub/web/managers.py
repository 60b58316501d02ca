"""Managers' pages: today, clients and the client card, calls, orders, messages, stock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, abort, redirect, render_template
from werkzeug.wrappers import Response

from hub.crm.calls import client_number
from hub.crm.documents import is_low
from hub.flow.recording import fresh_link, is_heard_here
from hub.flow.stock_out import priority_of
from hub.store import audit, users
from hub.store.lists import pages
from hub.store.lists.paging import MAX_ID
from hub.store.lists.people import list_merges
from hub.store.lists.record_filters import RecordFilters
from hub.store.lists.records import get_record, list_records, related_bindings
from hub.store.lists.reports import day_start
from hub.store.lists.stock import mark_owners
from hub.store.lists.timeline import contact_timeline
from hub.web import freshness, lists
from hub.web.context import actor, company_zone, local_now, people, the_store
from hub.web.guard import protect

TIMELINE_KINDS = ("call", "order", "message", "lead", "deal", "task")
TIMELINE_SIZE = 30
blueprint = Blueprint("managers", __name__)
protect(blueprint, readers=users.ROLES)


@blueprint.get("/")
def home() -> str:
    """Today: calls nobody returned, numbers, what came last, whether the stock is fresh."""
    database = the_store().database
    today = day_start(local_now().date(), company_zone())
    return render_template(
        "managers/home.html",
        today=local_now().date(),
        numbers=pages.day_numbers(database, today),
        unreturned=unreturned(pages.calls_since(database, today)),
        orders=list_records(database, "order", limit=8, order="occurred").items,
        messages=list_records(
            database, "message", RecordFilters(equal=(("direction", "in"),)), 6, order="occurred"
        ).items,
        sources=freshness.stock_sources(the_store()),
    )


@blueprint.get("/clients")
def clients() -> Response:
    """Clients, found by any part of a name, phone or e-mail."""
    return _records("managers/clients", "contact", "manager")


@blueprint.get("/clients/<int:record_id>")
def client(record_id: int) -> str | Response:
    """The client card. A look at it is written to the audit log."""
    store = the_store()
    contact = _found("contact", record_id)
    kind = lists.argument("kind")
    kinds = (kind,) if kind in TIMELINE_KINDS else ()
    kept_id = contact["merged_into_id"] or record_id
    history = contact_timeline(
        store.database, kept_id, kinds, limit=TIMELINE_SIZE, cursor=lists.cursor()
    )
    context: dict[str, Any] = {"contact": contact, "kinds": TIMELINE_KINDS, "kind": kind}
    if lists.is_partial():
        return lists.show("managers/client", history, **context)
    _audit_view("contact", kept_id)
    return lists.show(
        "managers/client",
        history,
        **context,
        bindings=related_bindings(store.database, "contact", kept_id),
        merges=[row for row in list_merges(store.database, kept_id).items if not row["undone_at"]],
        connections=pages.connection_titles(store.database),
    )


@blueprint.get("/calls")
def calls() -> Response:
    """Calls by the time they began."""
    return _records("managers/calls", "call", "status", "direction", "manager")


@blueprint.get("/calls/<int:record_id>")
def call(record_id: int) -> str:
    """One call with all the hub knows of it."""
    row = _found("call", record_id)
    playable = is_heard_here(the_store(), row)
    return _record_page("managers/call.html", "call", record_id, row, playable=playable)


@blueprint.get("/calls/<int:record_id>/recording")
def recording(record_id: int) -> Response:
    """On to the provider, who plays it; whoever listens is written to the audit log."""
    address = fresh_link(the_store(), _found("call", record_id))
    _audit_view("recording", record_id)
    # Whoever gives the sound need not learn where it was asked for.
    response = redirect(address)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/orders")
def orders() -> Response:
    """Orders by the time they were placed."""
    return _records("managers/orders", "order", "status")


@blueprint.get("/orders/<int:record_id>")
def order(record_id: int) -> str:
    """One order with its lines."""
    return _record_page("managers/order.html", "order", record_id)


@blueprint.get("/leads")
def leads() -> Response:
    """Leads, newest first."""
    return _records("managers/leads", "lead", "status", "manager")


@blueprint.get("/messages")
def messages() -> Response:
    """Letters by the time they were sent."""
    return _records("managers/messages", "message", "direction", "kind")


@blueprint.get("/messages/<int:record_id>")
def message(record_id: int) -> str:
    """One letter as plain text, with its conversation."""
    row = _found("message", record_id)
    _audit_view("message", record_id)
    thread: list[Any] = []
    if row["thread_key"]:
        thread = pages.thread_messages(the_store().database, row["thread_key"])
    return _record_page("managers/message.html", "message", record_id, row, thread=thread)


@blueprint.get("/stock")
def stock() -> Response:
    """Stock levels, each with its time, and how fresh every source is."""
    return _records(
        "managers/stock",
        "stock",
        "warehouse",
        sources=freshness.stock_sources(the_store()),
        warehouses=pages.warehouses(the_store().database),
    )


def unreturned(calls: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Missed incoming calls, given newest first, whose caller nobody spoke to or called after.

    One row per caller: their last missed call, with `times` they tried in vain.
    """
    settled: set[str] = set()
    missed: dict[str, dict[str, Any]] = {}
    for row in calls:
        number = client_number(row)
        if number is None or number in settled:
            continue
        if row["direction"] == "out" or row["status"] != "missed":
            settled.add(number)
        elif number in missed:
            missed[number]["times"] += 1
        else:
            missed[number] = {**row, "times": 1}
    return list(missed.values())


def _records(name: str, entity: str, *columns: str, **context: Any) -> Response:
    store = the_store()
    filters = RecordFilters(
        q=lists.argument("q"),
        connection=lists.argument("connection"),
        since=lists.since(),
        until=lists.until(),
        low=entity == "stock" and lists.argument("low") == "true",
        equal=lists.equal(*columns),
        phone_region=store.settings.phone_region,
    )
    # Sources seldom say when a lead or a stock level came to be: these go by arrival.
    order = "id" if entity in ("stock", "lead") else "occurred"
    found = list_records(
        store.database, entity, filters, lists.PAGE_SIZE, lists.cursor(), order=order
    )
    if entity == "stock":
        mark_owners(store.database, found.items, priority_of(store))
        for level in found.items:
            level["is_low"] = is_low(level)
    titles = pages.connection_titles(store.database)
    context |= {"people": people(), "connections": titles, "titles": dict(titles.values())}
    return lists.show(name, found, **context)


def _record_page(
    template: str, entity: str, record_id: int, row: dict[str, Any] | None = None, **context: Any
) -> str:
    database = the_store().database
    return render_template(
        template,
        record=row or _found(entity, record_id),
        entity=entity,
        bindings=related_bindings(database, entity, record_id),
        connections=pages.connection_titles(database),
        **context,
    )


def _found(entity: str, record_id: int) -> dict[str, Any]:
    if record_id > MAX_ID:
        abort(404)
    row = get_record(the_store().database, entity, record_id)
    if row is None:
        abort(404)
    return row


def _audit_view(subject: str, record_id: int) -> None:
    with the_store().database.write() as db:
        audit.record(db, actor(), f"view {subject}", subject, record_id)
