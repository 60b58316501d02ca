"""Every page in a real browser: fits the window, complains of nothing, is for everybody (axe)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.people import ALICE
from tests.web.desk import SIZES, Desk
from tests.web.pages_config import FOR_ADMINS
from tests.web.scene import Scene
from tests.web.test_pages import addresses

pytestmark = pytest.mark.browser
AXE = (Path(__file__).parent / "vendor/axe-core-4.14.1/axe.min.js").read_text(encoding="utf-8")
#: WCAG 2.2, levels A and AA.
LOOK = """async (rules) => {
  const found = await axe.run(document, {
    runOnly: rules,
    resultTypes: ["violations"],
  });
  return found.violations.map(rule =>
    `${rule.id}: ${rule.nodes.map(node => node.html.slice(0, 160)).join(" | ")}`);
}"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WHOLE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: What another width or theme may change.
BY_LOOKS = ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"]
#: (size, theme, language): both of each are seen, not every combination.
LOOKS = (("desktop", "light", "ru"), ("phone", "dark", "en"))
#: The pages are dealt out to so many tests, so that they can be walked at once.
PARTS = 3


@pytest.fixture(params=LOOKS, ids="-".join)
def walker(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Desk]:
    """A signed-in admin at a window."""
    size, theme, language = request.param
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale="ru-RU",
        color_scheme=theme,
        reduced_motion="reduce",
    )
    desk = Desk(context.new_page(), address)
    page = desk.sign_in(ALICE)
    if language != "ru":
        page.evaluate("document.querySelector('button[name=language]').click()")
        page.wait_for_selector(f"html[lang={language}]")
    yield desk
    context.close()
    assert desk.complaints == []


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_for_everybody(walker: Desk, scene: Scene, part: int) -> None:
    wrong: list[str] = []
    width = (walker.page.viewport_size or {"width": 0})["width"]
    rules = WHOLE if width == SIZES["desktop"][0] else BY_LOOKS
    for path in [*addresses(scene), *FOR_ADMINS][part::PARTS]:
        page = walker.open(path)
        found = ["wider than the window"] if page.evaluate(TOO_WIDE) > 0 else []
        page.evaluate(AXE)
        found += page.evaluate(LOOK, rules)
        wrong += [f"{path}: {what}" for what in found]
    assert not wrong, "\n".join(wrong)
