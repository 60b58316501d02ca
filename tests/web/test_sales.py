"""Boards and lists of orders, leads and deals: moving, giving, comparing, taking away."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, select, update

from hub.crm import edit
from hub.store.models import audit, changes, deals, leads, orders
from hub.store.store import Store
from tests.support.people import ALICE, BORIS, VERA
from tests.support.rows import Rows
from tests.web.conftest import SignIn, Visitor
from tests.web.scene import PASSWORD, Scene
from tests.web.test_managers import text_of

AUDITOR_REFUSED = 403


def value(store: Store, column: Any, key: int) -> Any:
    with store.database.read() as db:
        return db.scalar(select(column).where(column.table.c.id == key))


def test_moving_a_card_changes_our_stage_and_not_the_shops_word(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    vera, path = sign_in(VERA), f"/sales/order/{scene.order}/stage"
    assert vera.post(path, stage="shipping", next="/orders?view=board")[1] == "/orders?view=board"
    assert value(sqlite_store, orders.c.stage, scene.order) == "shipping"
    assert value(sqlite_store, orders.c.status, scene.order) == "processing"
    page = text_of(vera.get(f"/orders/{scene.order}"))
    assert "Новое → В доставке" in page
    # A stage that is none, a record that is not there.
    vera.post(path, stage="rubbish")
    assert value(sqlite_store, orders.c.stage, scene.order) == "shipping"
    assert vera.post("/sales/order/99999/stage", stage="new")[0] == 404
    assert vera.post("/sales/contact/1/stage", stage="new")[0] == 404


def test_a_manager_moves_and_takes_what_is_theirs_or_nobodys(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    vera, boris = sign_in(VERA), sign_in(BORIS)
    with sqlite_store.database.write() as db:
        db.execute(update(orders).values(manager="other@example.ru"))
    path = f"/sales/order/{scene.order}/stage"
    vera.post(path, stage="done")
    assert value(sqlite_store, orders.c.stage, scene.order) == "new"
    answer = vera.client.post(
        path,
        data={"stage": "done", "csrf_token": vera.token()},
        headers={"HX-Request": "true"},
    )
    assert answer.status_code == 409
    assert "другой менеджер" in answer.text
    vera.post("/sales/order/assign", id=str(scene.order), manager="me")
    assert value(sqlite_store, orders.c.manager, scene.order) == "other@example.ru"
    # The head of sales gives it to her; nobody gives away to a stranger.
    boris.post("/sales/order/assign", id=str(scene.order), manager=VERA.email)
    assert value(sqlite_store, orders.c.manager, scene.order) == VERA.email
    boris.post("/sales/order/assign", id=str(scene.order), manager="nobody@example.org")
    assert value(sqlite_store, orders.c.manager, scene.order) == VERA.email
    assert vera.post("/sales/order/assign", id=str(scene.order), manager=BORIS.email)[0] == 403
    assert "№ 2041" in text_of(vera.get("/orders?manager=me"))
    assert "№ 2041" not in text_of(vera.get("/orders?manager=none"))
    with sqlite_store.database.read() as db:
        done = {row.action for row in db.execute(select(audit).where(audit.c.subject == "order"))}
    assert "edit" in done


def test_a_deal_of_another_crm_is_moved_there(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    rows = Rows(sqlite_store)
    theirs = rows.record("deal", title="Их сделка", stage="NEW", connection_id=1, amount=Decimal(7),
                         currency="RUB")  # fmt: skip
    ours = rows.record(
        "deal", title="Наша сделка", stage="NEW", amount=Decimal(1000), currency="RUB"
    )
    rows.record("deal", title="Ещё", stage="WON")
    alice = sign_in(ALICE)
    for key in (theirs, ours):
        alice.post(f"/sales/deal/{key}/stage", stage="WON")
    assert value(sqlite_store, deals.c.stage, theirs) == "NEW"
    assert value(sqlite_store, deals.c.stage, ours) == "WON"
    board = text_of(alice.get("/deals?view=board"))
    assert "1 000 ₽" in board.replace("\xa0", " ")
    assert "Этап меняется в" in board


def test_the_board_keeps_the_filters_and_opens_as_a_list(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    rows = Rows(sqlite_store)
    for number in range(20):
        rows.record("lead", title=f"Заявка {number}", channel="yandex", amount=Decimal(number))
    alice = sign_in(ALICE)
    page = alice.get("/leads?view=board&channel=yandex&sum_from=2")
    assert 'href="/leads?channel=yandex&amp;sum_from=2&amp;stage=new"' in page
    assert page.count('class="board-card"') == 15
    more = alice.client.get(
        "/leads?view=board&channel=yandex&sum_from=2&column=new&cursor="
        + page.split("cursor=")[1].split('"')[0],
        headers={"HX-Request": "true"},
    ).text
    assert more.count('class="board-card"') == 3
    assert "<html" not in more


def test_differences_are_marked_listed_and_kept_when_written(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    alice = sign_in(ALICE)
    assert "2041" not in text_of(alice.get("/orders?differs=any"))
    with sqlite_store.database.write() as db:
        said = {"erp_number": "УТ-42", "erp_posted": True, "erp_total": Decimal("25000")}
        db.execute(update(orders).where(orders.c.id == scene.order).values(said))
    # Written by the code that writes orders.
    edit.edit_record(sqlite_store, "order", scene.order, {"erp_paid": Decimal(0)}, "test", None)
    assert value(sqlite_store, orders.c.differs, scene.order) == "total"
    assert "2041" in text_of(alice.get("/orders?differs=total"))
    assert "2041" not in text_of(alice.get("/orders?differs=paid"))
    page = alice.get(f"/orders/{scene.order}")
    assert "is-different" in page
    assert "суммы разные" in text_of(page)


def read_csv(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""), delimiter=";"))


def test_lists_are_taken_away_as_they_are_filtered(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    vera = sign_in(VERA)
    answer = vera.client.get("/orders?q=2041&format=csv", buffered=True)
    title, row = read_csv(answer)
    assert (title[0], row[0], row[5]) == ("Номер", "2041", "25980,50")
    assert "filename" in answer.headers["Content-Disposition"]
    assert len(read_csv(vera.client.get("/orders?format=csv", buffered=True))) == 5
    stock = read_csv(vera.client.get("/stock?format=csv", buffered=True))
    assert stock[0][5] == "Основной склад"
    assert {line[0] for line in stock[1:]} == {"SKU-0", "SKU-1", "SKU-2"}
    for path in ("/stock", "/stock/levels", "/leads", "/deals", "/orders", "/clients", "/calls"):
        book = vera.client.get(f"{path}?format=xlsx", buffered=True)
        assert book.data.startswith(b"PK"), path
        assert book.headers["Content-Type"].endswith("spreadsheetml.sheet")
    with sqlite_store.database.read() as db:
        entries = db.execute(select(audit).where(audit.c.action == "export")).all()
    assert entries[0].details == {"kind": "csv", "filters": {"q": "2041"}}
    assert entries[0].actor == VERA.email
    sqlite_store.settings.file["export"] = {"roles": ["admin"], "max_rows": 2}  # type: ignore[index]  # a plain dict in tests
    assert vera.client.get("/orders?format=csv", buffered=True).status_code == 403
    assert "format=csv" not in vera.get("/orders")
    told = read_csv(sign_in(ALICE).client.get("/orders?format=csv", buffered=True))
    assert len(told) == 4
    assert told[-1][0].startswith("Здесь только первые 2")


def test_the_auditor_only_looks(site: Any, scene: Scene, sqlite_store: Store) -> None:
    from hub.store import users

    users.create_user(sqlite_store.database, "aud@example.ru", "Аудитор", "auditor", PASSWORD)
    visitor = Visitor(site.test_client())
    visitor.sign_in("aud@example.ru", PASSWORD)
    board = visitor.get("/orders?view=board")
    assert "draggable" not in board
    assert "data-move " not in board
    assert visitor.post(f"/sales/order/{scene.order}/stage", stage="done")[0] == AUDITOR_REFUSED
    assert visitor.post("/sales/order/assign", id="1", manager="me")[0] == AUDITOR_REFUSED


@pytest.fixture
def page(browser: Browser, address: str) -> Any:
    context = browser.new_context(base_url=address, locale="ru-RU")
    page = context.new_page()
    page.goto("/login")
    page.fill("input[name=email]", ALICE.email)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/")
    yield page
    context.close()


def test_a_card_is_dragged_and_moved_by_keyboard(
    page: Page, scene: Scene, sqlite_store: Store
) -> None:
    page.goto("/orders?view=board")
    card = page.locator(f'[data-record="{scene.order}"]')
    card.drag_to(page.locator('[data-stage="waiting"]'))
    expect(page.locator(f'[data-stage="waiting"] [data-record="{scene.order}"]')).to_be_visible()
    # The choice on the card does the same, and keeps the focus on the card.
    choice = page.locator(f'[data-record="{scene.order}"] select')
    choice.focus()
    choice.select_option("done")
    expect(
        page.locator(f'[data-stage="done"] [data-record="{scene.order}"] select')
    ).to_be_focused()
    assert value(sqlite_store, orders.c.stage, scene.order) == "done"
    # What is refused is said, and the card is back where it was.
    with sqlite_store.database.write() as db:
        db.execute(insert(deals).values(title="Чужая", stage="NEW", connection_id=1, extra={},
                                        origins={}, created_at=scene_now(sqlite_store),
                                        updated_at=scene_now(sqlite_store)))  # fmt: skip
    page.goto("/deals?view=board")
    expect(page.get_by_text("Этап меняется в")).to_be_visible()
    with sqlite_store.database.read() as db:
        moves = [row.fields for row in db.execute(select(changes)) if "stage" in row.fields]
    assert len(moves) == 2


def scene_now(store: Store) -> Any:
    with store.database.read() as db:
        return db.scalar(select(leads.c.created_at).limit(1))
