"""Tasks by the keyboard, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.support.people import VERA
from tests.web.desk import Desk
from tests.web.scene import Scene

pytestmark = pytest.mark.browser


def test_added_done_and_taken_back_by_keys(browser: Browser, address: str, scene: Scene) -> None:
    context = browser.new_context(locale="ru-RU")
    desk = Desk(context.new_page(), address)
    page = desk.sign_in(VERA)
    page = desk.open("/tasks")
    page.keyboard.press("n")
    page.keyboard.type("Позвонить в типографию")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Добавлено")).to_be_visible()
    # The form is ready for the next one.
    expect(page.locator("[data-new]")).to_have_value("")
    page = desk.open("/tasks")
    page.keyboard.press("j")
    page.keyboard.press("d")
    first = page.locator("tbody tr").first
    expect(first.get_by_role("button", name="Вернуть")).to_be_visible()
    first.get_by_role("button", name="Вернуть").click()
    expect(first.locator("[data-key=d]", has_text=re.compile("Сделано|Готово"))).to_be_visible()
    context.close()
    assert desk.complaints == []
