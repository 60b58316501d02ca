"""One row per product and variant: made from the levels, kept up with them, listed with them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from hub.store import stock_items
from hub.store.database import utc_now
from hub.store.lists import search, stock, stock_beside, stock_order, stock_table
from hub.store.lists.paging import CursorError, ListPage
from hub.store.lists.stock_table import StockFilters
from hub.store.models import facts, orders, products, stock_levels
from hub.store.models import stock_items as table
from hub.store.stock_item_rows import Made
from hub.store.store import Store
from tests.support.rows import Rows

NAMES = ("Ёлка искусственная", "насос НЦ-20", "Шланг", "Кран шаровой")


class Shelf:
    """Levels of one connection, and the pages made of them."""

    def __init__(self, store: Store, rows: Rows) -> None:
        self.store, self.rows = store, rows
        self.onec = rows.connection("onec")
        self._now = utc_now() - timedelta(hours=1)

    def level(self, sku: str, quantity: str, warehouse: str, **values: Any) -> int:
        self._now += timedelta(seconds=1)
        row = {"warehouse": warehouse, "product_name": sku, "updated_at": self._now, **values}
        return self.rows.stock(row.pop("connection", self.onec), sku, quantity, **row)

    def change(self, level: int, **values: Any) -> None:
        self._now += timedelta(seconds=1)
        with self.store.database.write() as db:
            values = {"updated_at": self._now, **values}
            db.execute(update(stock_levels).where(stock_levels.c.id == level).values(values))

    def catch_up(self, *priority: int) -> int:
        return stock_items.catch_up(self.store.database, priority)

    def page(self, sort: str = "name", **filters: Any) -> ListPage:
        return stock_table.list_items(self.store.database, StockFilters(**filters), sort)

    def skus(self, sort: str = "name", **filters: Any) -> list[str]:
        return [row["sku"] for row in self.page(sort, **filters).items]

    def place(self, name: str) -> int:
        places = stock_table.list_places(self.store.database)
        return {known: key for key, known in places}[name]


@pytest.fixture
def shelf(store: Store, rows: Rows) -> Shelf:
    return Shelf(store, rows)


def test_a_product_is_one_row_with_its_warehouses(shelf: Shelf) -> None:
    shelf.level("NC-20", "12", "Север", available=Decimal(10), reserved=Decimal(2))
    shelf.level("NC-20", "3", "Юг")
    assert shelf.catch_up() == 2
    (row,) = shelf.page().items
    north, south = (row["cells"][shelf.place(name)] for name in ("Север", "Юг"))
    assert (north.free, north.quantity, north.reserved) == (10, 12, 2)
    assert (south.free, row["total"].free, row["total"].quantity) == (3, 13, 15)
    # Nothing is looked at twice; what changes is.
    assert shelf.catch_up() == 0
    shelf.change(north.levels[0]["id"], available=Decimal(0), quantity=Decimal(0))
    assert shelf.catch_up() == 1
    assert shelf.page().items[0]["total"].free == 3
    assert shelf.skus(in_stock=True, place=shelf.place("Север")) == []
    assert shelf.skus(in_stock=True, place=shelf.place("Юг")) == ["NC-20"]


def test_lists_are_sorted_and_paged_in_any_order(shelf: Shelf, store: Store) -> None:
    for number, name in enumerate(NAMES):
        shelf.level(f"S{number}", str(number), "Склад", product_name=name)
    shelf.catch_up()
    assert shelf.skus() == ["S0", "S3", "S1", "S2"]
    assert shelf.skus("sku") == ["S0", "S1", "S2", "S3"]
    assert shelf.skus("free") == ["S3", "S2", "S1", "S0"]
    for sort in stock_order.SORTS:
        whole, found, cursor = shelf.skus(sort), [], None
        while True:
            page = stock_table.list_items(store.database, StockFilters(), sort, 1, cursor)
            found += [row["sku"] for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == whole, sort
    with pytest.raises(CursorError):
        stock_table.list_items(store.database, StockFilters(), "free", 1, "rubbish")


@pytest.mark.parametrize("lots", [1, search.LOTS])
def test_a_word_that_many_have_is_paged_in_any_order(
    shelf: Shelf, store: Store, monkeypatch: pytest.MonkeyPatch, lots: int
) -> None:
    monkeypatch.setattr(search, "MANY", lots)
    monkeypatch.setattr(search, "LOTS", lots)
    for number, name in enumerate((*NAMES, "Насос НЦ-30", "Насосная станция", "Вал насоса")):
        shelf.level(f"S{number}", str(number), "Склад", product_name=name)
    shelf.catch_up()
    for sort, wanted in (("name", ["S1", "S4", "S5", "S6"]), ("free", ["S6", "S5", "S4", "S1"])):
        assert shelf.skus(sort, q="насос") == wanted
        found, cursor = [], None
        while True:
            filters = StockFilters(q="насос")
            page = stock_table.list_items(store.database, filters, sort, 1, cursor)
            found += [row["sku"] for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == wanted, sort
    assert shelf.skus(q="насос", in_stock=True) == ["S1", "S4", "S5", "S6"]
    assert shelf.skus(q="станция насос") == ["S5"]


def test_what_was_typed_exactly_comes_first(shelf: Shelf, store: Store) -> None:
    before: dict[str, Any] = {"updated_at": utc_now() - timedelta(hours=1)}
    before["category"] = "Арматура"
    product = shelf.rows.record(
        "product", name="Кран", sku="K-1", barcode="4601234567893", **before
    )
    shelf.level("K-1", "5", "Склад", product_id=product, product_name="Яркий кран")
    shelf.level("K-10", "5", "Склад", product_name="А кран")
    shelf.catch_up()
    assert shelf.skus(q="кран") == ["K-10", "K-1"]
    assert shelf.skus(q="k-1") == ["K-1", "K-10"]
    assert shelf.skus(q="4601234567893") == ["K-1"]
    assert shelf.skus(q="60123456") == ["K-1"]
    assert shelf.skus(category="Арматура") == ["K-1"]
    assert stock_beside.list_categories(store.database) == ["Арматура"]


def test_of_two_sources_one_counts(shelf: Shelf) -> None:
    shop = shelf.rows.connection("shop")
    product = shelf.rows.record("product", name="Кран", updated_at=utc_now() - timedelta(hours=1))
    shelf.level("K", "5", "Склад", product_id=product)
    shelf.level("K", "7", "склад", product_id=product, connection=shop)
    shelf.catch_up(shelf.onec)
    (row,) = stock_table.list_items(
        shelf.store.database, StockFilters(), priority=(shelf.onec,)
    ).items
    assert row["total"].quantity == 5
    assert shelf.skus(connection_id=shop) == ["K"]


def test_a_product_known_later_takes_its_levels_over(shelf: Shelf, store: Store) -> None:
    level = shelf.level("K", "5", "Склад")
    shelf.catch_up()
    product = shelf.rows.record(
        "product", name="Кран", sku="K", updated_at=utc_now() - timedelta(hours=1)
    )
    shelf.change(level, product_id=product)
    # Before anybody caught up the row still shows its level.
    assert shelf.page().items[0]["total"].quantity == 5
    shelf.catch_up()
    with store.database.read() as db:
        assert list(db.scalars(select(table.c.key))) == [f"p{product}:"]
    # A product that lost its levels to another is no row any more.
    other = shelf.rows.record("product", name="Другой", updated_at=utc_now() - timedelta(minutes=1))
    shelf.change(level, product_id=other)
    with store.database.write() as db:
        now = {"updated_at": utc_now() - timedelta(seconds=30)}
        db.execute(update(products).where(products.c.id == product).values(now))
    shelf.catch_up()
    with store.database.read() as db:
        assert list(db.scalars(select(table.c.key))) == [f"p{other}:"]


def test_a_level_that_is_gone_leaves_and_a_threshold_counts_at_once(
    shelf: Shelf, store: Store
) -> None:
    first, second = shelf.level("A", "5", "Склад"), shelf.level("B", "5", "Склад")
    shelf.catch_up()
    with store.database.write() as db:
        stock.set_threshold(db, first, Decimal(5), "boss", utc_now())
    stock_items.touch(store.database, (), first)
    assert shelf.skus(low=True) == ["A"]
    assert shelf.page(low=True).items[0]["total"].is_low
    shelf.change(second, removed_at=utc_now())
    shelf.catch_up()
    assert shelf.skus() == ["A"]


def test_items_with_levels_all_over_a_snapshot_are_made_once(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock_items, "STEP", 2)
    made: list[str] = []
    write = Made.write

    def noting(self: Made, db: Connection) -> None:
        made.extend(row["key"] for row in self.rows)
        write(self, db)

    monkeypatch.setattr(Made, "write", noting)
    for place in ("Север", "Юг", "Восток"):
        for number in range(3):
            shelf.level(f"S{number}", "1", place)
    assert shelf.catch_up() == 9
    assert len(made) == len(set(made)) == 3
    assert {row["total"].free for row in shelf.page().items} == {3}


def test_two_who_catch_up_at_once_do_no_harm(shelf: Shelf, store: Store) -> None:
    shelf.level("A", "5", "Склад")
    work = stock_items._Work(store.database, (), None)
    shelf.catch_up()
    # The other one read before this one wrote: it must look again, not write what it read.
    assert work.step(stock_levels) in (0, stock_items.STEP)
    with store.database.write() as db:
        db.execute(facts.delete().where(facts.c.name == stock_items.STATE))
    assert shelf.catch_up() == 1
    assert shelf.skus() == ["A"]


def test_open_orders_that_hold_the_product_are_found(shelf: Shelf, store: Store) -> None:
    shelf.level("NC-20", "5", "Склад")
    shelf.catch_up()
    line = {"sku": "NC-20", "quantity": "2"}
    wanted = shelf.rows.record("order", number="1", lines=[line, line, "rubbish"], stage="in_work")
    shelf.rows.record("order", number="2", lines=[{"sku": "X", "quantity": "2"}])
    done = shelf.rows.record("order", number="3", lines=[line])
    with store.database.write() as db:
        db.execute(update(orders).where(orders.c.id == done).values(stage="done"))
    item = shelf.page().items[0]
    found = stock_beside.open_orders_with(store.database, item, ("new", "in_work"))
    assert [(row["id"], row["wanted"]) for row in found] == [(wanted, 4)]
