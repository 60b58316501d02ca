"""In two real browsers: who is called sees who calls, on whatever page; the other one does not."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect
from redis import Redis

from hub.store.store import Store
from tests.support.people import BORIS, IRINA, VERA
from tests.support.waiting import wait_until
from tests.web.desk import Desk
from tests.web.scene import Scene
from tests.web.test_calls import ring

pytestmark = pytest.mark.browser


def test_the_card_comes_to_whom_the_call_rings_at(
    browser: Browser, address: str, scene: Scene, sqlite_store: Store, redis_url: str
) -> None:
    vera_window, boris_window = (
        browser.new_context(locale="ru-RU", viewport={"width": 375, "height": 780})
        for _ in range(2)
    )
    vera, boris = (Desk(one.new_page(), address) for one in (vera_window, boris_window))
    vera.sign_in(VERA)
    boris.sign_in(BORIS)
    page = vera.open("/orders")
    redis = Redis.from_url(redis_url)
    wait_until(lambda: redis.pubsub_numsub("uzel:news")[0][1], 10, "the subscription")
    ring(sqlite_store, IRINA.phone)
    card = page.locator("article.ring:visible")
    expect(card).to_contain_text(IRINA.name)
    expect(card).to_contain_text("Входящий звонок")
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0
    card.get_by_label("Заметка о звонке").fill("хочет два насоса")
    ring(sqlite_store, IRINA.phone, "Connected", 2)
    expect(card).to_contain_text("Вы разговариваете")
    expect(card.get_by_label("Заметка о звонке")).to_have_value("хочет два насоса")
    page = vera.open("/clients")
    expect(card).to_contain_text("Вы разговариваете")
    card.get_by_role("button", name="Убрать").click()
    expect(card).to_have_count(0)
    ring(sqlite_store, IRINA.phone, "Disconnected", 3, disconnect_reason=1110)
    expect(boris.page.locator("article.ring")).to_have_count(0)
    vera.open("/orders")
    expect(card).to_have_count(0)
    assert vera.complaints == boris.complaints == []
    for window in (vera_window, boris_window):
        window.close()
