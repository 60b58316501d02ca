"""The stock page: products by keyset first, then the levels of those that are shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    func,
    select,
    union_all,
)

from hub.store import stock_out
from hub.store.database import Database
from hub.store.lists import stock_order
from hub.store.lists.among import among
from hub.store.lists.paging import ListPage, Row
from hub.store.models import (
    connections,
    cursors,
    products,
    stock_items,
    stock_levels,
    stock_places,
    stock_thresholds,
)
from hub.store.stock_item_rows import free_of, item_key, place_key

_LEVEL = (
    "id", "connection_id", "product_id", "item_key", "variant_key", "warehouse", "warehouse_key",
    "warehouse_external_id", "quantity", "reserved", "available", "price", "currency", "unit",
    "updated_at", "run_id", "event_id",
)  # fmt: skip
MAX_STEP: Final = 1000


@dataclass(frozen=True)
class StockFilters:
    """What to list. An empty field does not filter. `place` and `connection_id` are numbers."""

    q: str = ""
    place: int | None = None
    in_stock: bool = False
    low: bool = False
    category: str = ""
    connection_id: int | None = None


@dataclass
class Cell:
    """What lies in one warehouse, or in all of them: the levels that count, summed."""

    quantity: Decimal = Decimal(0)
    reserved: Decimal | None = None
    free: Decimal = Decimal(0)
    is_low: bool = False
    levels: list[Row] = field(default_factory=list)

    def add(self, level: Row) -> None:
        """Count one more level."""
        self.quantity += level["quantity"]
        if level["reserved"] is not None:
            self.reserved = (self.reserved or Decimal(0)) + level["reserved"]
        self.free += free_of(level)
        self.is_low = self.is_low or level["is_low"]
        self.levels.append(level)


def list_items(
    database: Database,
    filters: StockFilters,
    sort: str = "name",
    limit: int = 50,
    cursor: str | None = None,
    priority: Sequence[int] = (),
) -> ListPage:
    """Products in stock with `cells` {place: Cell}, `total`, `price`, `currency`, `unit`, `as_of`
    and `levels`. An exact article or barcode comes first, then, by name, names that begin with
    what was typed. CursorError for a foreign cursor."""
    limit = max(1, min(limit, MAX_STEP))
    after = stock_order.decode(cursor, sort) if cursor else None
    with database.read() as db:
        exact = _exact(db, filters)
        where = _conditions(filters)
        if exact:
            where.append(stock_items.c.id.not_in([row["id"] for row in exact]))
        query = select(stock_items).where(*where)
        rows, next_cursor = stock_order.next_rows(db, query, filters.q, sort, after, limit)
        rows = rows if after is not None else [*exact, *rows]
        add_levels(db, rows, priority)
    return ListPage(rows, next_cursor)


def get_item(database: Database, item_id: int, priority: Sequence[int] = ()) -> Row | None:
    """One product in stock, as `list_items` gives it; None when there is none."""
    with database.read() as db:
        found = (
            db.execute(select(stock_items).where(stock_items.c.id == item_id)).mappings().first()
        )
        if found is None:
            return None
        row = dict(found)
        add_levels(db, [row], priority)
        return row


def item_of_level(database: Database, level: Row) -> int | None:
    """The product in stock that a level belongs to, if it is made by now."""
    with database.read() as db:
        query = select(stock_items.c.id).where(stock_items.c.key == item_key(level))
        return db.scalar(query)


def item_of_product(database: Database, product_id: int) -> int | None:
    """The first product in stock of a product record."""
    with database.read() as db:
        query = select(stock_items.c.id).where(stock_items.c.product_id == product_id)
        return db.scalar(query.order_by(stock_items.c.id).limit(1))


def _conditions(filters: StockFilters) -> list[ColumnElement[bool]]:
    items = stock_items.c
    found: list[ColumnElement[bool]] = []
    if filters.in_stock and filters.place is not None:
        found.append(items.stocked.like(f"%|{filters.place}|%"))
    elif filters.in_stock:
        found.append(items.free > 0)
    elif filters.place is not None:
        found.append(items.places.like(f"%|{filters.place}|%"))
    if filters.low:
        found.append(items.is_low)
    if filters.category:
        found.append(items.category == filters.category)
    if filters.connection_id is not None:
        found.append(items.sources.like(f"%|{filters.connection_id}|%"))
    return found


def _exact(db: Connection, filters: StockFilters) -> list[Row]:
    """Products whose article or barcode is what was typed, a few at most."""
    q = filters.q.strip()
    if not q:
        return []
    items = stock_items.c
    sides = (
        select(items.id).where(column.in_({q, q.upper(), q.lower()}))
        for column in (items.sku, items.barcode)
    )
    query = select(stock_items).where(items.id.in_(union_all(*sides)), *_conditions(filters))
    return [dict(row) for row in db.execute(query.order_by(items.id).limit(20)).mappings()]


def add_levels(db: Connection, rows: Sequence[Row], priority: Sequence[int]) -> None:
    """Give the products their levels and all that is summed up from them."""
    told: dict[str, list[Row]] = defaultdict(list)
    for level in _levels(db, rows):
        told[item_key(level)].append(level)
    places = {row.key: row.id for row in db.execute(select(stock_places))}
    for row in rows:
        levels = told[row["key"]]
        owning = {level["id"] for level in levels}
        if len({level["connection_id"] for level in levels}) > 1:
            owning = stock_out.owners(levels, priority)
        cells: dict[int, Cell] = defaultdict(Cell)
        total = Cell()
        for level in levels:
            level["is_owner"] = level["id"] in owning
            if level["is_owner"]:
                cells[places.get(place_key(level), 0)].add(level)
                total.add(level)
        counted = total.levels
        row |= {"levels": levels, "cells": dict(cells), "total": total}
        row["as_of"] = min((level["as_of"] for level in counted), default=None)
        for name in ("price", "currency", "unit"):
            row[name] = next((one[name] for one in counted if one[name] is not None), None)
        row["is_deleted"] = any(level["is_deleted"] for level in counted)


def _levels(db: Connection, rows: Iterable[Row]) -> list[Row]:
    levels, low = stock_levels.c, stock_thresholds.c
    of_stream = and_(
        cursors.c.connection_id == levels.connection_id, cursors.c.stream == levels.stream
    )
    as_of = func.coalesce(levels.as_of, cursors.c.fresh_at, levels.updated_at)
    names = (*_LEVEL, "is_deleted", "as_of", "low_threshold", "connection")
    query = (
        select(
            *(levels[name] for name in _LEVEL),
            func.coalesce(levels.is_deleted, products.c.is_deleted),
            as_of,
            low.minimum,
            connections.c.name,
        )
        .select_from(
            stock_levels.outerjoin(cursors, of_stream)
            .outerjoin(stock_thresholds, low.level_id == levels.id)
            .outerjoin(products, products.c.id == levels.product_id)
            .join(connections, connections.c.id == levels.connection_id)
        )
        .where(levels.removed_at.is_(None))
    )
    known: list[int] = []
    loose: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        if row["key"].startswith("p"):
            known.append(row["product_id"])
        else:
            loose[row["connection_id"]].add(row["item_key"])
    found: list[Row] = []
    if known:
        of_products = query.where(among(db, levels.product_id, known))
        found += (dict(zip(names, row, strict=True)) for row in db.execute(of_products).all())
    for connection_id, items in loose.items():
        mine = query.where(
            levels.connection_id == connection_id, among(db, levels.item_key, sorted(items))
        )
        # A level that has got a product since is still this row's, until that is made anew.
        found += (
            {**dict(zip(names, row, strict=True)), "product_id": None}
            for row in db.execute(mine).all()
        )
    for level in found:
        minimum = level["low_threshold"]
        level["is_low"] = minimum is not None and free_of(level) <= minimum
    found.sort(key=lambda level: (place_key(level), level["id"]))
    return found


def list_places(database: Database) -> list[tuple[int, str]]:
    """Every warehouse, by name: (number, name); an empty name is «no warehouse»."""
    with database.read() as db:
        query = select(stock_places.c.id, stock_places.c.name).order_by(stock_places.c.name)
        return [(row.id, row.name) for row in db.execute(query.limit(500))]
