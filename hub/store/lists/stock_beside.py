"""What stands beside the stock of a product: its category's neighbours, orders that wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select

from hub.store.database import Database
from hub.store.lists.in_use import values_in_use
from hub.store.lists.paging import Row
from hub.store.models import orders, stock_items

#: Open orders that are looked through for one product.
OPEN_ORDERS: Final = 500


def list_categories(database: Database) -> list[str]:
    """The categories that products in stock are of, by name."""
    with database.read() as db:
        return values_in_use(db, stock_items.c.category)


def open_orders_with(
    database: Database, item: Row, stages: Sequence[str], limit: int = 20
) -> list[Row]:
    """Orders in these stages that hold the product, newest first, with the `wanted` quantity;
    among the newest OPEN_ORDERS of them."""
    columns = [orders.c[name] for name in ("id", "number", "external_id", "status", "stage")]
    columns += [orders.c[name] for name in ("placed_at", "created_at", "contact_id", "lines")]
    queries = (
        select(*columns)
        .where(orders.c.stage == stage, orders.c.deleted_at.is_(None))
        .order_by(orders.c.placed_at.desc(), orders.c.id.desc())
        .limit(OPEN_ORDERS)
        for stage in stages
    )
    skus = {item["sku"]} - {""}
    ids = {item["item_key"]} | {level["item_key"] for level in item["levels"]}
    found: list[Row] = []
    with database.read() as db:
        rows = [dict(row) for query in queries for row in db.execute(query).mappings()]
    rows.sort(key=lambda row: (row["placed_at"] or row["created_at"], row["id"]), reverse=True)
    for row in rows[:OPEN_ORDERS]:
        wanted = sum((_wanted(line, skus, ids) for line in row["lines"] or ()), Decimal(0))
        if wanted and len(found) < limit:
            found.append({**row, "wanted": wanted})
    return found


def _wanted(line: Any, skus: set[str], ids: set[str]) -> Decimal:
    if not isinstance(line, Mapping):
        return Decimal(0)
    if line.get("sku") not in skus and line.get("product_external_id") not in ids:
        return Decimal(0)
    try:
        return Decimal(str(line.get("quantity") or 0))
    except ArithmeticError:
        return Decimal(0)
