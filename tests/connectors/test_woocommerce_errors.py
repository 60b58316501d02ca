"""WooCommerce: the connection test, and what the shop's failures mean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from ruamel.yaml import YAML

from connectors.woocommerce import poll
from connectors.woocommerce.emulator import KEY, KEY_SECRET, SECRET, Emulator
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import AuthError, HubError, PayloadError, Rejected, RetryLater

FIXTURES = Path(__file__).resolve().parents[2] / "connectors" / "woocommerce" / "fixtures"
SHOP = "https://shop.example"
ORDERS = f"{SHOP}/wp-json/wc/v3/orders"


def fixture_connection() -> Connection:
    document = YAML(typ="safe").load(FIXTURES / "connection.yml")
    document.pop("received_at")
    return make_connection(document)


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


def steps(connection: Connection) -> dict[str, tuple[bool, str]]:
    return {step.name: (step.ok, step.message) for step in poll.check(connection)}


def test_check_of_a_healthy_shop(shop: Emulator) -> None:
    found = steps(connected(shop))
    assert list(found) == ["address", "tls", "login", "webhooks"]
    assert all(ok for ok, _ in found.values())


def test_check_names_the_webhooks_that_are_off_and_only_our_own(shop: Emulator) -> None:
    shop.hooks[0] |= {"status": "paused", "delivery_url": "https://hub.example/in/shop"}
    shop.hooks[1] |= {"status": "disabled", "delivery_url": "https://other.example/"}
    ok, message = steps(connected(shop))["webhooks"]
    assert not ok
    assert "order.created" in message
    assert "paused" in message
    assert "disabled" not in message
    shop.hooks.clear()
    assert steps(connected(shop))["webhooks"][0] is False


def test_check_says_how_far_it_came(shop: Emulator) -> None:
    document = shop.connection()
    document["secrets"]["consumer_secret"] = "cs_wrong"
    found = steps(make_connection(document))
    assert [(name, ok) for name, (ok, _) in found.items()] == [
        ("address", True),
        ("tls", True),
        ("login", False),
    ]
    assert "ключи" in found["login"][1]
    document["settings"]["url"] = "http://127.0.0.1:9"
    assert list(steps(make_connection(document))) == ["address"]
    document["settings"]["url"] += "x"
    assert steps(make_connection(document))["address"][0] is False


def test_check_warns_of_a_shop_without_tls() -> None:
    document = {
        "connector": "woocommerce",
        "settings": {"url": "http://shop.example"},
        "secrets": {"webhook_secret": "x", "consumer_key": "ck_1", "consumer_secret": "cs_1"},
    }
    with responses.RequestsMock() as shop:
        shop.get("http://shop.example/wp-json/wc/v3/orders", json={"code": "no"}, status=401)
        assert steps(make_connection(document))["tls"][0] is False
    document["settings"] = {"url": SHOP}
    with responses.RequestsMock() as shop:
        shop.get(ORDERS, body=requests.exceptions.SSLError("bad certificate"))
        found = steps(make_connection(document))
    assert [(name, ok) for name, (ok, _) in found.items()] == [("address", True), ("tls", False)]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ({"body": requests.exceptions.ReadTimeout()}, RetryLater),
        ({"body": requests.exceptions.ConnectionError("refused")}, RetryLater),
        ({"status": 301, "headers": {"Location": "https://www.shop.example/"}}, Rejected),
        ({"status": 400, "json": {"code": "rest_invalid_param"}}, Rejected),
        ({"status": 401, "json": {"code": "woocommerce_rest_cannot_view"}}, AuthError),
        ({"status": 403, "body": "Forbidden"}, AuthError),
        ({"status": 404, "json": {"code": "rest_no_route"}}, Rejected),
        ({"status": 409, "body": "busy"}, RetryLater),
        ({"status": 422, "body": "no"}, Rejected),
        ({"status": 429, "headers": {"Retry-After": "17"}}, RetryLater),
        ({"status": 500, "body": "Error establishing a database connection"}, RetryLater),
        ({"status": 200, "body": "<html></html>", "content_type": "text/html"}, RetryLater),
        ({"status": 200, "json": {"code": "odd"}}, PayloadError),
        ({"status": 200, "body": "[{", "content_type": "application/json"}, PayloadError),
    ],
)
def test_vendor_error_says_who_must_act(reply: dict[str, Any], kind: type[HubError]) -> None:
    with responses.RequestsMock() as shop:
        shop.get(ORDERS, **reply)
        with pytest.raises(kind) as caught:
            list(poll.read(fixture_connection(), "orders", {}))
    assert type(caught.value) is kind
    if reply.get("status") == 429:
        assert isinstance(caught.value, RetryLater)
        assert caught.value.after == 17


def test_keys_in_the_query_stay_out_of_the_error(shop: Emulator) -> None:
    connection = make_connection(
        {
            "connector": "woocommerce",
            "settings": {"url": SHOP, "auth_in_query": True},
            "secrets": {
                "webhook_secret": SECRET,
                "consumer_key": KEY,
                "consumer_secret": KEY_SECRET,
            },
        }
    )

    def echo(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        return 404, {}, f"No page at {request.url}"

    with responses.RequestsMock() as mocked:
        mocked.add_callback(responses.GET, ORDERS, callback=echo)
        with pytest.raises(Rejected) as caught:
            list(poll.read(connection, "orders", {}))
    assert "No page at" in str(caught.value)
    assert KEY not in str(caught.value) + caught.value.message
    assert KEY_SECRET not in str(caught.value) + caught.value.message
