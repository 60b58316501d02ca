"""«They say» against «we have»: what was lost on the way is found, fetched and written down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.woocommerce.emulator import LOST, Emulator
from hub.flow.reconcile import reconcile
from hub.sdk.errors import ConfigError
from hub.store.models import orders, reconciliations
from tests.support.hub import Hub


@pytest.fixture
def shop(hub: Hub) -> Iterator[Emulator]:
    """A shop whose webhooks lost two orders for good."""
    emulator = Emulator()
    emulator.start()
    hub.connect("shop", {**emulator.connection(), "schedule": {}})
    for request in emulator.webhooks():
        hub.post("shop", request)
    hub.drain("shop")
    yield emulator
    emulator.stop()


def period(shop: Emulator) -> tuple[datetime, datetime]:
    now = shop.now.replace(tzinfo=UTC)
    return now - timedelta(days=60), now + timedelta(days=1)


def test_lost_orders_are_recovered_and_named(hub: Hub, shop: Emulator) -> None:
    total = len(shop.orders)
    assert len(hub.rows(orders)) == total - len(LOST)
    days = reconcile(hub.store, "shop", *period(shop))
    sums = {name: sum(day[name] for day in days.values()) for name in next(iter(days.values()))}
    assert sums == {
        "theirs": total,
        "ours": total - len(LOST),
        "recovered": len(LOST),
        "unexplained": 0,
    }
    assert len(hub.rows(orders)) == total
    lost = {str(shop.orders[number]["id"]) for number in LOST}
    named = [name for row in hub.rows(reconciliations) for name in row["details"]["missing"]]
    assert set(named) == lost


def test_a_second_time_finds_nothing_missing_and_keeps_one_ledger(hub: Hub, shop: Emulator) -> None:
    reconcile(hub.store, "shop", *period(shop))
    before = hub.rows(orders)
    days = reconcile(hub.store, "shop", *period(shop))
    assert sum(day["recovered"] for day in days.values()) == 0
    assert all(day["theirs"] == day["ours"] for day in days.values())
    assert hub.rows(orders) == before
    rows = hub.rows(reconciliations)
    assert sorted(row["day"] for row in rows) == sorted(days)


def test_a_connection_without_history_says_what_to_do_instead(hub: Hub, shop: Emulator) -> None:
    hub.site()
    with pytest.raises(ConfigError, match="sync run"):
        reconcile(hub.store, "site", *period(shop))
    with pytest.raises(ConfigError, match="no connection"):
        reconcile(hub.store, "nobody", *period(shop))
