"""The site in a real browser: live search, the way to an event, replay; no complaint of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from hub.web.lists import PAGE_SIZE
from tests.support.people import ALICE, IRINA, PAVEL, VERA
from tests.web.desk import SIZES, Desk
from tests.web.scene import Scene

pytestmark = pytest.mark.browser


@pytest.fixture(params=SIZES)
def desk(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Desk]:
    """A window of either size that must not have complained in the end."""
    width, height = SIZES[request.param]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale="ru-RU",
        color_scheme="dark" if request.param == "phone" else "light",
    )
    opened = Desk(context.new_page(), address)
    yield opened
    context.close()
    assert opened.complaints == []


def test_a_manager_finds_a_client_by_part_of_the_phone(desk: Desk, scene: Scene) -> None:
    page = desk.sign_in(VERA)
    desk.open("/clients")
    # A reminder of a call-back may name him too: the list is looked at.
    listed = page.locator("#list").get_by_role("link", name=PAVEL.name)
    expect(listed).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("8 (916) 123")
    expect(listed).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/clients\?q=8"))
    page.get_by_role("link", name=IRINA.name).click()
    expect(page.get_by_role("heading", name=IRINA.name)).to_be_visible()
    page.get_by_role("link", name="Звонки").last.click()
    expect(page.get_by_text("Заказ № 2041")).to_have_count(0)
    expect(page.get_by_text("Входящий звонок")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("Заказ № 2041")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name=IRINA.name)).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("8 (916) 123")


def test_an_admin_opens_a_dead_letter_and_replays_it(desk: Desk, scene: Scene) -> None:
    page = desk.sign_in(ALICE)
    desk.open("/admin/events?status=dead")
    page.get_by_role("link", name=str(scene.dead_event), exact=True).click()
    expect(page.get_by_text("2. Разобрано и сопоставлено")).to_be_visible()
    page.get_by_label("Причина").fill("проверили форму")
    page.get_by_role("button", name="Обработать заново").click()
    expect(page.get_by_role("alert").first).to_contain_text("обрабатывается заново")
    expect(page.get_by_text("получено", exact=True)).to_be_visible()


def test_filters_and_further_rows_come_without_a_new_page(desk: Desk, scene: Scene) -> None:
    page = desk.sign_in(VERA)
    desk.open("/calls")
    rows = page.locator("tr[data-href]")
    expect(rows).to_have_count(PAGE_SIZE)
    page.get_by_role("link", name="Показать ещё").click()
    expect(rows).to_have_count(2 * PAGE_SIZE)
    page.get_by_label("Результат").select_option("missed")
    expect(rows).to_have_count(3)
    expect(page).to_have_url(desk.address + "/calls?status=missed")


def test_the_menu_opens_on_a_phone(desk: Desk, scene: Scene) -> None:
    page = desk.sign_in(VERA)
    link = page.locator("#menu").get_by_role("link", name="Остатки")
    toggle = page.get_by_role("button", name="Меню")
    if toggle.is_visible():
        expect(link).to_be_hidden()
        toggle.click()
        assert (toggle.bounding_box() or {"width": 0})["width"] >= 32
    link.click()
    expect(page.get_by_role("heading", name="Остатки")).to_be_visible()
