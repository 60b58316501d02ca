"""What the clients' list and card show besides the contact's own fields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Select, bindparam, or_, select, union_all

from hub.store.database import Database
from hub.store.lists import narrowing
from hub.store.lists.among import among, id_among
from hub.store.lists.paging import Row, as_dicts
from hub.store.lists.people import add_points
from hub.store.models import (
    bindings,
    contact_points,
    contacts,
    orders,
    possible_duplicates,
    timeline,
)

#: A client with more orders than this is summed up over the newest of them.
MAX_SUMMED: Final = 5000
ORDER_COLUMNS: Final = (
    "id", "number", "external_id", "status", "placed_at", "currency", "total", "paid_at", "lines",
    "connection_id", "erp_number", "erp_status", "erp_date", "erp_paid", "erp_paid_at",
    "erp_shipped_at", "erp_posted", "erp_cancelled", "differs",
)  # fmt: skip


def add_sources(database: Database, rows: Sequence[Row]) -> None:
    """Give contact rows `sources`: ids of the connections that know them."""
    ids = [row["id"] for row in rows]
    found: dict[int, dict[int, None]] = defaultdict(dict)
    for row in rows:
        if row["connection_id"]:
            found[row["id"]][row["connection_id"]] = None
    query = select(bindings.c.record_id, bindings.c.connection_id)
    query = query.where(bindings.c.entity == "contact").order_by(bindings.c.id)
    with database.read() as db:
        theirs = query.where(among(db, bindings.c.record_id, ids))
        for record_id, connection_id in db.execute(theirs) if ids else ():
            found[record_id][connection_id] = None
    for row in rows:
        row["sources"] = list(found[row["id"]])


def add_last_entries(database: Database, rows: Sequence[Row]) -> None:
    """Give contact rows `last`: the newest entry of their timeline, None without one."""
    newest = timeline.alias("newest")
    last = (
        select(newest.c.id)
        .where(newest.c.contact_id == contacts.c.id)
        .order_by(newest.c.occurred_at.desc(), newest.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(timeline).select_from(contacts.join(timeline, timeline.c.id == last))
    with database.read() as db:
        theirs = query.where(id_among(db, contacts, [row["id"] for row in rows]))
        entries = as_dicts(db.execute(theirs).mappings()) if rows else []
    found = {entry["contact_id"]: entry for entry in entries}
    for row in rows:
        row["last"] = found.get(row["id"])


def contacts_by_id(database: Database, ids: Sequence[int], seen_by: str = "") -> list[Row]:
    """These contacts with their points, in this order; merged and deleted ones left out."""
    if not ids:
        return []
    query = select(contacts).where(
        contacts.c.id.in_(ids), contacts.c.merged_into_id.is_(None), contacts.c.deleted_at.is_(None)
    )
    if seen_by:
        query = query.where(narrowing.seen_by(seen_by))
    with database.read() as db:
        rows = as_dicts(db.execute(query).mappings())
        add_points(db, rows)
    found = {row["id"]: row for row in rows}
    return [found[key] for key in ids if key in found]


def exact_hits(database: Database, q: str, phone: str, limit: int = 10) -> dict[int, Row]:
    """Clients whom what was typed names exactly: {contact id: {why, value, order_id}}, by phone
    (E.164), e-mail, INN, or the number of an order in the shop or in 1C."""
    typed = q.strip()
    number = typed.lstrip("№#").strip()
    if not number:
        return {}
    spelled = list(dict.fromkeys((number, number.upper(), number.lower())))
    points, hits = contact_points.c, dict[int, Row]()
    with database.read() as db:
        for why, value in (("phone", phone), ("email", typed.lower())):
            query = select(points.contact_id).where(points.kind == why, points.value == value)
            for contact_id in db.scalars(query.limit(limit)):
                hits.setdefault(contact_id, {"why": why, "value": value})
        for contact_id in db.scalars(
            select(contacts.c.id).where(contacts.c.inn == number).limit(limit)
        ):
            hits.setdefault(contact_id, {"why": "inn", "value": number})
        for row in db.execute(_orders_numbered(spelled, limit)):
            if row.contact_id:
                hit = {"why": "order", "value": row.number or row.erp_number, "order_id": row.id}
                hits.setdefault(row.contact_id, hit)
    return dict(list(hits.items())[:limit])


def _orders_numbered(spelled: Sequence[str], limit: int) -> Select[Any]:
    ways = [
        select(orders.c.id).where(orders.c[name].in_(spelled)) for name in ("number", "erp_number")
    ]
    found = union_all(*ways).limit(limit).subquery()
    columns = (orders.c.id, orders.c.contact_id, orders.c.number, orders.c.erp_number)
    return select(*columns).where(orders.c.id.in_(select(found.c.id))).order_by(orders.c.id.desc())


def orders_of(database: Database, contact_id: int, limit: int = 20) -> list[Row]:
    """The client's newest orders."""
    with database.read() as db:
        query = _newest_orders().limit(limit)
        return as_dicts(db.execute(query, {"contact": contact_id}).mappings())


def order_sums(database: Database, contact_id: int) -> list[Row]:
    """What the client bought: per currency {currency, count, total, average, first, last}.
    Cancelled orders do not count."""
    sums: dict[str, dict[str, Any]] = {}
    with database.read() as db:
        rows = db.execute(_sums(), {"contact": contact_id}).all()
    for row in rows:
        currency, at = row.currency or "", row.placed_at or row.created_at
        sum_ = sums.setdefault(
            currency,
            {"currency": currency, "count": 0, "total": Decimal(0), "first": at, "last": at},
        )
        sum_["count"] += 1
        sum_["total"] += row.total or 0
        sum_["first"], sum_["last"] = min(sum_["first"], at), max(sum_["last"], at)
    for sum_ in sums.values():
        sum_["average"] = sum_["total"] / sum_["count"]
    return sorted(sums.values(), key=lambda found: -found["count"])


@cache
def _newest_orders() -> Select[Any]:
    return _newest(select(*(orders.c[name] for name in ORDER_COLUMNS)))


@cache
def _sums() -> Select[Any]:
    columns = (orders.c.total, orders.c.currency, orders.c.placed_at, orders.c.created_at)
    query = select(*columns).where(
        orders.c.status.is_(None) | orders.c.status.not_in(("cancelled", "failed", "refunded")),
        orders.c.erp_cancelled.is_(None) | orders.c.erp_cancelled.is_(False),
    )
    return _newest(query).limit(MAX_SUMMED)


def _newest(query: Select[Any]) -> Select[Any]:
    """Orders of the `contact`, the newest first."""
    query = query.where(orders.c.contact_id == bindparam("contact"), orders.c.deleted_at.is_(None))
    return query.order_by(orders.c.placed_at.desc(), orders.c.id.desc())


def duplicates_of(database: Database, contact_id: int) -> list[Row]:
    """Open pairs that this contact is in: {id, other, reason}, the others with their points."""
    with database.read() as db:
        found = as_dicts(db.execute(_pairs(), {"contact": contact_id}).mappings())
    for pair in found:
        one, other = pair["contact_id"], pair["other_id"]
        pair["other"] = other if one == contact_id else one
    others = contacts_by_id(database, [pair["other"] for pair in found])
    rows = {row["id"]: row for row in others}
    return [{**pair, "row": rows[pair["other"]]} for pair in found if pair["other"] in rows]


@cache
def _pairs() -> Select[Any]:
    pairs = possible_duplicates.c
    contact: BindParameter[int] = bindparam("contact")
    return (
        select(possible_duplicates)
        .where(pairs.status == "open", or_(pairs.contact_id == contact, pairs.other_id == contact))
        .order_by(pairs.id.desc())
        .limit(20)
    )


def pair_of(database: Database, one: int, other: int) -> Row | None:
    """The possible duplicate these two are, whatever its status."""
    query = select(possible_duplicates).where(
        possible_duplicates.c.contact_id == min(one, other),
        possible_duplicates.c.other_id == max(one, other),
    )
    with database.read() as db:
        row = db.execute(query).mappings().first()
    return dict(row) if row else None


def weight_of(db: Connection, contact_id: int) -> Mapping[str, int | datetime | None]:
    """How much hangs on a contact, up to 1000 of a kind: for who is kept in a merge."""
    query = select(timeline.c.kind).where(timeline.c.contact_id == contact_id).limit(1000)
    counted: dict[str, int] = defaultdict(int)
    for kind in db.scalars(query):
        counted[kind] += 1
    return dict(counted)
