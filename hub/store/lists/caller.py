"""What a manager wants to know of a client in the second before they pick up."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, select

from hub.store.database import Database
from hub.store.lists.paging import Row, as_dicts
from hub.store.models import calls, contacts, deals, leads, orders, stock_levels

LAST_ORDERS: Final = 3
OPEN_DEALS: Final = 3
GOODS: Final = 3
#: A lead or deal in one of these is settled, whatever words the source has besides.
_SETTLED: Final = ("won", "lost", "closed", "done", "rejected", "completed", "cancelled")


def about(database: Database, contact_id: int | None, call_id: int) -> Row:
    """The client of a call: `contact`, last `orders`, open `leads` and `deals`, last `talk`, and
    `goods` of the last order with what is in stock. Empty for a caller nobody knows."""
    empty: Row = {
        "contact": None,
        "orders": [],
        "leads": [],
        "deals": [],
        "talk": None,
        "goods": [],
    }
    if contact_id is None:
        return empty
    with database.read() as db:
        contact = db.execute(select(contacts).where(contacts.c.id == contact_id)).mappings().first()
        if contact is None:
            return empty
        last_orders = _orders(db, contact_id)
        return {
            "contact": dict(contact),
            "orders": last_orders,
            "leads": _open(db, leads, leads.c.status, contact_id),
            "deals": _open(db, deals, deals.c.stage, contact_id),
            "talk": _talk(db, contact_id, call_id),
            "goods": _goods(db, last_orders[0]["lines"] if last_orders else []),
        }


def _orders(db: Connection, contact_id: int) -> list[Row]:
    columns = ("id", "number", "status", "placed_at", "total", "currency", "erp_status", "lines")
    query = (
        select(*(orders.c[name] for name in columns))
        .where(orders.c.contact_id == contact_id, orders.c.deleted_at.is_(None))
        .order_by(orders.c.placed_at.desc().nulls_last(), orders.c.id.desc())
        .limit(LAST_ORDERS)
    )
    return as_dicts(db.execute(query).mappings())


def _open(db: Connection, table: Any, state: Any, contact_id: int) -> list[Row]:
    query = (
        select(table.c.id, table.c.title, state.label("state"), table.c.amount, table.c.currency)
        .where(table.c.contact_id == contact_id, table.c.deleted_at.is_(None))
        .where(state.is_(None) | state.not_in(_SETTLED))
        .order_by(table.c.id.desc())
        .limit(OPEN_DEALS)
    )
    if "closed_at" in table.c:
        query = query.where(table.c.closed_at.is_(None))
    return as_dicts(db.execute(query).mappings())


def _talk(db: Connection, contact_id: int, call_id: int) -> Row | None:
    columns = ("id", "started_at", "talk_seconds", "manager", "direction")
    query = (
        select(*(calls.c[name] for name in columns))
        .where(
            calls.c.contact_id == contact_id,
            calls.c.id != call_id,
            calls.c.status == "answered",
            calls.c.deleted_at.is_(None),
        )
        .order_by(calls.c.started_at.desc(), calls.c.id.desc())
        .limit(1)
    )
    row = db.execute(query).mappings().first()
    return dict(row) if row is not None else None


def _goods(db: Connection, lines: list[dict[str, Any]]) -> list[Row]:
    """The first goods of an order with the free quantity of all warehouses together."""
    wanted = {line["sku"]: line for line in lines if line.get("sku")}
    chosen = list(wanted)[:GOODS]
    if not chosen:
        return []
    columns = (stock_levels.c.sku, stock_levels.c.available, stock_levels.c.quantity)
    query = select(*columns).where(
        stock_levels.c.sku.in_(chosen), stock_levels.c.removed_at.is_(None)
    )
    free: dict[str, Any] = {}
    for row in db.execute(query):
        amount = row.available if row.available is not None else row.quantity
        if amount is not None:
            free[row.sku] = free.get(row.sku, 0) + amount
    return [
        {"sku": sku, "name": wanted[sku].get("name") or sku, "free": free.get(sku)}
        for sku in chosen
    ]
