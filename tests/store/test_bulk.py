"""Rows written and read in one statement are what SQLAlchemy would have kept, value by value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from hub.store import bulk
from hub.store.models import contact_points, messages, orders, products
from hub.store.store import Store

MOMENT = datetime(2026, 1, 12, 15, 21, 12, 345678, tzinfo=UTC)
MOSCOW = timezone(timedelta(hours=3))
ORDER: dict[str, Any] = {
    "created_at": MOMENT,
    "updated_at": MOMENT.astimezone(MOSCOW),
    "number": "№ 1, «А» 100% \\ ? :x",
    "placed_at": datetime(1901, 2, 3, tzinfo=UTC),
    "paid_at": None,
    "total": Decimal("1233.050"),
    "delivery_total": Decimal("1E+3"),
    "extra": {"a": [1, None, {"б": "ы"}], "long": 10**30},
    "origins": {},
    "lines": [{"price": Decimal("0.10"), "at": MOMENT}],
}


def as_kept(store: Store, table: Any) -> list[tuple[Any, ...]]:
    """What the file holds, untouched by any column's type."""
    with store.database.read() as db:
        rows = db.execute(text(f"SELECT * FROM {table.name} ORDER BY id"))  # noqa: S608  # a table's name
        return [tuple(row)[1:] for row in rows]


def test_rows_are_kept_as_sqlalchemy_keeps_them(store: Store) -> None:
    with store.database.write() as db:
        db.execute(insert(orders).values(ORDER))
        bulk.insert_rows(db, orders, list(ORDER), [ORDER])
    one, other = as_kept(store, orders)
    assert one == other


def test_rows_read_back_are_the_ones_sqlalchemy_reads(store: Store) -> None:
    product = {"created_at": MOMENT, "updated_at": MOMENT, "extra": {}, "origins": {}, "name": "Ч",
               "is_active": True, "search_text": "ч", "price": None}  # fmt: skip
    with store.database.write() as db:
        bulk.insert_rows(db, products, list(product), [product, {**product, "is_active": None}])
        bulk.insert_rows(db, orders, list(ORDER), [ORDER])
        for table in (products, orders):
            usual = [dict(row) for row in db.execute(select(table).order_by("id")).mappings()]
            found = bulk.rows_by_id(db, table, [row["id"] for row in usual][::-1])
            assert found == usual
            for one, other in zip(found, usual, strict=True):
                assert [type(value) for value in one.values()] == [
                    type(value) for value in other.values()
                ]


def test_no_list_is_json_null_where_a_column_must_have_something(store: Store) -> None:
    """A source that says «no lines» must not stop the batch."""
    with store.database.write() as db:
        bulk.insert_rows(db, orders, list(ORDER), [{**ORDER, "lines": None}])
        found = bulk.rows_by_id(db, orders, [db.scalar(select(orders.c.id)) or 0])
    assert found[0]["lines"] is None


def test_an_update_changes_only_its_rows_and_columns(store: Store) -> None:
    with store.database.write() as db:
        bulk.insert_rows(db, orders, list(ORDER), [ORDER, ORDER, ORDER])
        ids = list(db.scalars(select(orders.c.id).order_by(orders.c.id)))
        rows = [{"id": ids[0], "status": "new", "total": None, "lines": []},
                {"id": ids[2], "status": None, "total": Decimal(5), "lines": [1]},
                {"id": 999_999, "status": "nobody's", "total": None, "lines": []}]  # fmt: skip
        bulk.update_rows(db, orders, ["status", "total", "lines"], rows)
        found = bulk.rows_by_id(db, orders, ids)
    assert [row["status"] for row in found] == ["new", None, None]
    assert [row["total"] for row in found] == [None, Decimal("1233.050"), Decimal(5)]
    assert [row["number"] for row in found] == [ORDER["number"]] * 3


def test_columns_named_like_sql_words_are_quoted(store: Store) -> None:
    row = {"created_at": MOMENT, "updated_at": MOMENT, "extra": {}, "origins": {},
           "references": ["<a@b>"]}  # fmt: skip
    with store.database.write() as db:
        bulk.insert_rows(db, messages, list(row), [row])
        assert db.scalar(select(messages.c.references)) == ["<a@b>"]


def test_a_key_that_is_taken_is_an_integrity_error(store: Store) -> None:
    point = {"contact_id": 1, "kind": "phone", "value": "+79161234567"}
    with pytest.raises(IntegrityError), store.database.write() as db:
        bulk.insert_rows(db, contact_points, list(point), [point, point])


def test_more_ids_than_one_statement_takes(store: Store) -> None:
    with store.database.write() as db:
        bulk.insert_rows(db, orders, list(ORDER), [ORDER] * (bulk.CHUNK + 5))
        ids = list(db.scalars(select(orders.c.id)))
        assert len(bulk.rows_by_id(db, orders, ids)) == bulk.CHUNK + 5


def test_text_that_no_database_takes_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="surrogates"), store.database.write() as db:
        bulk.insert_rows(db, orders, list(ORDER), [{**ORDER, "number": "a\ud800b"}])
