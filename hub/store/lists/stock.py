"""What pages and the API show of stock beside its rows: owners, days, thresholds, what was sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Numeric, Select, and_, bindparam, cast, delete, func, select

from hub.store import stock_history, stock_out
from hub.store.database import Database, insert_for
from hub.store.lists.paging import ListPage, Order, Row, connection_id_of, fetch_page
from hub.store.models import (
    bindings,
    connections,
    cursors,
    possible_products,
    products,
    stock_levels,
    stock_sent,
    stock_thresholds,
)
from hub.store.stock_history import DayLevel

_OWNING = ("id", "product_id", "connection_id", "variant_key", "warehouse", "warehouse_key")


def mark_owners(database: Database, rows: Sequence[Row], priority: Sequence[int]) -> None:
    """Add `is_owner` to levels: whether this connection's word counts where several tell of one
    product in one warehouse."""
    ids = {row["product_id"] for row in rows if row["product_id"] is not None}
    told: dict[int, list[Any]] = defaultdict(list)
    if ids:
        with database.read() as db:
            for level in db.execute(_told_of(), {"ids": list(ids)}).mappings():
                told[level["product_id"]].append(level)
    owning = {key for group in told.values() for key in stock_out.owners(group, priority)}
    for row in rows:
        row["is_owner"] = row["product_id"] is None or row["id"] in owning


@cache
def _told_of() -> Select[Any]:
    """What each connection tells of the products with these `ids`."""
    levels = stock_levels.c
    as_of = func.coalesce(levels.as_of, cursors.c.fresh_at, levels.updated_at).label("as_of")
    of_stream = and_(
        cursors.c.connection_id == levels.connection_id, cursors.c.stream == levels.stream
    )
    return (
        select(*(levels[name] for name in _OWNING), as_of)
        .select_from(stock_levels.outerjoin(cursors, of_stream))
        .where(levels.product_id.in_(bindparam("ids", expanding=True)), levels.removed_at.is_(None))
    )


def level_days(
    database: Database, level_id: int, first: date, last: date, zone: ZoneInfo
) -> list[DayLevel]:
    """The level at the end of each of these days, oldest first; see `stock_history.daily`."""
    return levels_days(database, [level_id], first, last, zone).get(level_id, [])


def levels_days(
    database: Database, level_ids: Sequence[int], first: date, last: date, zone: ZoneInfo
) -> dict[int, list[DayLevel]]:
    """The same of several levels, by their ids."""
    with database.read() as db:
        return stock_history.daily(db, level_ids, first, last, zone)


def set_threshold(
    db: Connection, level_id: int, minimum: Decimal | None, actor: str, now: datetime
) -> None:
    """From this free quantity down the level is low; None: it never is."""
    if minimum is None:
        db.execute(delete(stock_thresholds).where(stock_thresholds.c.level_id == level_id))
        return
    values = {"minimum": minimum, "actor": actor, "updated_at": now}
    statement = insert_for(db, stock_thresholds).values(level_id=level_id, **values)
    db.execute(statement.on_conflict_do_update(index_elements=["level_id"], set_=values))


def list_sent(
    database: Database,
    connection: str = "",
    status: str = "",
    limit: int = 50,
    cursor: str | None = None,
) -> ListPage:
    """What shops were told of their products, by product; `connection` is the shop's name."""
    sent = stock_sent.c
    query = select(stock_sent, connections.c.name.label("connection")).join_from(
        stock_sent, connections, connections.c.id == sent.connection_id
    )
    if status:
        query = query.where(sent.status == status)
    with database.read() as db:
        if connection:
            query = query.where(sent.connection_id == connection_id_of(db, connection))
        return fetch_page(db, query, Order(sent.id), limit, cursor)


def sent_counts(database: Database) -> list[Row]:
    """Per shop: {connection, title, sent, refused, absent, last_at}."""
    found: dict[int, Row] = {}
    with database.read() as db:
        names = {row.id: row for row in db.execute(select(connections))}
        for row in stock_out.counts(db):
            shop = names[row["connection_id"]]
            entry = found.setdefault(
                shop.id,
                {"connection": shop.name, "title": shop.title or shop.name, "sent": 0}
                | {"refused": 0, "absent": 0, "last_at": row["last_at"]},
            )
            entry[row["status"]] = row["count"]
            entry["last_at"] = max(entry["last_at"], row["last_at"])
    return list(found.values())


def list_pairs(database: Database, status: str = "", limit: int = 20) -> list[Row]:
    """Products that may be one, the newest pair first: each side with `name`, `sku`, `barcode` and
    the titles of the connections that know it. No status: the settled ones."""
    pairs = possible_products.c
    query = select(possible_products).order_by(pairs.id.desc()).limit(limit)
    query = query.where(pairs.status == status if status else pairs.status != "open")
    with database.read() as db:
        found = [dict(row) for row in db.execute(query).mappings()]
        ids = {pair[side] for pair in found for side in ("product_id", "other_id")}
        sides: dict[int, Row] = {
            row["id"]: {**row, "known_to": []}
            for row in db.execute(select(products).where(products.c.id.in_(ids))).mappings()
        }
        known = (
            select(bindings.c.record_id, connections.c.title, connections.c.name)
            .join(connections, connections.c.id == bindings.c.connection_id)
            .where(bindings.c.entity == "product", bindings.c.record_id.in_(ids))
        )
        for row in db.execute(known):
            sides[row.record_id]["known_to"].append(row.title or row.name)
    for pair in found:
        pair["one"], pair["other"] = sides.get(pair["product_id"]), sides.get(pair["other_id"])
    return [pair for pair in found if pair["one"] and pair["other"]]


def low_count(database: Database) -> int:
    """How many levels are at their threshold or below."""
    levels, low = stock_levels.c, stock_thresholds.c
    free = cast(func.coalesce(levels.available, levels.quantity), Numeric)
    query = (
        select(func.count())
        # «+ 0» keeps SQLite from walking all levels and looking for a threshold of each.
        .select_from(stock_thresholds.join(stock_levels, levels.id == low.level_id + 0))
        .where(levels.removed_at.is_(None), free <= cast(low.minimum, Numeric))
    )
    with database.read() as db:
        return int(db.scalar(query) or 0)
