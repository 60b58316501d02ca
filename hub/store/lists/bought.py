"""Stock of what a client bought: the lines of the last orders, and what lies in the warehouses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import BindParameter, CompoundSelect, bindparam, literal, select, union, union_all

from hub.store.database import Database
from hub.store.lists.paging import Row
from hub.store.lists.records import records_by_id
from hub.store.models import bindings, connections, products, stock_levels

MAX_ITEMS: Final = 8
MAX_LEVELS: Final = 200
_EVERY_CONNECTION: Final = select(connections.c.id)


def bought_stock(database: Database, last_orders: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Items of these orders, the newest first: {name, sku, quantity, levels}, each level with
    `as_of` and its warehouse; items that no source of stock knows have none."""
    items = _items(last_orders)
    if not items:
        return []
    skus = [item["sku"] for item in items if item["sku"]]
    given = [item["product_external_id"] for item in items if item["product_external_id"]]
    with database.read() as db:
        known = db.execute(_products(), {"skus": skus, "given": given}).all()
        goods = {row.id: row.sku for row in known if row.sku}
        named = {row.id: row.external_id for row in known if row.external_id}
        keys = [*given, *(f"sku:{sku}" for sku in skus), *skus]
        ids = db.scalars(_levels(), {"ids": [*goods, *named], "keys": keys}).all()
    rows = records_by_id(database, "stock", ids)
    for item in items:
        item["levels"] = [row for row in rows if _is_of(row, item, goods, named)]
    return items


@cache
def _products() -> CompoundSelect[Any]:
    """{id, sku, external_id} of the products with these `skus` or `given` ids, one in a row."""
    empty = literal("")
    by_sku = select(products.c.id, products.c.sku, empty.label("external_id"))
    by_id = select(bindings.c.record_id, empty.label("sku"), bindings.c.external_id)
    return union_all(
        by_sku.where(products.c.sku.in_(_any_of("skus"))),
        by_id.where(
            bindings.c.connection_id.in_(_EVERY_CONNECTION),
            bindings.c.entity == "product",
            bindings.c.external_id.in_(_any_of("given")),
        ),
    ).limit(MAX_LEVELS)


@cache
def _levels() -> CompoundSelect[Any]:
    """Ids of the levels of these `ids` of products, and of those known by these `keys`."""
    levels = stock_levels.c
    ways = (
        levels.product_id.in_(_any_of("ids")),
        levels.connection_id.in_(_EVERY_CONNECTION) & levels.item_key.in_(_any_of("keys")),
    )
    found = select(levels.id).where(levels.removed_at.is_(None))
    return union(*(found.where(way) for way in ways)).limit(MAX_LEVELS)


def _any_of(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True)


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
