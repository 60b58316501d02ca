"""WooCommerce: its REST API read over real HTTP from an emulated shop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import responses
from ruamel.yaml import YAML

from connectors.woocommerce import poll, webhook
from connectors.woocommerce.emulator import Emulator
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, RetryLater
from hub.sdk.payload import load_json
from hub.sdk.records import Page, SourceRecord
from hub.sdk.request import Event, RawRequest

FIXTURES = Path(__file__).resolve().parents[2] / "connectors" / "woocommerce" / "fixtures"
NOW = datetime(2026, 1, 12, 15, 22, tzinfo=UTC)
SHOP = "https://shop.example"


def fixture_connection() -> Connection:
    document = YAML(typ="safe").load(FIXTURES / "connection.yml")
    document.pop("received_at")
    return make_connection(document)


def parsed(request: RawRequest) -> list[SourceRecord]:
    connection = fixture_connection()
    event = Event(request, NOW, type=webhook.event_type(request, connection))
    return list(webhook.parse(event, connection))


def shown(records: list[SourceRecord]) -> list[dict[str, Any]]:
    names = ("entity", "external_id", "data", "version", "part", "deleted")
    return [
        {
            **{name: getattr(record, name) for name in names},
            "occurred_at": webhook.version_of(record.occurred_at) if record.occurred_at else None,
        }
        for record in records
    ]


@pytest.fixture
def shop() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


def connected(shop: Emulator, **settings: Any) -> Connection:
    document = shop.connection()
    document["settings"] |= settings
    return make_connection(document, name="shop")


def swept(connection: Connection, stream: str, cursor: dict[str, Any] | None = None) -> list[Page]:
    return list(poll.read(connection, stream, cursor or {}))


def ids(pages: list[Page]) -> list[str]:
    return [record.external_id for page in pages for record in page.records]


def grow(shop: Emulator, count: int) -> None:
    pattern = shop.orders[0]
    shop.orders += [{**pattern, "id": 1000 + number} for number in range(count)]


def test_webhooks_and_polls_end_in_the_state_of_the_shop(shop: Emulator) -> None:
    connection = connected(shop)
    state: dict[tuple[str, str], SourceRecord] = {}

    def keep(record: SourceRecord) -> None:
        known = state.get((record.entity, record.external_id))
        if known is None or record.version >= known.version:
            state[record.entity, record.external_id] = record

    _ping, *deliveries = shop.webhooks()
    for request in deliveries:
        webhook.verify(request, connection, NOW)
        for record in parsed(request):
            keep(record)
    told = {external_id for entity, external_id in state if entity == "order"}
    assert len(told) >= 10
    assert len(told) < len(shop.orders), "some deliveries never come"
    for stream in ("orders", "customers", "products"):
        for page in swept(connection, stream):
            assert page.rejected == []
            for record in page.records:
                keep(record)
    orders = {key[1]: r.data["status"] for key, r in state.items() if key[0] == "order"}
    assert orders == {str(order["id"]): order["status"] for order in shop.orders}
    here = [record.entity for record in state.values() if not record.deleted]
    for entity in ("order", "product", "stock"):
        assert here.count(entity) == shop.expected()[entity]


def test_second_poll_asks_from_the_cursor_with_an_overlap_in_utc(shop: Emulator) -> None:
    connection = connected(shop, overlap_minutes=10)
    cursor = dict(swept(connection, "orders")[-1].cursor)
    newest = max(shop.orders, key=lambda order: str(order["date_modified_gmt"]))
    assert cursor == {"modified_after": newest["date_modified_gmt"]}
    late = datetime.fromisoformat(cursor["modified_after"]) - timedelta(minutes=9)
    shop.orders[0] = {**shop.orders[0], "date_modified_gmt": late.isoformat()}
    assert set(ids(swept(connection, "orders", cursor))) == {"700", str(newest["id"])}


def test_cursor_never_passes_the_moment_the_poll_began(shop: Emulator) -> None:
    future = (datetime.now(UTC) + timedelta(days=1)).replace(tzinfo=None, microsecond=0)
    shop.orders[0] = {**shop.orders[0], "date_modified_gmt": future.isoformat()}
    (page,) = swept(connected(shop), "orders")
    assert page.cursor["modified_after"] <= datetime.now(UTC).replace(tzinfo=None).isoformat()


def test_cursor_moves_on_the_last_page_only(shop: Emulator) -> None:
    grow(shop, 250)
    before = {"modified_after": "2020-01-01T00:00:00"}
    pages = swept(connected(shop), "orders", before)
    assert [len(page.records) for page in pages] == [100, 100, 64]
    assert [dict(page.cursor) == before for page in pages] == [True, True, False]
    assert sorted(ids(pages)) == sorted(str(order["id"]) for order in shop.orders)


def test_empty_answer_leaves_the_cursor_where_it_was(shop: Emulator) -> None:
    shop.orders.clear()
    before = {"modified_after": "2026-01-01T00:00:00"}
    (page,) = swept(connected(shop), "orders", before)
    assert page == Page([], cursor=before, rejected=[])


def test_rows_binned_while_pages_are_read_hide_no_other_row(shop: Emulator) -> None:
    grow(shop, 250)
    reading = poll.read(connected(shop), "orders", {})
    pages = [next(reading)]
    del shop.orders[20:60]
    pages += reading
    assert {str(order["id"]) for order in shop.orders} <= set(ids(pages))


def test_run_that_breaks_off_raises_and_has_moved_nothing(shop: Emulator) -> None:
    grow(shop, 250)
    reading = poll.read(connected(shop), "orders", {})
    assert next(reading).cursor == {}
    shop.down = 503
    with pytest.raises(RetryLater):
        next(reading)


def test_bad_row_is_listed_and_blocks_nothing(shop: Emulator) -> None:
    shop.orders.append({**shop.orders[0], "id": 0})
    (page,) = swept(connected(shop), "orders")
    assert len(page.records) == len(shop.orders) - 1
    assert page.rejected == [("order 1", "the object has no id")]


def test_variations_come_with_their_products(shop: Emulator) -> None:
    for row in shop.variations[30]:
        del row["parent_id"], row["name"]
    (page,) = swept(connected(shop), "products")
    found = [r for r in page.records if r.external_id == "31"]
    assert [r.entity for r in found] == ["product", "stock"]
    assert found[0].data["parent_id"] == 30
    assert found[0].data["name"] == "Куртка"


def test_unreadable_variations_are_listed_and_block_nothing(shop: Emulator) -> None:
    shop.variations.clear()
    (page,) = swept(connected(shop), "products")
    assert len(page.records) == 2 * len(shop.products)
    assert page.rejected[0][0] == "variations of product 30"


def test_webhook_the_shop_switched_off_is_named_by_the_poll(shop: Emulator) -> None:
    shop.hooks[1]["status"] = "disabled"
    (page,) = swept(connected(shop), "orders")
    assert page.rejected[0][0] == "webhook 2 «order.updated» (order.updated)"
    assert "disabled" in page.rejected[0][1]


def test_history_is_what_was_ordered_in_the_period(shop: Emulator) -> None:
    placed = sorted(str(order["date_created_gmt"]) for order in shop.orders)
    since, until = (datetime.fromisoformat(placed[at]).replace(tzinfo=UTC) for at in (2, 5))
    found = list(poll.history(connected(shop), since, until))
    assert sorted(str(record.data["date_created_gmt"]) for record in found) == placed[2:5]


def test_keys_may_go_in_the_query(shop: Emulator) -> None:
    assert ids(swept(connected(shop, auth_in_query=True), "customers")) == ["11", "12", "13"]


def test_unknown_stream_and_missing_keys_are_configuration_errors(shop: Emulator) -> None:
    with pytest.raises(ConfigError, match="no stream «coupons»"):
        swept(connected(shop), "coupons")
    document = shop.connection()
    del document["secrets"]["consumer_key"]
    with pytest.raises(ConfigError, match="consumer_key"):
        swept(make_connection(document), "orders")


@pytest.mark.parametrize("stream", ["orders", "customers"])
def test_polled_page_gives_its_golden_file(stream: str) -> None:
    body = (FIXTURES / f"{stream}.1.json").read_bytes()
    expected = load_json((FIXTURES / f"{stream}.1.expected.json").read_bytes())["records"]
    with responses.RequestsMock() as shop:
        shop.get(f"{SHOP}/wp-json/wc/v3/{stream}", body, content_type="application/json")
        if stream == "orders":
            shop.get(f"{SHOP}/wp-json/wc/v3/webhooks", status=403)
        (page,) = swept(fixture_connection(), stream)
    assert shown(list(page.records)) == expected
    assert page.rejected == []
