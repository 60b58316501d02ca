"""What only a browser shows of operations: ticks, a dry run, rows that come by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from hub.flow import replay_job
from hub.store.store import Store
from tests.support.hub import Hub, lead
from tests.support.people import ALICE
from tests.web.desk import Desk
from tests.web.scene import Scene

pytestmark = pytest.mark.browser


@pytest.fixture
def window(browser: Browser, address: str) -> Iterator[Desk]:
    """A phone's window that must not have complained in the end."""
    context = browser.new_context(viewport={"width": 375, "height": 780}, locale="ru-RU")
    opened = Desk(context.new_page(), address)
    yield opened
    context.close()
    assert opened.complaints == []


def test_picked_events_are_tried_without_writing_and_new_ones_come_by_themselves(
    window: Desk, scene: Scene, sqlite_store: Store
) -> None:
    page = window.sign_in(ALICE)
    window.open("/admin/events?status=dead")
    expect(page.get_by_role("button", name="Обработать выбранные заново")).to_be_disabled()
    page.get_by_label("Выбрать событие 2").check()
    page.get_by_label("Выбрать событие 3").check()
    expect(page.get_by_text("Выбрано: 2")).to_be_visible()
    page.get_by_role("button", name="Обработать выбранные заново").click()
    page.get_by_role("button", name="Попробовать без записи").click()
    expect(page.get_by_text("Ждёт обработчика очереди")).to_be_visible()
    replay_job.turn(sqlite_store, int(page.url.rpartition("/")[2]), 5.0)
    # The page asks for itself until the end.
    expect(page.get_by_text("Что не получится и почему")).to_be_visible()
    expect(page.get_by_role("heading", name="Теперь по-настоящему")).to_be_visible()
    window.open("/admin/events?tail=1")
    rows = page.locator("tr[data-href]")
    expect(rows).to_have_count(4)
    Hub(sqlite_store).post("site", lead(77))
    page.evaluate("htmx.trigger(document.body, 'live:events')")
    expect(rows).to_have_count(5)
    expect(rows.first.get_by_role("link", name="5", exact=True)).to_be_visible()
