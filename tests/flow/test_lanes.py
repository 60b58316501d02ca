"""What waits holds up nobody, and what comes late is late."""

from __future__ import annotations

from typing import Any

import pytest

from hub.sdk.errors import RetryLater
from hub.store.models import events, orders
from tests.flow.test_any_order_orders import Version, connect, request, v
from tests.support.hub import Hub, patch_parse


@pytest.fixture
def shop(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """A shop whose events with these notes are not ready yet."""
    unready: set[str] = set()

    def parse(event: Any, connection: Any) -> Any:
        if event.request.json.get("customer_note") in unready:
            raise RetryLater("not yet")
        return real(event, connection)

    real = patch_parse(monkeypatch, parse, "woocommerce")
    connect(hub, "shop")
    return unready


def tell(hub: Hub, version: Version, number: int) -> None:
    delivery, at = request(version, number)
    hub.post("shop", delivery, at)


def note_of(hub: Hub, number: int) -> str:
    return str(hub.one(orders, external_id=str(number))["comment"])


def test_an_older_version_that_waited_does_not_win(hub: Hub, shop: set[str]) -> None:
    shop.add("старая")
    tell(hub, v("updated", 0, 4, customer_note="старая"), 1)
    tell(hub, v("updated", 1, 5, customer_note="новая"), 1)
    tell(hub, v("updated", 0, 6, customer_note="чужая"), 2)
    assert hub.drain("shop") == 3
    # The rest of the lane and the other lane went on.
    assert hub.statuses() == {"waiting": 1, "done": 2}
    assert (note_of(hub, 1), note_of(hub, 2)) == ("новая", "чужая")
    shop.clear()
    hub.make_due()
    hub.drain("shop")
    assert hub.statuses() == {"done": 3}
    assert note_of(hub, 1) == "новая"


def test_a_newer_version_that_waited_wins_when_it_is_ready(hub: Hub, shop: set[str]) -> None:
    shop.add("новая")
    tell(hub, v("updated", 1, 4, customer_note="новая"), 1)
    tell(hub, v("updated", 0, 5, customer_note="старая"), 1)
    hub.drain("shop")
    assert note_of(hub, 1) == "старая"
    shop.clear()
    hub.make_due()
    hub.drain("shop")
    assert note_of(hub, 1) == "новая"
    assert [row["attempts"] for row in hub.rows(events)] == [2, 1]


def test_a_deletion_that_waited_does_not_undo_a_later_restoration(
    hub: Hub, shop: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(hub, v("updated", 0, 4), 1)
    hub.drain("shop")

    def unready(event: Any, connection: Any) -> Any:
        if event.type == "order.deleted":
            raise RetryLater("not yet")
        return real(event, connection)

    with monkeypatch.context() as patch:
        real = patch_parse(patch, unready, "woocommerce")
        tell(hub, v("deleted", 0, 5), 1)
        tell(hub, v("restored", 1, 6), 1)
        hub.drain("shop")
    hub.make_due()
    hub.drain("shop")
    assert hub.statuses() == {"done": 3}
    assert hub.one(orders)["deleted_at"] is None
