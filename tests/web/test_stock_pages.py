"""Stock on pages: days and marks of a level, thresholds, products to judge, what shops refused."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from sqlalchemy import insert, select, update

from hub.store.database import utc_now
from hub.store.models import possible_products, products, stock_levels, stock_sent
from hub.store.store import Store
from hub.web.managers.stock_level import HEIGHT, bars
from tests.store.test_stock_history import FIRST
from tests.support.people import ALICE, BORIS, VERA
from tests.support.rows import Rows
from tests.web.conftest import SignIn
from tests.web.scene import Scene
from tests.web.test_managers import text_of


def level_of(store: Store, sku: str) -> int:
    with store.database.read() as db:
        return int(
            db.execute(select(stock_levels.c.id).where(stock_levels.c.sku == sku)).scalar_one()
        )


def change(store: Store, key: int, **values: object) -> None:
    with store.database.write() as db:
        db.execute(update(stock_levels).where(stock_levels.c.id == key).values(values))


def test_a_level_shows_its_days_and_who_set_it(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    key = level_of(sqlite_store, "SKU-0")
    change(sqlite_store, key, created_at=utc_now(), run_id=scene.run)
    page = sign_in(ALICE).get(f"/stock/{key}")
    assert f'href="/admin/runs/{scene.run}"' in page
    assert page.count("<rect ") == 1
    # A manager sees which run it was, and has no link to a page that is closed to them.
    page = sign_in(VERA).get(f"/stock/{key}")
    assert f"опрос {scene.run}" in text_of(page)
    assert "/admin/runs/" not in page
    assert f'href="/stock/{key}"' in sign_in(VERA).get("/stock/levels")


def test_marks_stand_beside_the_number_in_words(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    key = level_of(sqlite_store, "SKU-0")
    change(sqlite_store, key, quantity=Decimal(-3), available=Decimal(-3), is_deleted=True)
    page = text_of(sign_in(VERA).get(f"/stock/{key}"))
    assert "меньше нуля" in page
    assert "помечен на удаление" in page
    assert "-3" in page.replace("−", "-")
    assert "меньше нуля" in text_of(sign_in(VERA).get("/stock/levels"))


def test_who_leads_sets_a_threshold_and_everybody_finds_what_is_low(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    key = level_of(sqlite_store, "SKU-0")
    boris = sign_in(BORIS)
    assert boris.post(f"/stock/{key}/threshold", minimum="12,5") == (302, f"/stock/{key}")
    assert "Порог сохранён." in text_of(boris.get(f"/stock/{key}"))
    vera = sign_in(VERA)
    low = text_of(vera.get("/stock/levels?low=true"))
    assert "НЦ-20/40" in low
    assert "Шланг" not in low
    assert vera.post(f"/stock/{key}/threshold", minimum="1")[0] == 403
    assert "Мало, если 12,5 или меньше." in text_of(vera.get(f"/stock/{key}"))
    boris.post(f"/stock/{key}/threshold", minimum="много")
    assert "Порог – это число" in text_of(boris.get(f"/stock/{key}"))
    boris.post(f"/stock/{key}/threshold", minimum="")
    assert "НЦ-20/40" not in text_of(vera.get("/stock/levels?low=true"))


@pytest.mark.parametrize("path", ["/stock/99999", "/stock/99999999999999999999"])
def test_no_such_level(sign_in: SignIn, scene: Scene, path: str) -> None:
    assert sign_in(VERA).client.get(path).status_code == 404


def test_an_admin_judges_possible_same_products_and_takes_it_back(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    rows, alice = Rows(sqlite_store), sign_in(ALICE)
    one, other = (rows.record("product", name=f"Шапка {n}", sku="HAT-1") for n in (1, 2))
    connection = rows.connection("another")
    binding = rows.binding(connection, "product", "21", other)
    level = rows.stock(connection, "HAT-1", "5", product_id=other)
    with sqlite_store.database.write() as db:
        values = {"product_id": one, "other_id": other, "reason": "sku", "created_at": utc_now()}
        pair = db.execute(
            insert(possible_products).values(values).returning(possible_products.c.id)
        ).scalar_one()
    assert "Возможно, один товар" in text_of(alice.get("/admin/duplicates"))

    def stands() -> tuple[int, int | None]:
        with sqlite_store.database.read() as db:
            linked = select(stock_levels.c.product_id).where(stock_levels.c.id == level)
            into = select(products.c.merged_into_id).where(products.c.id == other)
            return db.execute(linked).scalar_one(), db.execute(into).scalar_one()

    assert alice.post(f"/admin/products/{pair}/same")[0] == 302
    assert stands() == (one, one)
    assert binding
    alice.post(f"/admin/products/{pair}/undo")
    assert stands() == (other, None)
    alice.post(f"/admin/products/{pair}/different")
    assert "разные товары" in text_of(alice.get("/admin/duplicates"))
    alice.post(f"/admin/products/{pair}/same")
    assert stands() == (other, None)
    assert alice.post(f"/admin/products/{pair}/burn")[0] == 404


def test_what_a_shop_refused_stands_with_its_words(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    shop = Rows(sqlite_store).connection("another")
    values = {"sku": "HAT-1", "told": Decimal(3), "status": "refused", "message": "Закрыт."}
    with sqlite_store.database.write() as db:
        db.execute(
            insert(stock_sent).values(
                connection_id=shop, target="s:HAT-1", updated_at=utc_now(), **values
            )
        )
    page = sign_in(ALICE).get("/admin/deliveries")
    assert re.search(r"HAT-1: +Закрыт\.", text_of(page))
    assert "/admin/runs?connection=another&amp;stream=stock_out" in page


def test_a_shortage_is_drawn_below_the_line() -> None:
    from hub.store.stock_history import DayLevel

    days = [DayLevel(FIRST, Decimal(n), None, None, None, None, changed=False) for n in (6, -2, 0)]
    up, down, zero = bars(days)
    assert (up.y, up.height) == (0, HEIGHT * 0.75)
    assert (down.y, down.height) == (HEIGHT * 0.75, HEIGHT * 0.25)
    assert zero.height == 0
