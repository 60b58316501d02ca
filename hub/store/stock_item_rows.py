"""Items of stock made from the levels they have; see `stock_items`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Select, and_, func, select

from hub.store import bulk, stock_out
from hub.store.database import insert_for
from hub.store.models import (
    cursors,
    products,
    stock_items,
    stock_levels,
    stock_places,
    stock_thresholds,
)
from hub.store.spelling import plain_letters

_MAX_SORT: Final = 80
Row = Mapping[Any, Any]
_T = TypeVar("_T")
#: What a level's item is known by.
KEYED = ("id", "connection_id", "product_id", "item_key", "variant_key")
LEVEL = (
    "id", "connection_id", "product_id", "item_key", "variant_key", "warehouse", "warehouse_key",
    "warehouse_external_id", "sku", "product_name", "variant", "quantity", "available",
)  # fmt: skip
_ITEM = (
    "key", "product_id", "connection_id", "item_key", "variant_key", "sku", "barcode", "name",
    "variant", "category", "sort_name", "free", "is_low", "places", "stocked", "sources",
    "search_text", "updated_at",
)  # fmt: skip
_NEWEST = "ON CONFLICT (key) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in _ITEM if name != "key"
)


def item_key(row: Row) -> str:
    """The key of the item that a level belongs to."""
    if row["product_id"] is not None:
        return f"p{row['product_id']}:{row['variant_key']}"
    return f"c{row['connection_id']}:{row['item_key']}:{row['variant_key']}"


def place_key(row: Row) -> str:
    """What names a level's warehouse across systems: its name, else its id."""
    return str(row["warehouse"]).casefold() or str(row["warehouse_key"])


@dataclass
class Made:
    """Items made anew, and those that are no more."""

    rows: list[dict[str, Any]]
    gone: set[str]
    #: New warehouses by key; the rows name their places by key until they are written.
    places: dict[str, str]

    @classmethod
    def of(
        cls,
        db: Connection,
        levels: Sequence[Row],
        product_ids: Iterable[int],
        priority: Sequence[int],
        now: datetime,
    ) -> Made:
        """The items of these levels and products, from all levels they have; `now` is their
        `updated_at`."""
        ids = {row["product_id"] for row in levels if row["product_id"] is not None}
        ids |= set(product_ids)
        loose = defaultdict(set)
        keys = {item_key(row) for row in levels}
        for row in levels:
            if row["product_id"] is None:
                loose[row["connection_id"]].add(row["item_key"])
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in _levels(db, ids, loose):
            groups[item_key(row)].append(row)
        known = _known(db, ids)
        # What a product's levels made before they made something else, and before it was known.
        gone = {key for key in known | keys if key not in groups}
        gone |= {item_key({**row, "product_id": None}) for row in levels if row["product_id"]}
        wanted = {key: rows for key, rows in groups.items() if key in keys or rows[0]["product_id"]}
        about, low = _about(db, ids), _low(db, wanted)
        dated = _dated(db, wanted.values())
        rows = [_item(key, told, about, low, dated, priority, now) for key, told in wanted.items()]
        places = {place_key(row): _name(row) for told in wanted.values() for row in told}
        return cls(rows, gone - wanted.keys(), places)

    def write(self, db: Connection) -> None:
        """Write them, in the caller's transaction."""
        numbers = _places(db, self.places)
        for row in self.rows:
            for name in ("places", "stocked"):
                row[name] = _listed(numbers[key] for key in row[name])
        bulk.insert_rows(db, stock_items, _ITEM, self.rows, _NEWEST)
        for keys in batched(sorted(self.gone), 500):
            db.execute(stock_items.delete().where(stock_items.c.key.in_(keys)))


def _levels(db: Connection, ids: set[int], loose: Mapping[int, set[str]]) -> list[Row]:
    """Every level of these products, and of these items without one."""
    levels = stock_levels.c
    query = select(*(levels[name] for name in LEVEL)).where(levels.removed_at.is_(None))
    found: list[Row] = []
    for part in batched(sorted(ids), 500):
        found += _read(db, query.where(levels.product_id.in_(part)))
    for connection_id, items in loose.items():
        mine = query.where(levels.connection_id == connection_id, levels.product_id.is_(None))
        for chunk in batched(sorted(items), 500):
            found += _read(db, mine.where(levels.item_key.in_(chunk)))
    return found


def _read(db: Connection, query: Select[Any]) -> list[Row]:
    # Rows by the hundred thousand: plain dictionaries are several times quicker than mappings.
    return [dict(zip(LEVEL, row, strict=True)) for row in db.execute(query).all()]


def _dated(db: Connection, groups: Iterable[Sequence[Row]]) -> dict[int, datetime]:
    """As of when levels are that several connections tell of: the fresher one counts."""
    ids = [
        row["id"]
        for told in groups
        if any(row["connection_id"] != told[0]["connection_id"] for row in told)
        for row in told
    ]
    levels = stock_levels.c
    of_stream = and_(
        cursors.c.connection_id == levels.connection_id, cursors.c.stream == levels.stream
    )
    as_of = func.coalesce(levels.as_of, cursors.c.fresh_at, levels.updated_at).label("as_of")
    query = select(levels.id, as_of).select_from(stock_levels.outerjoin(cursors, of_stream))
    found: dict[int, datetime] = {}
    for part in batched(ids, 500):
        found.update((row.id, row.as_of) for row in db.execute(query.where(levels.id.in_(part))))
    return found


def _known(db: Connection, ids: set[int]) -> set[str]:
    found: set[str] = set()
    for part in batched(sorted(ids), 500):
        found.update(
            db.scalars(select(stock_items.c.key).where(stock_items.c.product_id.in_(part)))
        )
    return found


def made_at(db: Connection, keys: set[str], moment: datetime) -> set[str]:
    """Those of the keys whose item bears this moment as its `updated_at`."""
    found: set[str] = set()
    query = select(stock_items.c.key).where(stock_items.c.updated_at == moment)
    for part in batched(sorted(keys), 500):
        found.update(db.scalars(query.where(stock_items.c.key.in_(part))))
    return found


def _about(db: Connection, ids: set[int]) -> dict[int, Row]:
    columns = [products.c[name] for name in ("id", "name", "sku", "barcode", "category", "variant")]
    found: dict[int, Row] = {}
    for part in batched(sorted(ids), 500):
        rows = db.execute(select(*columns).where(products.c.id.in_(part))).mappings()
        found.update((row["id"], row) for row in rows)
    return found


def _low(db: Connection, groups: Mapping[str, Sequence[Row]]) -> dict[int, Decimal]:
    ids = [row["id"] for told in groups.values() for row in told]
    low = stock_thresholds.c
    found: dict[int, Decimal] = {}
    if db.scalar(select(low.level_id).limit(1)) is None:
        return found
    for part in batched(ids, 500):
        rows = db.execute(select(low.level_id, low.minimum).where(low.level_id.in_(part)))
        found.update((row.level_id, row.minimum) for row in rows)
    return found


def free_of(row: Row) -> Decimal:
    """What of a level may be sold."""
    number = row["quantity"] if row["available"] is None else row["available"]
    return Decimal(number)


def _item(
    key: str,
    told: Sequence[Row],
    about: Mapping[int, Row],
    low: Mapping[int, Decimal],
    dated: Mapping[int, datetime],
    priority: Sequence[int],
    now: datetime,
) -> dict[str, Any]:
    first = told[0]
    counted = list(told)
    if any(row["connection_id"] != first["connection_id"] for row in told):
        moments = [{**row, "as_of": dated[row["id"]]} for row in told]
        owning = stock_out.owners(moments, priority)
        counted = [row for row in told if row["id"] in owning]
    product: Row = about.get(first["product_id"] or 0, {})
    words = {
        "sku": _first(told, "sku") or product.get("sku") or "",
        "name": _first(told, "product_name") or product.get("name") or "",
        "variant": _first(told, "variant") or product.get("variant") or "",
        "barcode": product.get("barcode") or "",
    }
    name = words["name"] or words["sku"] or first["item_key"]
    return {
        "key": key,
        **{name: first[name] for name in ("product_id", "connection_id", "item_key")},
        "variant_key": first["variant_key"],
        **words,
        "category": product.get("category") or "",
        "sort_name": plain_letters(str(name))[:_MAX_SORT],
        "free": float(sum((free_of(row) for row in counted), Decimal(0))),
        "is_low": any(free_of(row) <= low[row["id"]] for row in counted if row["id"] in low),
        "places": {place_key(row) for row in told},
        "stocked": {place_key(row) for row in counted if free_of(row) > 0},
        "sources": _listed(row["connection_id"] for row in told),
        "search_text": "\n".join(
            dict.fromkeys(plain_letters(str(word)) for word in words.values() if word)
        ),
        "updated_at": now,
    }


def _first(told: Sequence[Row], name: str) -> str:
    return next((str(row[name]) for row in told if row[name]), "")


def _name(row: Row) -> str:
    return str(row["warehouse"] or row["warehouse_external_id"] or row["warehouse_key"])


def _listed(numbers: Iterable[int]) -> str:
    found = sorted(set(numbers))
    return f"|{'|'.join(map(str, found))}|" if found else ""


def _places(db: Connection, names: Mapping[str, str]) -> dict[str, int]:
    """The numbers of these warehouses; new ones are given one."""
    query = select(stock_places.c.key, stock_places.c.id)
    found = {row.key: row.id for row in db.execute(query)}
    fresh = [{"key": key, "name": name} for key, name in names.items() if key not in found]
    if fresh:
        db.execute(insert_for(db, stock_places).on_conflict_do_nothing(), fresh)
        found = {row.key: row.id for row in db.execute(query)}
    return found


def batched(values: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """The values in lists of this size."""
    them = list(values)
    for start in range(0, len(them), size):
        yield them[start : start + size]
