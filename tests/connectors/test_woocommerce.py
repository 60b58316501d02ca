"""WooCommerce: its webhooks against their golden files, signatures, keys and versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from connectors.woocommerce import webhook
from connectors.woocommerce.emulator import ping, signed
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import Ignored, PayloadError, SignatureError
from hub.sdk.payload import load_json
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event, RawRequest
from hub.sdk.testing import read_http

FIXTURES = Path(__file__).resolve().parents[2] / "connectors" / "woocommerce" / "fixtures"
NOW = datetime(2026, 1, 12, 15, 22, tzinfo=UTC)
SHOP = "https://shop.example"


def fixture_connection() -> Connection:
    document = YAML(typ="safe").load(FIXTURES / "connection.yml")
    document.pop("received_at")
    return make_connection(document)


def nobody(kind: str, value: str) -> None:
    return None


def parsed(request: RawRequest, received_at: datetime = NOW) -> list[SourceRecord]:
    connection = fixture_connection()
    event = Event(request, received_at, type=webhook.event_type(request, connection))
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


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.http")), ids=lambda path: path.stem)
def test_fixture_is_accepted_and_parses_to_its_golden_file(path: Path) -> None:
    connection, request = fixture_connection(), read_http(path)
    expected = load_json(path.with_suffix(".expected.json").read_bytes())
    webhook.verify(request, connection, NOW)
    assert webhook.answer(request, connection, nobody) is None
    assert webhook.event_type(request, connection) == expected["event_type"]
    assert webhook.event_key(request, connection) == expected["event_key"]
    assert webhook.ordering_key(request, connection) == expected["ordering_key"]
    if "records" in expected:
        assert shown(parsed(request)) == expected["records"]
        return
    kind, words = (
        (Ignored, expected["ignored"])
        if "ignored" in expected
        else (PayloadError, expected["payload_error"])
    )
    with pytest.raises(kind, match=words):
        parsed(request)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.http")), ids=lambda path: path.stem)
def test_one_changed_byte_breaks_the_signature(path: Path) -> None:
    request = read_http(path)
    changed = replace(request, body=request.body[:-1] + b" ")
    with pytest.raises(SignatureError):
        webhook.verify(changed, fixture_connection(), NOW)


def test_signature_is_what_openssl_says() -> None:
    # printf '{"id":727}' | openssl dgst -sha256 -hmac 'a&b' -binary | base64
    request = RawRequest(
        body=b'{"id":727}',
        headers=(("x-wc-webhook-signature", "fvvfKrQTDGAWM83fuFQAeFPz+Xaj5zHi22J9mwwzwd8="),),
    )
    document = {
        "connector": "woocommerce",
        "settings": {"url": SHOP},
        "secrets": {"webhook_secret": "a&b"},
    }
    webhook.verify(request, make_connection(document), NOW)


def test_every_valid_secret_counts_while_it_is_rotated() -> None:
    request = signed("order.updated", {"id": 1}, secret="old")
    document: dict[str, Any] = {
        "connector": "woocommerce",
        "settings": {"url": SHOP},
        "secrets": {"webhook_secret": ["new", "old"]},
    }
    webhook.verify(request, make_connection(document), NOW)
    document["secrets"] = {"webhook_secret": ["new"]}
    with pytest.raises(SignatureError):
        webhook.verify(request, make_connection(document), NOW)


def test_unsigned_ping_gets_200_and_nothing_else_does() -> None:
    connection = fixture_connection()
    reply = webhook.answer(ping(), connection, nobody)
    assert reply is not None
    assert reply.status == 200
    not_pings = [
        replace(ping(), body=b"webhook_id=12&order=727"),
        replace(ping(), body=b'{"id":727}'),
        replace(ping(), headers=(("X-WC-Webhook-Topic", "order.updated"),)),
        replace(ping(), headers=(("X-WC-Webhook-Signature", "abc="),)),
        RawRequest(body=b"", method="GET"),
    ]
    for request in not_pings:
        assert webhook.answer(request, connection, nobody) is None
        with pytest.raises(SignatureError):
            webhook.verify(request, connection, NOW)


def test_two_changes_in_one_second_are_two_events_and_a_repeat_is_one() -> None:
    connection = fixture_connection()
    order = {"id": 727, "date_modified_gmt": "2026-01-12T15:21:10", "status": "pending"}
    first, second = (
        signed("order.updated", order),
        signed("order.updated", {**order, "status": "processing"}),
    )
    delivery = "X-WC-Webhook-Delivery-ID"
    assert first.header(delivery) == second.header(delivery)
    assert webhook.event_key(first, connection) != webhook.event_key(second, connection)
    again = signed("order.updated", order)
    assert webhook.event_key(first, connection) == webhook.event_key(again, connection)


def test_second_deletion_of_a_restored_order_is_a_new_event() -> None:
    first = signed("order.deleted", {"id": 727})
    later = tuple(
        (name, "another" if name.endswith("Delivery-ID") else value)
        for name, value in first.headers
    )
    connection = fixture_connection()
    second = replace(first, headers=later)
    assert webhook.event_key(first, connection) != webhook.event_key(second, connection)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("action.woocommerce_payment_complete", "an action carries no record"),
        ("coupon.updated", "coupons are not kept"),
        ("review.created", "the topic «review.created» is not known"),
        ("order.burnt", "the topic «order.burnt» is not known"),
        ("", "the topic «» is not known"),
    ],
)
def test_what_the_hub_does_not_keep_is_ignored_with_its_reason(topic: str, reason: str) -> None:
    with pytest.raises(Ignored, match=reason):
        parsed(signed(topic, {"action": "x", "arg": 727}))


@given(st.binary(max_size=200) | st.sampled_from([b"[]", b"{}", b'{"id":true}', b'{"id":-1}']))
def test_no_bytes_raise_anything_but_the_hubs_errors(body: bytes) -> None:
    request = replace(signed("order.updated", {}), body=body)
    assert webhook.ordering_key(request, fixture_connection()) == ""
    with pytest.raises(PayloadError):
        parsed(request)


@pytest.mark.parametrize(
    "stamp", [None, "", "0000-00-00T00:00:00", "soon", 5, "0001-01-01T00:00:00+05:00"]
)
def test_an_object_without_a_usable_time_is_as_new_as_its_arrival(stamp: Any) -> None:
    record = parsed(signed("order.updated", {"id": 1, "date_modified_gmt": stamp}))[0]
    assert record.version == ""
    assert record.occurred_at == NOW


def test_deletion_and_restoration_are_told_apart_by_the_time_of_receipt() -> None:
    modified = "2026-01-12T15:21:10"
    order = {"id": 727, "date_modified_gmt": modified}
    deleted = parsed(signed("order.deleted", {"id": 727}), NOW)[0]
    restored = parsed(signed("order.restored", order), NOW + timedelta(seconds=1))[0]
    assert deleted.deleted
    assert not restored.deleted
    assert modified < deleted.version < restored.version


def test_stock_level_goes_when_the_shop_stops_counting() -> None:
    product = {"id": 5, "manage_stock": True, "stock_quantity": 0}
    assert [r.deleted for r in parsed(signed("product.updated", product))] == [False, False]
    for change in ({"manage_stock": False}, {"manage_stock": "parent"}, {"stock_quantity": None}):
        records = parsed(signed("product.updated", {**product, **change}))
        assert [(r.entity, r.deleted) for r in records] == [("product", False), ("stock", True)]
