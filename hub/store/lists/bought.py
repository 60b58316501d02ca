"""Stock of what a client bought: the lines of the last orders, and what lies in the warehouses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select

from hub.store.database import Database
from hub.store.lists.paging import Row
from hub.store.lists.records import records_by_id
from hub.store.models import bindings, connections, products, stock_levels

MAX_ITEMS: Final = 8
MAX_LEVELS: Final = 200


def bought_stock(database: Database, last_orders: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Items of these orders, the newest first: {name, sku, quantity, levels}, each level with
    `as_of` and its warehouse; items that no source of stock knows have none."""
    items = _items(last_orders)
    if not items:
        return []
    skus = [item["sku"] for item in items if item["sku"]]
    given = [item["product_external_id"] for item in items if item["product_external_id"]]
    keys = [*given, *(f"sku:{sku}" for sku in skus), *skus]
    every = select(connections.c.id)
    with database.read() as db:
        goods = dict[int, str]()
        known = select(products.c.id, products.c.sku).where(products.c.sku.in_(skus))
        for row in db.execute(known.limit(MAX_LEVELS)):
            goods[row.id] = row.sku
        bound = select(bindings.c.record_id, bindings.c.external_id).where(
            bindings.c.connection_id.in_(every),
            bindings.c.entity == "product",
            bindings.c.external_id.in_(given),
        )
        named: dict[int, str] = {row.record_id: row.external_id for row in db.execute(bound)}
        levels, ids = stock_levels.c, list[int]()
        for condition in (
            levels.product_id.in_([*goods, *named]),
            levels.connection_id.in_(every) & levels.item_key.in_(keys),
        ):
            found = select(levels.id).where(condition, levels.removed_at.is_(None))
            ids += db.scalars(found.limit(MAX_LEVELS))
    rows = records_by_id(database, "stock", list(dict.fromkeys(ids)))
    for item in items:
        item["levels"] = [row for row in rows if _is_of(row, item, goods, named)]
    return items


def _items(last_orders: Sequence[Mapping[str, Any]]) -> list[Row]:
    found: dict[str, Row] = {}
    for order in last_orders:
        for line in order["lines"] or ():
            if not isinstance(line, Mapping):
                continue
            sku, given = str(line.get("sku") or ""), str(line.get("product_external_id") or "")
            key = sku or given
            if key and key not in found and len(found) < MAX_ITEMS:
                found[key] = {
                    "sku": sku,
                    "product_external_id": given,
                    "name": line.get("name") or sku or given,
                    "quantity": line.get("quantity"),
                    "order": order,
                }
    return list(found.values())


def _is_of(row: Row, item: Row, goods: Mapping[int, str], named: Mapping[int, str]) -> bool:
    sku, given = item["sku"], item["product_external_id"]
    if sku and sku in (row["sku"], goods.get(row["product_id"])):
        return True
    return bool(given) and given in (row["item_key"], named.get(row["product_id"]))
