"""Two products that may be one: a person says «the same» or «different», and may take it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from hub.sdk.errors import Rejected
from hub.store import product_links
from hub.store.database import utc_now
from hub.store.models import bindings, possible_products, products, stock_levels
from hub.store.store import Store


class ProductMergeError(Rejected):
    """These products cannot be judged so."""

    code = "merge"


def same(store: Store, pair_id: int, actor: str) -> int:
    """The pair is one product: the older record takes over what hangs on the other; its id.

    Nothing is deleted. ProductMergeError when the pair is settled or one of them is merged.
    """
    with store.database.write() as db:
        pair, now = _open(db, pair_id), utc_now()
        kept, merged = pair.product_id, pair.other_id
        both = list(
            db.execute(
                select(products)
                .where(products.c.id.in_((kept, merged)))
                .order_by(products.c.id)
                .with_for_update()
            )
        )
        if len(both) != 2 or any(row.merged_into_id for row in both):
            raise ProductMergeError("one of the products is merged already")
        moved = {"bindings": _bindings_of(db, merged), "levels": _levels_of(db, merged)}
        _move(db, moved, kept, now)
        _settle(db, pair_id, "same", actor, now, moved)
        _set_merged(db, merged, kept, now)
        product_links.forget_sent(db, (kept, merged))
    return int(kept)


def different(store: Store, pair_id: int, actor: str) -> None:
    """The pair is two products; it is not listed again."""
    with store.database.write() as db:
        _open(db, pair_id)
        _settle(db, pair_id, "different", actor, utc_now(), None)


def undo(store: Store, pair_id: int, actor: str) -> None:
    """Take a judgement back: what «the same» moved goes back, the pair is open again."""
    with store.database.write() as db:
        pair = _pair(db, pair_id)
        if pair.status == "open":
            raise ProductMergeError("the pair is not settled")
        now = utc_now()
        if pair.status == "same":
            kept = db.scalar(
                select(products.c.merged_into_id).where(products.c.id == pair.product_id)
            )
            if kept is not None:
                raise ProductMergeError("the kept product was merged later; undo that first")
            _move(db, pair.moved or {}, pair.other_id, now)
            _set_merged(db, pair.other_id, None, now)
            product_links.forget_sent(db, (pair.product_id, pair.other_id))
        _settle(db, pair_id, "open", actor, None, None)


def _pair(db: Connection, pair_id: int) -> Row[Any]:
    query = select(possible_products).where(possible_products.c.id == pair_id).with_for_update()
    pair = db.execute(query).first()
    if pair is None:
        raise ProductMergeError("there is no such pair")
    return pair


def _open(db: Connection, pair_id: int) -> Row[Any]:
    pair = _pair(db, pair_id)
    if pair.status != "open":
        raise ProductMergeError("this pair is settled already")
    return pair


def _settle(
    db: Connection, pair_id: int, status: str, actor: str, at: datetime | None, moved: Any
) -> None:
    db.execute(
        update(possible_products)
        .where(possible_products.c.id == pair_id)
        .values(status=status, actor=actor, settled_at=at, moved=moved)
    )


def _bindings_of(db: Connection, product_id: int) -> list[int]:
    query = select(bindings.c.id).where(
        bindings.c.entity == "product", bindings.c.record_id == product_id
    )
    return list(db.scalars(query))


def _levels_of(db: Connection, product_id: int) -> list[int]:
    return list(
        db.scalars(select(stock_levels.c.id).where(stock_levels.c.product_id == product_id))
    )


def _move(db: Connection, moved: Any, product_id: int, now: datetime) -> None:
    db.execute(
        update(bindings)
        .where(bindings.c.id.in_(moved.get("bindings", [])))
        .values(record_id=product_id)
    )
    # The product that had the levels is another one without them.
    levels = stock_levels.c
    former = select(levels.product_id).where(levels.id.in_(moved.get("levels", [])))
    db.execute(update(products).where(products.c.id.in_(former)).values(updated_at=now))
    # Changed, in the eyes of whoever reads changes: shops may have to be told another number.
    db.execute(
        update(stock_levels)
        .where(stock_levels.c.id.in_(moved.get("levels", [])))
        .values(product_id=product_id, updated_at=now)
    )


def _set_merged(db: Connection, product_id: int, into: int | None, now: datetime) -> None:
    db.execute(
        update(products)
        .where(products.c.id == product_id)
        .values(merged_into_id=into, updated_at=now)
    )
