"""A chart in a real browser: it draws the numbers of the page, and a bar opens its records."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from hub.flow.report_keeper import keep
from hub.store.store import Store
from tests.support.people import ALICE
from tests.web.desk import Desk
from tests.web.scene import Scene

pytestmark = pytest.mark.browser
#: Where the first drawn bar is on the page, and how many it tells of.
BAR = """() => {
  const canvas = document.querySelector("[data-chart] canvas"), chart = Chart.getChart(canvas);
  canvas.scrollIntoView({block: "center"});
  const set = chart.data.datasets.findIndex(one => one.type === "bar" && one.data.some(n => n > 0));
  const place = chart.data.datasets[set].data.findIndex(number => number > 0);
  const bar = chart.getDatasetMeta(set).data[place], box = canvas.getBoundingClientRect();
  return {x: box.x + bar.x, y: box.y + (bar.y + bar.base) / 2,
          number: chart.data.datasets[set].data[place]};
}"""


def test_a_bar_opens_its_records(
    browser: Browser, address: str, scene: Scene, sqlite_store: Store
) -> None:
    keep(sqlite_store)
    context = browser.new_context(locale="ru-RU", reduced_motion="reduce")
    desk = Desk(context.new_page(), address)
    page = desk.sign_in(ALICE)
    desk.open("/reports/calls?period=year")
    page.wait_for_function("window.Chart && Chart.getChart(document.querySelector('canvas'))")
    bar = page.evaluate(BAR)
    page.mouse.click(bar["x"], bar["y"])
    page.wait_for_url("**/reports/calls/records?*")
    assert page.locator("tbody tr:not(.more-row)").count() == min(bar["number"], 50)
    context.close()
    assert desk.complaints == []
