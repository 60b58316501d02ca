"""What hangs on a product record: possible doubles, stock levels, what shops were told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from hub.store.database import insert_for
from hub.store.models import possible_products, stock_levels, stock_sent
from hub.store.plain import run_many

#: A product's external id, its record, and the record's values.
Link = tuple[str, int, Mapping[str, Any]]


def suspect(db: Connection, pairs: Iterable[tuple[int, int, str]], now: datetime) -> None:
    """List pairs (product, other, reason) that may be one product; a known pair stays as it is."""
    rows = [
        {
            "product_id": min(one, other),
            "other_id": max(one, other),
            "reason": reason,
            "status": "open",
            "created_at": now,
        }
        for one, other, reason in pairs
        if one != other
    ]
    if rows:
        db.execute(insert_for(db, possible_products).on_conflict_do_nothing(), rows)


def link(db: Connection, space: Sequence[int], links: Sequence[Link], now: datetime) -> None:
    """Products became known to the first connection of a space: its stock points to them.

    A characteristic is known by `<product>#<characteristic>`, or by the fields
    `parent_external_id` and `variant_external_id`; its levels go before the whole product's.
    """
    levels = stock_levels.c
    if db.scalar(select(levels.id).where(levels.connection_id.in_(space)).limit(1)) is not None:
        whole, variants = [], []
        for key, record_id, row in links:
            item, _, variant = key.partition("#")
            variant = variant or str(row.get("variant_external_id") or "")
            if variant:
                item = item if "#" in key else str(row.get("parent_external_id") or key)
                variants.append((record_id, now, item, variant))
            else:
                whole.append((record_id, now, item))
        for connection_id in space:
            _point(db, _WHOLE, connection_id, whole)
            _point(db, _VARIANT, connection_id, variants)
    _look_again(db, space[0], links, now)


#: By the key's leading columns, whose index finds the levels of one product.
_WHOLE = (
    "UPDATE stock_levels SET product_id = ?, updated_at = ?"
    " WHERE connection_id = {} AND item_key = ? AND product_id IS NULL"
)
_VARIANT = (
    "UPDATE stock_levels SET product_id = ?, updated_at = ?"
    " WHERE connection_id = {} AND item_key = ? AND variant_external_id = ?"
)


def _point(
    db: Connection, statement: str, connection_id: int, rows: Sequence[tuple[Any, ...]]
) -> None:
    if rows:
        run_many(db, statement.format(int(connection_id)), rows)


def _look_again(db: Connection, connection_id: int, links: Sequence[Link], now: datetime) -> None:
    """What a shop did not have it may have now: the next stock run asks again."""
    sent = stock_sent.c
    absent = (sent.connection_id == connection_id, sent.status == "absent")
    if db.scalar(select(sent.target).where(*absent).limit(1)) is None:
        return
    targets = [f"p:{record_id}" for _, record_id, _ in links]
    skus = [str(row["sku"]) for _, _, row in links if row.get("sku")]
    again = update(stock_sent).where(*absent).values(retry_at=now)
    db.execute(again.where(sent.target.in_(targets)))
    db.execute(again.where(sent.sku.in_(skus)))


def forget_sent(db: Connection, records: Sequence[int]) -> None:
    """These products are not what they were: shops are told of them anew."""
    targets = [f"p:{record_id}" for record_id in records]
    db.execute(delete(stock_sent).where(stock_sent.c.target.in_(targets)))
