"""What shops are to be told of stock: levels changed since a cursor, summed up per product.

A target is one product as a shop is told of it: `p:<product record>` where the shop is known to
have the record, else `s:<sku>`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, literal, or_, select, tuple_

from hub.store import bulk
from hub.store.models import bindings, cursors, products, stock_levels, stock_sent

Row = Mapping[Any, Any]
_COLUMNS = (
    "id", "connection_id", "product_id", "sku", "product_name", "variant_key", "warehouse",
    "warehouse_key", "warehouse_external_id", "quantity", "reserved", "available", "updated_at",
)  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """Whose levels a shop counts, in which warehouses, and which number of them.

    `sources` are connection ids, the ones that go before others first; no `warehouses`: all.
    """

    shop_id: int
    sources: tuple[int, ...]
    warehouses: frozenset[str]
    number: str
    #: Of two connections that tell of one product and warehouse, the first named counts.
    priority: tuple[int, ...] = ()

    def counts(self, row: Row) -> bool:
        """Whether the shop counts this level."""
        names = {str(row["warehouse"]).casefold(), row["warehouse_external_id"]}
        return not self.warehouses or bool(self.warehouses & names)


@dataclass(frozen=True)
class Target:
    """One product of a shop and the number it should have."""

    key: str
    quantity: Decimal
    sku: str
    external_id: str
    name: str
    #: The SKU's levels belong to a product that the shop is known to have by now.
    superseded: bool = False


def changed_levels(
    db: Connection, rules: Rules, after: tuple[datetime, int] | None, limit: int
) -> list[Row]:
    """Levels written after this point, in the order they were written."""
    levels = stock_levels.c
    query = select(*(levels[name] for name in _COLUMNS)).where(
        levels.connection_id.in_(rules.sources)
    )
    if after is not None:
        moment = literal(after[0], levels.updated_at.type)
        query = query.where(tuple_(levels.updated_at, levels.id) > tuple_(moment, after[1]))
    query = query.order_by(levels.updated_at, levels.id).limit(limit)
    return [*db.execute(query).mappings()]


def keys_of(db: Connection, rules: Rules, rows: Iterable[Row]) -> list[str]:
    """The targets that these levels are part of."""
    rows = list(rows)
    known = _in_shop(db, rules.shop_id, {row["product_id"] for row in rows})
    return [key for key in dict.fromkeys(_key(row, known) for row in rows) if key]


def targets(db: Connection, rules: Rules, keys: Sequence[str]) -> list[Target]:
    """What these targets amount to now; one that no level speaks of any more is zero."""
    records = [int(key[2:]) for key in keys if key.startswith("p:")]
    skus = [key[2:] for key in keys if key.startswith("s:")]
    levels = stock_levels.c
    as_of = func.coalesce(levels.as_of, cursors.c.fresh_at, levels.updated_at)
    of_stream = and_(
        cursors.c.connection_id == levels.connection_id, cursors.c.stream == levels.stream
    )
    query = (
        select(*(levels[name] for name in _COLUMNS), as_of.label("as_of"))
        .select_from(stock_levels.outerjoin(cursors, of_stream))
        .where(levels.connection_id.in_(rules.sources), levels.removed_at.is_(None))
    )
    # Each by its own index.
    rows = {
        row["id"]: row
        for column, values in ((levels.product_id, records), (levels.sku, skus))
        if values
        for row in db.execute(query.where(column.in_(values))).mappings()
    }
    known = _in_shop(db, rules.shop_id, {row["product_id"] for row in rows.values()} | {*records})
    told = {row.id: row for row in db.execute(_product_query(records))} if records else {}
    parts: dict[str, list[Row]] = defaultdict(list)
    for row in rows.values():
        parts[_key(row, known)].append(row)
    passed_on = {f"s:{row['sku']}" for row in rows.values()} - parts.keys()
    found = []
    for key in keys:
        record = told.get(int(key[2:])) if key.startswith("p:") else None
        own = parts.get(key, [])
        sku = str(record.sku or "") if record else key[2:]
        sku = sku or next((str(row["sku"]) for row in own if row["sku"]), "")
        name = str(record.name or "") if record else ""
        name = name or next((str(row["product_name"]) for row in own), "")
        external_id = known.get(int(key[2:]), "") if key.startswith("p:") else ""
        amount = _amount(own, rules)
        found.append(Target(key, amount, sku, external_id, name, key in passed_on))
    return found


def owners(rows: Iterable[Row], priority: Sequence[int]) -> set[int]:
    """Of levels of one product, the ids of those that count: of two connections that tell of one
    variant in one warehouse the one named first in `priority`, else the fresher one."""
    places: dict[tuple[str, str], dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        # Two systems may call a warehouse by an id and by its name; the name both know.
        warehouse = str(row["warehouse"]).casefold() or str(row["warehouse_key"])
        places[(row["variant_key"], warehouse)][row["connection_id"]].append(row)
    rank = {key: number for number, key in enumerate(priority)}
    counted: set[int] = set()
    for told in places.values():
        owner = min(
            told,
            key=lambda one: (
                rank.get(one, len(rank)),
                -max(row["as_of"] for row in told[one]).timestamp(),
                one,
            ),
        )
        counted.update(row["id"] for row in told[owner])
    return counted


def _amount(rows: Sequence[Row], rules: Rules) -> Decimal:
    counted = [row for row in rows if rules.counts(row)]
    mine = owners(counted, rules.priority)
    numbers = [
        row["quantity"] if rules.number == "quantity" or row["available"] is None
        else row["available"]
        for row in counted
        if row["id"] in mine
    ]  # fmt: skip
    return sum(numbers, Decimal(0))


def _key(row: Row, known: Mapping[int, str]) -> str:
    if row["product_id"] in known:
        return f"p:{row['product_id']}"
    return f"s:{row['sku']}" if row["sku"] else ""


def _in_shop(db: Connection, shop_id: int, records: Collection[int | None]) -> dict[int, str]:
    """The shop's own ids of these products."""
    ids = sorted(key for key in records if key is not None)
    query = (
        select(bindings.c.record_id, func.min(bindings.c.external_id).label("external_id"))
        .where(
            bindings.c.connection_id == shop_id,
            bindings.c.entity == "product",
            bindings.c.record_id.in_(ids),
        )
        .group_by(bindings.c.record_id)
    )
    return {row.record_id: row.external_id for row in db.execute(query)} if ids else {}


def _product_query(ids: Sequence[int]) -> Any:
    return select(products.c.id, products.c.sku, products.c.name).where(products.c.id.in_(ids))


# What was sent.


def sent(db: Connection, shop_id: int, keys: Sequence[str]) -> dict[str, Row]:
    """What the shop was last told of these targets."""
    query = select(stock_sent).where(
        stock_sent.c.connection_id == shop_id, stock_sent.c.target.in_(keys)
    )
    return {row["target"]: row for row in db.execute(query).mappings()}


def due_again(
    db: Connection, shop_id: int, now: datetime, after: str, limit: int, *, every: bool
) -> list[str]:
    """Targets to look at although no level changed: what is to be asked again; `every`: all."""
    where: ColumnElement[bool] = stock_sent.c.retry_at <= now
    if every:
        where = or_(where, stock_sent.c.target != "")
    query = (
        select(stock_sent.c.target)
        .where(stock_sent.c.connection_id == shop_id, stock_sent.c.target > after, where)
        .order_by(stock_sent.c.target)
        .limit(limit)
    )
    return list(db.scalars(query))


_SENT = ("sku", "place", "name", "quantity", "told", "status", "message", "run_id", "updated_at",
         "retry_at")  # fmt: skip
_NEWEST = "ON CONFLICT (connection_id, target) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in _SENT
)


def remember(db: Connection, rows: Sequence[Row]) -> None:
    """Remember what a shop was told."""
    bulk.insert_rows(db, stock_sent, ("connection_id", "target", *_SENT), rows, _NEWEST)


def forget(db: Connection, shop_id: int, keys: Sequence[str]) -> None:
    """These targets are no more."""
    sent_rows = stock_sent.c
    db.execute(
        delete(stock_sent).where(sent_rows.connection_id == shop_id, sent_rows.target.in_(keys))
    )


def counts(db: Connection) -> list[Row]:
    """How many products each shop took, refused or does not have."""
    columns = (stock_sent.c.connection_id, stock_sent.c.status)
    query = select(*columns, func.count().label("count"), func.max(stock_sent.c.updated_at)
                   .label("last_at")).group_by(*columns)  # fmt: skip
    return [*db.execute(query).mappings()]
