"""Orders into 1C and its word back; notices that lead to a run. All through real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.onec_soap.emulator import Emulator
from connectors.onec_soap.uzel.emulator import UzelExchange
from connectors.woocommerce.emulator import Emulator as Shop
from hub.flow import deliver, poll, tick
from hub.sdk.errors import SignatureError
from hub.store import outbox
from hub.store.database import utc_now
from hub.store.models import bindings, deliveries, events, orders, stock_levels, sync_runs
from tests.support.hub import Hub
from tests.support.people import IRINA
from tests.support.rows import Rows

LINES = [{"external_id": "1", "sku": "NC-20", "name": "Насос", "quantity": "2", "price": "10"}]


@pytest.fixture
def base() -> Iterator[UzelExchange]:
    emulator = UzelExchange()
    emulator.start()
    yield emulator
    emulator.stop()


def connect(hub: Hub, base: UzelExchange, **changes: Any) -> int:
    return hub.connect("onec", {**base.connection(), "schedule": {}, **changes}).id


def order_of_the_shop(hub: Hub) -> int:
    """An order, and the duty to tell 1C of it."""
    rows = Rows(hub.store)
    shop = hub.connect("shop", Shop().connection()).id
    contact = rows.contact(IRINA, connection_id=shop, inn="7707083893")
    return rows.record(
        "order",
        connection_id=shop,
        external_id="2041",
        contact_id=contact,
        number="2041",
        placed_at=datetime(2026, 1, 20, 6, 30, tzinfo=UTC),
        total=Decimal("20.00"),
        lines=LINES,
    )


def owe(hub: Hub, destination: int, order: int) -> None:
    duty = outbox.Duty(destination, "order", order, "order.updated", None)
    with hub.store.database.write() as db:
        outbox.add(db, [duty], utc_now())


def bring(hub: Hub, destination: int) -> None:
    hub.make_due(deliveries)
    deliver.deliver(hub.store, destination)


def test_an_order_goes_into_1c_and_its_state_comes_back(hub: Hub, base: UzelExchange) -> None:
    base.sessions = True
    onec, order = connect(hub, base), order_of_the_shop(hub)
    owe(hub, onec, order)
    bring(hub, onec)
    key = f"uzel-order-{order}"
    assert hub.one(deliveries)["status"] == "delivered"
    known = base.orders[key]
    assert known["Sent"]["Phone"] == IRINA.phone
    row = hub.one(orders)
    assert (row["erp_number"], row["erp_status"]) == ("УТ-000001", "Не согласован")
    assert row["erp_date"] == datetime(2026, 1, 20, 9, tzinfo=UTC)
    bound = hub.one(bindings, connection_id=onec, entity="order")
    assert (bound["external_id"], bound["record_id"]) == (known["GUID"], order)
    base.set_order(key, Status="Отгружен", Paid="20.00", Posted="true")
    run = hub.sync("onec", "orders")
    assert run["status"] == "succeeded", run["error_message"]
    row = hub.one(orders)
    assert (row["erp_status"], row["erp_paid"], row["erp_posted"]) == (
        "Отгружен",
        Decimal(20),
        True,
    )
    # The shop's own words stay the shop's.
    assert (row["number"], row["total"]) == ("2041", Decimal("20.00"))
    assert base.open_sessions == set()


def test_a_delivery_whose_answer_was_lost_makes_no_second_document(
    sqlite_hub: Hub, base: UzelExchange
) -> None:
    onec, order = connect(sqlite_hub, base), order_of_the_shop(sqlite_hub)
    owe(sqlite_hub, onec, order)
    base.lose_answers = 1
    bring(sqlite_hub, onec)
    assert sqlite_hub.one(deliveries)["status"] == "waiting"
    bring(sqlite_hub, onec)
    assert sqlite_hub.one(deliveries)["status"] == "delivered"
    assert base.calls.count("PutOrder") == 2
    assert len(base.orders) == 1


def test_only_a_base_that_takes_orders_is_told_and_only_of_orders(
    sqlite_hub: Hub, base: UzelExchange
) -> None:
    plain = Emulator()
    sqlite_hub.connect("plain", {**plain.connection(), "schedule": {}})
    connect(sqlite_hub, base)
    sqlite_hub.site()
    for request in sqlite_hub.site().connector.emulator().webhooks()[:3]:
        sqlite_hub.post("site", request)
    sqlite_hub.drain()
    # Leads and clients are no business of either.
    assert sqlite_hub.rows(deliveries) == []


# Notices.


def test_a_notice_leads_to_a_run_of_its_stream(hub: Hub, base: UzelExchange) -> None:
    connect(hub, base)
    base.put_stock("item-1", "Основной", "5")
    for _ in range(3):
        hub.post("onec", base.notice("stock.changed"))
    assert hub.drain("onec") == 3
    # Three notices are one run, written with the events' own marks.
    run = hub.one(sync_runs)
    assert (run["stream"], run["trigger"], run["status"]) == ("stock", "event", "queued")
    assert hub.statuses() == {"done": 3}
    tick.tick(hub.store)

    assert poll.run_sync(hub.store, run["id"]) == "succeeded"
    assert hub.one(stock_levels)["quantity"] == Decimal(5)


def test_the_same_notice_again_is_no_new_event_and_two_alike_are_two(
    sqlite_hub: Hub, base: UzelExchange
) -> None:
    connect(sqlite_hub, base)
    once = base.notice("stock.changed", "5b0c")
    assert [sqlite_hub.post("onec", once).stored for _ in range(2)] == [True, False]
    bare = base.notice("stock.changed", " ")
    for _ in range(2):
        sqlite_hub.post("onec", bare)
    assert len(sqlite_hub.rows(events)) == 3


def test_a_notice_of_what_is_not_polled_is_ignored_with_the_reason(
    sqlite_hub: Hub, base: UzelExchange
) -> None:
    connect(
        sqlite_hub, base, settings={**base.connection()["settings"], "streams": {"orders": None}}
    )
    sqlite_hub.post("onec", base.notice("order.changed"))
    sqlite_hub.post("onec", base.notice("касса.закрыта"))
    sqlite_hub.drain("onec")
    assert sqlite_hub.statuses() == {"ignored": 2}
    assert sqlite_hub.rows(sync_runs) == []
    said = [row["error_message"] for row in sqlite_hub.rows(events)]
    assert "orders" in said[0]
    assert "касса.закрыта" in said[1]


def test_a_notice_without_the_key_is_refused(sqlite_hub: Hub, base: UzelExchange) -> None:
    connect(sqlite_hub, base)
    notice = base.notice("stock.changed")
    for headers in ((), (("X-Hub-Key", "другой"),)):
        with pytest.raises(SignatureError):
            sqlite_hub.post("onec", type(notice)(notice.body, headers))
    file = base.connection()
    sqlite_hub.connect("bare", {**file, "schedule": {}, "secrets": {"password": "x"}})
    with pytest.raises(SignatureError):
        sqlite_hub.post("bare", notice)


def test_changes_keep_the_levels_of_the_snapshot_they_belong_to(
    sqlite_hub: Hub, base: UzelExchange
) -> None:
    connect(sqlite_hub, base)
    for number in range(4):
        base.put_stock(f"item-{number}", "Основной", "5")
    assert sqlite_hub.sync("onec", "stock")["status"] == "succeeded"
    base.put_stock("item-0", "Основной", "0")
    base.put_stock("item-1", "Основной", "7")
    assert sqlite_hub.sync("onec", "stock_changes")["status"] == "succeeded"
    levels = {row["product_external_id"]: row["quantity"] for row in sqlite_hub.rows(stock_levels)}
    assert levels == {"item-0": 0, "item-1": 7, "item-2": 5, "item-3": 5}
    # The next whole snapshot still answers for every one of them.
    del base._rows["stock"]["item-1##Основной"]
    run = sqlite_hub.sync("onec", "stock")
    assert (run["status"], run["held_reason"]) == ("succeeded", None)
    left = {row["product_external_id"] for row in sqlite_hub.rows(stock_levels) if row["quantity"]}
    assert left == {"item-2", "item-3"}
