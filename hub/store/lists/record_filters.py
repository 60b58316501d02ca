"""Which CRM records a list shows: filters, and the conditions they become."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import phonenumbers
from sqlalchemy import (
    ColumnElement,
    Connection,
    Numeric,
    Table,
    cast,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from hub.store.lists import narrowing, search
from hub.store.lists.among import id_among
from hub.store.lists.paging import connection_id_of, like
from hub.store.models import (
    ENTITY_TABLES,
    bindings,
    companies,
    contact_points,
    contacts,
    stock_levels,
    stock_thresholds,
)
from hub.store.plain import ask_plain

#: When the thing behind a record happened, where that differs from when the hub learnt of it.
OCCURRED = {
    "call": "started_at",
    "contact": "last_activity_at",
    "lead": "received_at",
    "message": "sent_at",
    "order": "placed_at",
    "task": "due_at",
}
#: What a lead, a deal or an order is worth.
WORTH = {"lead": "amount", "deal": "amount", "order": "total"}
ANY_DIFFERENCE = "any"
#: Written out, so that the indexes on this expression are used.
_NOBODY: ColumnElement[str] = literal_column("''")


@dataclass(frozen=True)
class RecordFilters:
    """What to list. An empty field does not filter.

    `since` and `until` (exclusive) are about when the thing happened, `updated_since` about when
    the hub last changed the record. `equal` holds (column, value) pairs:
    status, manager, sku …; the value None finds those without one.
    """

    phone: str = ""
    email: str = ""
    external_id: str = ""
    connection: str = ""
    updated_since: datetime | None = None
    q: str = ""
    contact_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    equal: tuple[tuple[str, Any], ...] = ()
    deleted: bool = False
    #: Stock that is at its threshold or below.
    low: bool = False
    #: Orders on which shop and accounting system differ: in this, or in ANY_DIFFERENCE.
    differs: str = ""
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    #: Contacts with a deal that is not closed.
    open_deals: bool = False
    #: Only what this manager may see: their own clients and those of nobody.
    seen_by: str = ""
    phone_region: str = "RU"


def table_of(entity: str) -> Table:
    """The table behind an entity, stock levels included."""
    return stock_levels if entity == "stock" else ENTITY_TABLES[entity]


def conditions(
    db: Connection, entity: str, table: Table, filters: RecordFilters
) -> list[ColumnElement[bool]]:
    """The WHERE of a list."""
    found = standing(table, deleted=filters.deleted)
    connection_id = connection_id_of(db, filters.connection) if filters.connection else None
    if filters.low:
        found.append(_is_low())
    if filters.external_id:
        found.append(_external(db, entity, table, filters.external_id, connection_id))
    if connection_id is not None:
        if entity == "contact" and not filters.external_id:
            found.append(narrowing.known_to(db, connection_id))
        else:
            found.append(_from_connection(entity, table, connection_id, filters.external_id))
    if filters.phone:
        found.append(_has_phone(entity, table, e164(filters.phone, filters.phone_region)))
    if filters.email:
        found.append(_has_point(table, "email", filters.email.strip().lower()))
    if filters.updated_since:
        found.append(table.c.updated_at >= filters.updated_since)
    if filters.contact_id is not None:
        found.append(table.c.contact_id == filters.contact_id)
    happened: ColumnElement[Any] = table.c[OCCURRED.get(entity, "updated_at")]
    if entity == "lead":
        # Sources seldom say when a lead came in.
        happened = func.coalesce(happened, table.c.created_at)
    if filters.since:
        found.append(happened >= filters.since)
    if filters.until:
        found.append(happened < filters.until)
    found += [_equals(db, entity, table, name, value) for name, value in filters.equal]
    found += _trade(entity, table, filters)
    if filters.open_deals:
        found.append(narrowing.with_open_deals(db))
    if filters.seen_by:
        found.append(seen(table, filters.seen_by))
    if filters.q and (words := search.condition(db, entity, table, filters.q)) is not None:
        found.append(words)
    return found


def standing(table: Table, *, deleted: bool) -> list[ColumnElement[bool]]:
    """What every list asks of its rows: not merged, and not gone unless `deleted` are wanted."""
    absent = ("merged_into_id",) if deleted else ("merged_into_id", "removed_at", "deleted_at")
    return [table.c[name].is_(None) for name in absent if name in table.c]


def _equals(
    db: Connection, entity: str, table: Table, name: str, value: Any
) -> ColumnElement[bool]:
    if table is contacts and name == "manager":
        return narrowing.managed_by(db, value)
    column: ColumnElement[Any] = table.c[name]
    if value is None or (name == "manager" and entity in WORTH):
        column = func.coalesce(column, _NOBODY)
        value = _NOBODY if value is None else value
    found: ColumnElement[bool] = column == value
    return found


def _trade(entity: str, table: Table, filters: RecordFilters) -> list[ColumnElement[bool]]:
    """Differences of orders, and what a record is worth."""
    found: list[ColumnElement[bool]] = []
    if filters.differs:
        found.append(table.c.differs.is_not(None))
        if filters.differs != ANY_DIFFERENCE:
            listed = literal_column("','").concat(table.c.differs).concat(literal_column("','"))
            found.append(listed.like(like(f",{filters.differs},"), escape="\\"))
    if filters.at_least is not None or filters.at_most is not None:
        # SQLite keeps exact numbers as text.
        worth = cast(table.c[WORTH[entity]], Numeric)
        if filters.at_least is not None:
            found.append(worth >= cast(filters.at_least, Numeric))
        if filters.at_most is not None:
            found.append(worth <= cast(filters.at_most, Numeric))
    return found


def seen(table: Table, email: str) -> ColumnElement[bool]:
    """A record is seen with its client; one of nobody's is seen by all."""
    if table is contacts:
        return narrowing.seen_by(email)
    if table is companies:
        return narrowing.firm_seen_by(email)
    if "contact_id" not in table.c:
        return true()
    theirs = exists().where(contacts.c.id == table.c.contact_id, ~narrowing.seen_by(email))
    # Lists join the clients for their names: these here are others.
    return ~theirs.correlate(table)


def _is_low() -> ColumnElement[bool]:
    levels, low = stock_levels.c, stock_thresholds.c
    # The list joins the thresholds; SQLite keeps exact numbers as text.
    free = cast(func.coalesce(levels.available, levels.quantity), Numeric)
    return free <= cast(low.minimum, Numeric)


def e164(phone: str, region: str) -> str:
    """A phone in any spelling as E.164; an extension or what is no phone as its digits."""
    # An unescaped «+» in a URL arrives as a space.
    text = f"+{phone.strip()}" if phone.startswith(" ") else phone.strip()
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and phonenumbers.is_possible_number(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return re.sub(r"[^0-9]", "", text) or text


def _has_phone(entity: str, table: Table, phone: str) -> ColumnElement[bool]:
    if entity == "call":
        # By the index of either number: asked with OR, SQLite walks the newest calls instead.
        sides = (
            select(table.c.id).where(number == phone)
            for number in (table.c.from_number, table.c.to_number)
        )
        return table.c.id.in_(union_all(*sides))
    return _has_point(table, "phone", phone)


def _has_point(table: Table, kind: str, value: str) -> ColumnElement[bool]:
    points = select(contact_points.c.contact_id).where(
        contact_points.c.kind == kind, contact_points.c.value == value
    )
    if table is contacts:
        return table.c.id.in_(points)
    if "contact_id" in table.c:
        return table.c.contact_id.in_(points)
    return table.c[kind] == value if kind in table.c else false()


def _external(
    db: Connection, entity: str, table: Table, external_id: str, connection_id: int | None
) -> ColumnElement[bool]:
    if entity == "stock":
        return table.c.product_external_id == external_id
    # Every record that came with an id is bound to it; a look through the table would find no more.
    return id_among(db, table, bound_ids(db, entity, external_id, connection_id))


def bound_ids(
    db: Connection, entity: str, external_id: str, connection_id: int | None = None
) -> Sequence[int]:
    """The records that have this id in some system, or in this one."""
    # Naming every connection lets the lookup use the unique index.
    anywhere = connection_id is None
    at = "IN (SELECT id FROM connections)" if anywhere else "= ?"
    given = (entity, external_id) if anywhere else (entity, external_id, connection_id)
    return [row[0] for row in ask_plain(db, _BOUND.format(at), given)]


_BOUND: Final = (
    "SELECT record_id FROM bindings WHERE entity = ? AND external_id = ? AND connection_id {}"
    " LIMIT 1000"
)


def _from_connection(
    entity: str, table: Table, connection_id: int, external_id: str
) -> ColumnElement[bool]:
    own: ColumnElement[bool] = table.c.connection_id == connection_id
    if entity not in ENTITY_TABLES:
        return own
    # One record may be known to several connections: a contact from the shop and the telephony.
    # Asked row by row, newest first: listing all that a connection knows would grow with history.
    bound = exists().where(
        bindings.c.connection_id == connection_id,
        bindings.c.entity == entity,
        bindings.c.record_id == table.c.id,
    )
    if external_id:
        bound = bound.where(bindings.c.external_id == external_id)
    return or_(own, bound)
