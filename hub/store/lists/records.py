"""CRM records: lists with filters, and one record."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Join,
    Select,
    Table,
    and_,
    bindparam,
    func,
    select,
)

from hub.store.database import Database
from hub.store.lists.among import id_among
from hub.store.lists.paging import ListPage, Order, Row, as_dicts, fetch_page
from hub.store.lists.people import add_points
from hub.store.lists.record_filters import (
    OCCURRED,
    RecordFilters,
    bound_ids,
    conditions,
    standing,
    table_of,
)
from hub.store.models import (
    bindings,
    connections,
    contacts,
    cursors,
    products,
    stock_levels,
    stock_thresholds,
)

_CUT_FROM_LISTS = frozenset({"parts", "search_text"})
#: What others tell of a level too.
_STOCK_TOLD = frozenset({stock_levels.c.as_of, stock_levels.c.is_deleted})


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
    `updated_since`) last changed first; «occurred» by when it happened (contacts: last activity);
    «name» by the name, first A.
    Merged contacts are never listed, deleted records only with `filters.deleted`.
    """
    filters = filters or RecordFilters()
    order = order or ("updated" if filters.updated_since else "id")
    with database.read() as db:
        page = None if cursor or order != "id" else _known_as(db, entity, filters, limit)
        if page is None:
            where = conditions(db, entity, table_of(entity), filters)
            page = fetch_records(db, entity, where, limit, cursor, order)
        if entity == "contact":
            add_points(db, page.items)
    return page


def _known_as(db: Connection, entity: str, filters: RecordFilters, limit: int) -> ListPage | None:
    """The records of one external id and nothing else, which programs ask for again and again;
    None where the list is another one or goes on. Its statements are made once."""
    plain = RecordFilters(external_id=filters.external_id, phone_region=filters.phone_region)
    if not filters.external_id or entity == "stock" or filters != plain:
        return None
    ids = bound_ids(db, entity, filters.external_id)
    if len(ids) > limit:
        return None
    if not ids:
        return ListPage([])
    by_one, by_many = _by_ids(entity)
    # A list of values is put into the statement's text anew each time.
    found = (
        db.execute(by_one, {"one": ids[0]}) if len(ids) == 1 else db.execute(by_many, {"ids": ids})
    )
    return ListPage(as_dicts(found.mappings()))


@cache
def _by_ids(entity: str) -> tuple[Select[Any], Select[Any]]:
    """The record of `one` id, and those of some `ids`, newest first."""
    table = table_of(entity)
    query = _select(entity, table, whole=False).where(*standing(table, deleted=False))
    many = query.where(table.c.id.in_(bindparam("ids", expanding=True)))
    return query.where(table.c.id == bindparam("one")), many.order_by(table.c.id.desc())


def fetch_records(
    db: Connection,
    entity: str,
    where: Sequence[ColumnElement[bool]],
    limit: int,
    cursor: str | None,
    order: str,
) -> ListPage:
    """A page of records that fulfil these conditions, in an order of `list_records`."""
    query = _select(entity, table_of(entity), whole=False).where(*where)
    return fetch_page(db, query, order_of(entity, order), limit, cursor)


def order_of(entity: str, name: str) -> Order:
    """An order of `list_records` by its name."""
    table = table_of(entity)
    by = {"id": None, "updated": "updated_at", "occurred": OCCURRED.get(entity, "updated_at")}
    by["name"] = "name"
    column = by[name]
    return Order(table.c.id, table.c[column] if column else None, name, name == "name")


def rows_of(db: Connection, entity: str, ids: Sequence[int]) -> list[Row]:
    """These records as a list shows them, in no order."""
    table = table_of(entity)
    query = _select(entity, table, whole=False).where(id_among(db, table, ids))
    return as_dicts(db.execute(query).mappings()) if ids else []


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


def records_by_id(database: Database, entity: str, ids: Sequence[int]) -> list[Row]:
    """These records as a list shows them, in order of id."""
    with database.read() as db:
        return sorted(rows_of(db, entity, ids), key=itemgetter("id"))


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


@cache
def _select(entity: str, table: Table, *, whole: bool) -> Select[Any]:
    left_out = () if whole else _CUT_FROM_LISTS
    columns = [
        column for column in table.c if column.name not in left_out and column not in _STOCK_TOLD
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
    """A level whose source names no time is as of the last good run of its stream; one that its
    source does not mark may be marked by its product. `low_threshold` where one is set."""
    stock = stock_levels.c
    as_of = func.coalesce(stock.as_of, cursors.c.fresh_at, stock.updated_at)
    joined = (
        source.outerjoin(
            cursors,
            and_(cursors.c.connection_id == stock.connection_id, cursors.c.stream == stock.stream),
        )
        .outerjoin(stock_thresholds, stock_thresholds.c.level_id == stock.id)
        .outerjoin(products, products.c.id == stock.product_id)
    )
    return query.add_columns(
        as_of.label("as_of"),
        func.coalesce(stock.is_deleted, products.c.is_deleted).label("is_deleted"),
        stock_thresholds.c.minimum.label("low_threshold"),
    ), joined
