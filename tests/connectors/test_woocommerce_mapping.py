"""WooCommerce: what the shipped mappings make of the shop's objects."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.woocommerce import webhook
from connectors.woocommerce.emulator import signed
from hub.mapping.compiler import compile_mapping
from hub.mapping.loader import load_shipped
from hub.mapping.model import MappedRecord
from hub.mapping.transforms import MappingContext
from hub.sdk.connection import Connection
from hub.sdk.request import Event
from hub.sdk.testing import read_http

FIXTURES = Path(__file__).resolve().parents[2] / "connectors" / "woocommerce" / "fixtures"
NOW = datetime(2026, 1, 12, 15, 22, tzinfo=UTC)
HERE = Connection("shop", "woocommerce")


def mapped(topic: str, resource: dict[str, Any]) -> list[MappedRecord]:
    documents = load_shipped("woocommerce")
    return [
        compile_mapping(documents[record.entity]).apply(record, MappingContext())
        for record in webhook.parse(Event(signed(topic, resource), NOW), HERE)
    ]


def sent(case: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read_http(FIXTURES / f"{case}.http").body)
    return found


def test_guests_order_is_mapped_whole() -> None:
    (order,) = mapped("order.updated", sent("order_updated"))
    assert order.warnings == []
    assert order.fields == {
        "number": "А-727",
        "status": "processing",
        "placed_at": datetime(2026, 1, 12, 15, 20, 5, tzinfo=UTC),
        "currency": "RUB",
        "total": Decimal("4390.00"),
        "paid_at": datetime(2026, 1, 12, 15, 21, 9, tzinfo=UTC),
        "payment_method": "Картой на сайте",
        "delivery_method": "Курьер",
        "delivery_total": Decimal("390.00"),
        "delivery_address": "420000, Татарстан, Казань, ул. Садовая, 1, кв. 5",
        "channel": "yandex",
        "comment": "Позвоните за час",
        "lines": [
            {
                "external_id": "315",
                "sku": "KRT-M",
                "name": "Куртка – M",
                "product_external_id": "23",
                "quantity": Decimal(2),
                "price": Decimal("1999.995"),
                "total": Decimal("4000.00"),
            },
            {
                "external_id": "316",
                "sku": None,
                "name": "Открытка",
                "product_external_id": "40",
                "quantity": Decimal(1),
                "price": Decimal(0),
                "total": Decimal("0.00"),
            },
        ],
    }
    assert order.contact is not None
    assert order.contact.get("external_id") is None
    assert order.contact["name"] == "Анна Смирнова"
    assert order.contact["phone"] == "+79000000000"
    assert order.contact["email"] == "anna@example.ru"
    assert order.contact["city"] == "Казань"


def test_order_of_a_customer_names_the_customer() -> None:
    (order,) = mapped("order.created", sent("order_created"))
    assert order.contact is not None
    assert order.contact["external_id"] == "25"
    assert order.fields["paid_at"] is None


@pytest.mark.parametrize(
    ("said", "kept"),
    [("trash", "cancelled"), ("on-hold", "on-hold"), ("awaiting-shipment", "awaiting-shipment")],
)
def test_status_of_a_plugin_is_kept_and_the_bin_is_a_cancellation(said: str, kept: str) -> None:
    (order,) = mapped("order.updated", {"id": 1, "status": said})
    assert order.fields["status"] == kept


@pytest.mark.parametrize(
    ("meta", "channel"),
    [
        (None, "shop"),
        ([], "shop"),
        ([{"key": "_utm_source", "value": "vk"}], "vk"),
        ([{"key": "_wc_order_attribution_utm_source", "value": "(direct)"}], "shop"),
    ],
)
def test_channel_is_where_the_buyer_came_from_or_the_shop(meta: Any, channel: str) -> None:
    (order,) = mapped("order.updated", {"id": 1, "meta_data": meta})
    assert order.fields["channel"] == channel


def test_customer_without_a_name_is_named_by_the_billing_address() -> None:
    nameless = {**sent("customer_updated"), "first_name": "", "last_name": ""}
    (contact,) = mapped("customer.updated", nameless)
    assert contact.fields["name"] == "Анна Смирнова"
    assert contact.fields["phone"] == "+79000000000"


def test_product_and_its_stock_are_mapped() -> None:
    product, stock = mapped("product.updated", sent("product_updated"))
    assert product.fields["name"] == "Шапка «Зима»"
    assert product.fields["category"] == "Одежда & обувь"
    assert product.fields["description"] == "Тёплая шапка"
    assert product.fields["is_active"] is True
    assert product.fields.get("parent_external_id") is None
    assert stock.fields["sku"] == "HAT-1"
    assert stock.fields["quantity"] == Decimal(7)
    assert stock.fields["as_of"] == datetime(2026, 1, 12, 15, 21, 30, tzinfo=UTC)


def test_variation_is_mapped_with_its_parent_and_its_options() -> None:
    variation, stock = mapped("product.updated", sent("product_variation"))
    assert variation.fields["parent_external_id"] == "22"
    assert variation.fields["variant"] == stock.fields["variant"] == "M"
    assert stock.fields["product_external_id"] == "23"
    assert stock.fields["quantity"] == Decimal("3.5")
