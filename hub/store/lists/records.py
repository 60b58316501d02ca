"""CRM records: lists with filters, and one record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import phonenumbers
from sqlalchemy import (
    ColumnElement,
    Connection,
    Join,
    Select,
    Table,
    and_,
    false,
    func,
    or_,
    select,
)

from hub.store.database import Database
from hub.store.lists.paging import (
    ListPage,
    Order,
    Row,
    as_dicts,
    connection_id_of,
    fetch_page,
    like,
    spellings,
)
from hub.store.lists.people import add_points
from hub.store.models import (
    ENTITY_TABLES,
    bindings,
    connections,
    contact_points,
    contacts,
    cursors,
    stock_levels,
)

#: When the thing behind a record happened, where that differs from when the hub learnt of it.
OCCURRED = {
    "call": "started_at",
    "contact": "last_activity_at",
    "lead": "received_at",
    "message": "sent_at",
    "order": "placed_at",
    "task": "due_at",
}
#: Columns that `q` looks into, besides the contact a record belongs to.
SEARCHED = {
    "contact": ("search_text",),
    "company": ("search_text",),
    "product": ("search_text",),
    "stock": ("search_text",),
    "lead": ("title", "campaign"),
    "deal": ("title",),
    "order": ("number",),
    "call": ("from_number", "to_number", "line_number"),
    "message": ("subject", "from_address"),
    "task": ("title",),
}
_PHONE_LIKE = re.compile(r"[\d\s()+.\-]+")
_CUT_FROM_LISTS = frozenset({"parts", "search_text"})


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
    phone_region: str = "RU"


def table_of(entity: str) -> Table:
    """The table behind an entity, stock levels included."""
    return stock_levels if entity == "stock" else ENTITY_TABLES[entity]


def list_records(
    database: Database,
    entity: str,
    filters: RecordFilters | None = None,
    limit: int = 50,
    cursor: str | None = None,
    order: str = "",
) -> ListPage:
    """Records of one entity with `connection` and `contact_name` joined; contacts with points.

    `order`: «id» newest record first, which no later change can shift; «updated» (default with
    `updated_since`) last changed first; «occurred» by when it happened (contacts: last activity).
    Merged contacts are never listed, deleted records only with `filters.deleted`.
    """
    filters = filters or RecordFilters()
    table = table_of(entity)
    order = order or ("updated" if filters.updated_since else "id")
    by = {"id": None, "updated": "updated_at", "occurred": OCCURRED.get(entity, "updated_at")}
    column = by[order]
    with database.read() as db:
        query = _select(entity, table, whole=False).where(*_conditions(db, entity, table, filters))
        sort = Order(table.c.id, table.c[column] if column else None, order)
        page = fetch_page(db, query, sort, limit, cursor)
        if entity == "contact":
            add_points(db, page.items)
    return page


def get_record(database: Database, entity: str, record_id: int) -> Row | None:
    """One record with every column, deleted or not; None when there is none.

    A merged contact answers with the data of the one that was kept, under its own id, and
    `merged_into_id` naming the kept one.
    """
    table = table_of(entity)
    with database.read() as db:
        row = _one(db, entity, table, record_id)
        if row is None or entity != "contact":
            return row
        kept = row
        for _ in range(20):
            if not kept["merged_into_id"]:
                break
            kept = _one(db, entity, table, kept["merged_into_id"]) or kept
        add_points(db, [kept])
    return kept if kept is row else {**kept, "id": row["id"], "merged_into_id": kept["id"]}


def related_bindings(database: Database, entity: str, record_id: int) -> list[Row]:
    """Which connections know this record, and by which external id."""
    with database.read() as db:
        query = (
            select(
                connections.c.name.label("connection"),
                connections.c.title.label("connection_title"),
                bindings.c.external_id,
            )
            .join(connections, connections.c.id == bindings.c.connection_id)
            .where(bindings.c.entity == entity, bindings.c.record_id == record_id)
            .order_by(bindings.c.id)
        )
        return as_dicts(db.execute(query).mappings())


def _one(db: Connection, entity: str, table: Table, record_id: int) -> Row | None:
    found = db.execute(_select(entity, table, whole=True).where(table.c.id == record_id))
    row = found.mappings().first()
    return dict(row) if row is not None else None


def _select(entity: str, table: Table, *, whole: bool) -> Select[Any]:
    left_out = () if whole else _CUT_FROM_LISTS
    columns = [
        column
        for column in table.c
        if column.name not in left_out and column is not stock_levels.c.as_of
    ]
    query = select(*columns, connections.c.name.label("connection"))
    source = table.outerjoin(connections, connections.c.id == table.c.connection_id)
    if entity == "stock":
        query, source = _with_freshness(query, source)
    if "contact_id" in table.c:
        query = query.add_columns(contacts.c.name.label("contact_name"))
        source = source.outerjoin(contacts, contacts.c.id == table.c.contact_id)
    return query.select_from(source)


def _with_freshness(query: Select[Any], source: Join) -> tuple[Select[Any], Join]:
    """A level whose source names no time is as of the last good run of its stream."""
    stock = stock_levels.c
    as_of = func.coalesce(stock.as_of, cursors.c.fresh_at, stock.updated_at)
    joined = source.outerjoin(
        cursors,
        and_(cursors.c.connection_id == stock.connection_id, cursors.c.stream == stock.stream),
    )
    return query.add_columns(as_of.label("as_of")), joined


def _conditions(
    db: Connection, entity: str, table: Table, filters: RecordFilters
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    connection_id = connection_id_of(db, filters.connection) if filters.connection else None
    if entity == "contact":
        found.append(table.c.merged_into_id.is_(None))
    if "deleted_at" in table.c and not filters.deleted:
        found.append(table.c.deleted_at.is_(None))
    if filters.external_id:
        found.append(_external(db, entity, table, filters.external_id, connection_id))
    if connection_id is not None:
        found.append(_from_connection(entity, table, connection_id, filters.external_id))
    if filters.phone:
        found.append(_has_phone(entity, table, e164(filters.phone, filters.phone_region)))
    if filters.email:
        found.append(_has_point(table, "email", filters.email.strip().lower()))
    if filters.updated_since:
        found.append(table.c.updated_at >= filters.updated_since)
    if filters.contact_id is not None:
        found.append(table.c.contact_id == filters.contact_id)
    happened = table.c[OCCURRED.get(entity, "updated_at")]
    if filters.since:
        found.append(happened >= filters.since)
    if filters.until:
        found.append(happened < filters.until)
    found += [
        func.coalesce(table.c[name], "") == "" if value is None else table.c[name] == value
        for name, value in filters.equal
    ]
    found += [_contains(entity, table, word) for word in _words(filters.q)]
    return found


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
        return or_(table.c.from_number == phone, table.c.to_number == phone)
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
    query = select(bindings.c.record_id).where(
        # Naming every connection lets the lookup use the unique index.
        bindings.c.connection_id.in_(select(connections.c.id))
        if connection_id is None
        else bindings.c.connection_id == connection_id,
        bindings.c.entity == entity,
        bindings.c.external_id == external_id,
    )
    ids = list(db.scalars(query.limit(1000)))
    return table.c.id.in_(ids) if ids else table.c.external_id == external_id


def _from_connection(
    entity: str, table: Table, connection_id: int, external_id: str
) -> ColumnElement[bool]:
    own: ColumnElement[bool] = table.c.connection_id == connection_id
    if entity not in ENTITY_TABLES:
        return own
    # One record may be known to several connections: a contact from the shop and the telephony.
    bound = select(bindings.c.record_id).where(
        bindings.c.connection_id == connection_id, bindings.c.entity == entity
    )
    if external_id:
        bound = bound.where(bindings.c.external_id == external_id)
    return or_(own, table.c.id.in_(bound))


def _words(q: str) -> list[str]:
    text = q.strip()
    if _PHONE_LIKE.fullmatch(text) and sum(map(str.isdigit, text)) >= 4:
        return [text]
    return text.split()[:8]


def _contains(entity: str, table: Table, word: str) -> ColumnElement[bool]:
    patterns = list(spellings(word))
    digits = re.sub(r"[^0-9]", "", word)
    if _PHONE_LIKE.fullmatch(word) and len(digits) >= 4:
        patterns.append(digits)
        if digits[0] == "8":
            # 8 916 … is what people type for +7 916 …
            patterns.append("7" + digits[1:])
    found = [
        table.c[name].ilike(like(pattern), escape="\\")
        for name in SEARCHED[entity]
        for pattern in patterns
    ]
    if "contact_id" in table.c:
        person = [
            contacts.c.search_text.like(like(pattern.lower()), escape="\\")
            for pattern in dict.fromkeys(pattern.lower() for pattern in patterns)
        ]
        found.append(table.c.contact_id.in_(select(contacts.c.id).where(or_(*person))))
    return and_(or_(*found))
