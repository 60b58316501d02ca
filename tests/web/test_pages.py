"""Every page opens for an admin, in both languages, and says what it must."""

from __future__ import annotations

import pytest

from tests.support.people import ALICE
from tests.web import pages_calls, pages_clients, pages_config, pages_tasks
from tests.web.conftest import SignIn
from tests.web.pages_ops import OPS_PAGES
from tests.web.pages_people import people_pages
from tests.web.pages_reports import REPORTS
from tests.web.pages_trade import TRADE
from tests.web.scene import Scene

LISTS = (
    "/clients", "/calls", "/orders", "/leads", "/messages", "/stock",
    "/admin/connections", "/admin/events", "/admin/dead", "/admin/runs", "/admin/deliveries",
    "/admin/rejections", "/admin/duplicates",
)  # fmt: skip


def addresses(scene: Scene) -> list[str]:
    """Every page."""
    return [
        "/",
        *LISTS,
        *REPORTS,
        *TRADE,
        *pages_clients.addresses(scene),
        f"/clients/{scene.irina}",
        f"/calls/{scene.call}",
        *pages_calls.PAGES,
        f"/orders/{scene.order}",
        f"/messages/{scene.message}",
        f"/admin/events/{scene.done_event}",
        f"/admin/events/{scene.dead_event}",
        f"/admin/runs/{scene.run}",
        f"/admin/deliveries/{scene.delivery}",
        "/admin/connections/site",
        "/admin/connections/mango-main",
        "/admin/connections/onec",
        *pages_config.SEEN_BY_AUDITORS,
        "/profile",
        *pages_tasks.addresses(scene),
        *OPS_PAGES,
        *people_pages(scene),
    ]


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_page_opens(sign_in: SignIn, scene: Scene, language: str) -> None:
    alice = sign_in(ALICE)
    alice.post("/language", language=language)
    for path in addresses(scene):
        assert f'<html lang="{language}">' in alice.get(path), path
