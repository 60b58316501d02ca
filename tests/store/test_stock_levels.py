"""Stock levels by their keys: ids before names, an item's whole set of warehouses, what is gone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from hub.store.database import utc_now
from hub.store.models import stock_levels
from hub.store.stock import write_rows
from hub.store.stock_rows import COLUMNS, Origin, Staged, Written
from hub.store.stock_stage import StockStage
from hub.store.store import Store
from tests.support.rows import Rows

MOSCOW = ZoneInfo("Europe/Moscow")


def level(item: str, warehouse: str, quantity: str, **more: Any) -> Staged:
    """A staged row; `variant`, `variant_external_id` and others by name."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {"sku": "", "product_name": "", "variant": "", "variant_external_id": ""}
    row |= {"item_key": item, "product_external_id": item, "warehouse": warehouse}
    row |= {"warehouse_external_id": "", "quantity": quantity, "available": quantity}
    row |= {"search_text": "", **more}
    row["variant_key"] = row["variant_external_id"] or row["variant"]
    row["warehouse_key"] = row["warehouse_external_id"] or row["warehouse"]
    return tuple(row[name] for name in COLUMNS)


def write(store: Store, connection_id: int, *rows: Staged, replaces: bool = False) -> Written:
    origin = Origin(connection_id, "rests", 1, utc_now(), MOSCOW)
    with store.database.write() as db:
        return write_rows(db, origin, rows, replaces=replaces)


def levels(store: Store) -> dict[tuple[str, str, str], Decimal]:
    with store.database.read() as db:
        found = db.execute(select(stock_levels).where(stock_levels.c.removed_at.is_(None)))
        return {(row.item_key, row.variant_key, row.warehouse_key): row.quantity for row in found}


def test_a_warehouse_that_is_renamed_stays_the_same_level(store: Store, rows: Rows) -> None:
    key = rows.connection()
    write(store, key, level("tea", "Основной", "5", warehouse_external_id="w-1"))
    done = write(store, key, level("tea", "Главный", "5", warehouse_external_id="w-1"))
    assert done == Written(changed=1)
    with store.database.read() as db:
        (row,) = db.execute(select(stock_levels)).all()
    assert (row.warehouse, row.warehouse_key) == ("Главный", "w-1")


def test_two_variants_of_one_name_are_two_levels(store: Store, rows: Rows) -> None:
    key = rows.connection()
    write(
        store,
        key,
        level("tea", "А", "1", variant="Красный", variant_external_id="v-1"),
        level("tea", "А", "2", variant="Красный", variant_external_id="v-2"),
    )
    assert sorted(levels(store).values()) == [1, 2]


def test_a_first_snapshot_meets_a_level_that_came_after_it_was_compared(
    store: Store, rows: Rows
) -> None:
    key = rows.connection()
    origin = Origin(key, "rests", 1, utc_now(), MOSCOW)
    with store.database.session_apart() as session:
        with session.begin():
            stage = StockStage(session, origin, full=True)
            stage.add([level("tea", "А", "5"), level("salt", "А", "7")])
            assert (stage.settle(), stage.compare()) == (2, Written(created=2))
        write(store, key, level("tea", "А", "1"))
        for part in stage.parts():
            with store.database.write_in(session):
                stage.write(part)
    assert levels(store) == {("tea", "", "А"): 5, ("salt", "", "А"): 7}


def test_a_replaced_item_has_nothing_in_warehouses_that_are_not_listed(
    store: Store, rows: Rows
) -> None:
    key, other = rows.connection(), rows.connection("other")
    theirs = level("tea", "Б", "9")
    write(store, other, theirs)
    write(
        store,
        key,
        level("tea", "А", "5"),
        level("tea", "Б", "7", reserved="2"),
        level("tea", "Б", "4", variant="красный"),
        level("salt", "Б", "3"),
    )
    done = write(store, key, level("tea", "А", "6"), replaces=True)
    assert done == Written(changed=2)
    with store.database.read() as db:
        mine = {
            (row.item_key, row.variant_key, row.warehouse_key): row.quantity
            for row in db.execute(select(stock_levels).where(stock_levels.c.connection_id == key))
        }
    assert mine == {
        ("tea", "", "А"): 6,
        ("tea", "", "Б"): 0,
        ("tea", "красный", "Б"): 4,
        ("salt", "", "Б"): 3,
    }
    with store.database.read() as db:
        emptied = db.execute(
            select(stock_levels).where(
                stock_levels.c.warehouse_key == "Б",
                stock_levels.c.variant == "",
                stock_levels.c.item_key == "tea",
                stock_levels.c.connection_id == key,
            )
        ).one()
        kept = db.execute(
            select(stock_levels.c.quantity).where(stock_levels.c.connection_id == other)
        ).scalar_one()
    assert (emptied.available, emptied.reserved, kept) == (0, None, 9)
    # The same page again changes nothing.
    assert write(store, key, level("tea", "А", "6"), replaces=True) == Written()


def test_the_total_goes_when_the_warehouses_are_named(store: Store, rows: Rows) -> None:
    key = rows.connection()
    write(store, key, level("tea", "", "12"))
    done = write(store, key, level("tea", "А", "5"), level("tea", "Б", "7"), replaces=True)
    assert done == Written(created=2, removed=1)
    assert levels(store) == {("tea", "", "А"): 5, ("tea", "", "Б"): 7}
    # And comes back when the source names none again.
    done = write(store, key, level("tea", "", "3"), replaces=True)
    assert done == Written(created=1, changed=2)
    assert levels(store) == {("tea", "", ""): 3, ("tea", "", "А"): 0, ("tea", "", "Б"): 0}


def test_an_older_page_replaces_nothing(store: Store, rows: Rows) -> None:
    key = rows.connection()
    later, earlier = "2026-01-12T10:00:00.000000Z", "2026-01-12T09:00:00.000000Z"
    write(store, key, level("tea", "А", "5", as_of=later), level("tea", "Б", "7", as_of=later))
    done = write(store, key, level("tea", "А", "1", as_of=earlier), replaces=True)
    assert done == Written()
    assert sorted(levels(store).values()) == [5, 7]


def test_a_level_known_by_names_goes_on_under_its_ids(store: Store, rows: Rows) -> None:
    key = rows.connection()
    write(store, key, level("tea", "А", "5"), level("tea", "Б", "7"))
    with store.database.read() as db:
        before = {row.warehouse: row.id for row in db.execute(select(stock_levels))}
    done = write(store, key, level("tea", "А", "4", warehouse_external_id="w-1"))
    assert done == Written(changed=1)
    with store.database.read() as db:
        after = {row.warehouse: (row.id, row.warehouse_key) for row in db.execute(
            select(stock_levels))}  # fmt: skip
    assert after == {"А": (before["А"], "w-1"), "Б": (before["Б"], "Б")}


def test_a_name_that_two_ids_share_is_nobodys(store: Store, rows: Rows) -> None:
    key = rows.connection()
    write(store, key, level("tea", "А", "5", variant="Красный"))
    twins = [
        level("tea", "А", str(n), variant="Красный", variant_external_id=f"v-{n}") for n in (1, 2)
    ]
    assert write(store, key, *twins) == Written(created=2)
