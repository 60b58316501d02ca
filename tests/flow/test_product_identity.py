"""One product told of by several systems is one record; stock points to it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

import pytest

from connectors.onec_soap.emulator import FIXTURES, Emulator
from connectors.woocommerce import emulator as shop
from hub.store.models import bindings, possible_products, products, row_issues
from hub.store.stock_rows import NO_ID
from tests.flow.onec import CHANGED_AT, TYPES, answer, row
from tests.support.hub import NOW, Hub

GUID = "6c4e0c4b-0000-4000-8000-00000000000{}".format


def goods(*items: dict[str, str]) -> bytes:
    """An answer of GetItems with these products."""
    head, _, tail = (FIXTURES / "products.1.xml").read_bytes().partition(b"<Row")
    rows = "".join(
        f'<Row xmlns="{TYPES}">'
        + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in item.items())
        + "</Row>"
        for item in items
    )
    end = tail[tail.rindex(b"</Row>") + len(b"</Row>") :]
    return head + rows.encode() + end


@pytest.fixture
def onec(hub: Hub) -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


def connect(hub: Hub, onec: Emulator, name: str, **settings: Any) -> None:
    document = onec.connection()
    document["settings"] = {**document["settings"], **settings}
    hub.connect(name, {**document, "schedule": {}})


def product(onec: Emulator, hub: Hub, name: str, **fields: str) -> None:
    """The 1C behind this connection tells of one product."""
    onec.answers["GetItems"] = goods({**fields, "ChangedAt": CHANGED_AT})
    run = hub.sync(name, "products")
    assert run["status"] == "succeeded", run["error_message"]
    assert hub.rows(row_issues, run_id=run["id"]) == []


def test_two_interfaces_of_one_base_tell_of_one_product(hub: Hub, onec: Emulator) -> None:
    connect(hub, onec, "one")
    connect(hub, onec, "two")
    connect(hub, onec, "stranger", base="Филиал")
    for name in ("one", "two", "stranger"):
        product(onec, hub, name, GUID=GUID(1), Name="Чай", Article="T-1")
    assert len(hub.rows(products)) == 2
    ids = {item["connection_id"]: item["record_id"] for item in hub.rows(bindings)}
    one, two, stranger = (hub.store.catalog.require(name).id for name in ("one", "two", "stranger"))
    assert ids[one] == ids[two] != ids[stranger]


def test_stock_points_to_its_product_whichever_comes_first(hub: Hub, onec: Emulator) -> None:
    connect(hub, onec, "one")
    connect(hub, onec, "two")
    rows = [row("T-1", "5", Item=GUID(1)), row("T-2", "5", Item=GUID(2))]
    onec.answers["GetRemains"] = answer(rows)
    hub.sync("one", "stock")
    assert {item["product_id"] for item in hub.levels()} == {None}
    product(onec, hub, "two", GUID=GUID(1), Name="Чай", Article="T-1")
    tea = hub.one(products)["id"]
    assert {item["sku"]: item["product_id"] for item in hub.levels()} == {"T-1": tea, "T-2": None}
    onec.answers["GetRemains"] = answer([*rows, row("T-1", "2", Item=GUID(1), Warehouse="Б")])
    hub.sync("one", "stock")
    assert [item["product_id"] for item in hub.levels(warehouse="Б")] == [tea]


def test_a_shops_product_is_the_one_with_its_article(hub: Hub, onec: Emulator) -> None:
    connect(hub, onec, "onec")
    hub.connect("shop", {**shop.Emulator().connection(), "schedule": {}})
    hat = shop.Emulator(NOW).products[0]
    product(onec, hub, "onec", GUID=GUID(1), Name="Шапка", Article=hat["sku"])
    hub.post("shop", shop.signed("product.updated", hat), NOW)
    hub.drain("shop")
    one = hub.one(products)
    assert {item["external_id"] for item in hub.rows(bindings, record_id=one["id"])} == {
        GUID(1),
        str(hat["id"]),
    }
    assert hub.levels()[0]["product_id"] == one["id"]
    # The shop drops it: 1C has it still.
    hub.post("shop", shop.signed("product.deleted", {"id": hat["id"]}), NOW)
    hub.drain("shop")
    assert hub.one(products)["deleted_at"] is None
    assert hub.levels() == []
    assert hub.rows(possible_products) == []


def test_the_same_the_other_way_round(hub: Hub, onec: Emulator) -> None:
    """The shop was connected first: it is the one that asks to be matched."""
    connect(hub, onec, "onec")
    hub.connect("shop", {**shop.Emulator().connection(), "schedule": {}})
    hat = shop.Emulator(NOW).products[0]
    hub.post("shop", shop.signed("product.updated", hat), NOW)
    hub.drain("shop")
    product(onec, hub, "onec", GUID=GUID(1), Name="Шапка", Article=hat["sku"])
    assert len(hub.rows(products)) == 1


def test_nobody_is_matched_who_does_not_ask(hub: Hub, onec: Emulator) -> None:
    connect(hub, onec, "onec")
    document = shop.Emulator().connection()
    settings = {**document["settings"], "match_products": False}
    hub.connect("shop", {**document, "settings": settings, "schedule": {}})
    hat = shop.Emulator(NOW).products[0]
    product(onec, hub, "onec", GUID=GUID(1), Name="Шапка", Article=hat["sku"])
    hub.post("shop", shop.signed("product.updated", hat), NOW)
    hub.drain("shop")
    assert len(hub.rows(products)) == 2
    assert hub.rows(possible_products) == []


def test_an_ambiguous_match_is_listed_and_not_made(hub: Hub, onec: Emulator) -> None:
    connect(hub, onec, "onec")
    hub.connect("shop", {**shop.Emulator().connection(), "schedule": {}})
    hat = shop.Emulator(NOW).products[0]
    for number in (1, 2):
        fields = {"GUID": GUID(number), "Name": f"Шапка {number}", "Article": hat["sku"]}
        product(onec, hub, "onec", **fields)
    hub.post("shop", shop.signed("product.updated", hat), NOW)
    hub.drain("shop")
    assert len(hub.rows(products)) == 3
    pairs = hub.rows(possible_products)
    assert [(pair["reason"], pair["status"]) for pair in pairs] == [("sku", "open")] * 2
    # A second look at the same product lists nothing new.
    hub.post("shop", shop.signed("product.updated", {**hat, "price": "1"}), NOW)
    hub.drain("shop")
    assert len(hub.rows(possible_products)) == 2


@pytest.mark.parametrize("spelling", ["{0}#{1}", "{1}"])
@pytest.mark.parametrize("stock_first", [True, False])
def test_a_characteristics_stock_points_to_its_own_product(
    hub: Hub, onec: Emulator, spelling: str, stock_first: bool
) -> None:
    connect(hub, onec, "onec")

    def products_come() -> None:
        product(onec, hub, "onec", GUID=GUID(1), Name="Чай", Article="T-1")
        product(
            onec,
            hub,
            "onec",
            GUID=spelling.format(GUID(1), GUID(7)),
            Name="Чай, зелёный",
            Article="T-1",
            ParentGUID=GUID(1),
            CharacteristicGUID=GUID(7),
        )

    def stock_comes() -> None:
        rows = [row("T-1", "1", Item=GUID(1), Characteristic="зелёный",
                    CharacteristicGUID=GUID(7)),
                row("T-1", "2", Item=GUID(1), Characteristic="чёрный",
                    CharacteristicGUID=GUID(8)),
                row("T-1", "3", Item=GUID(1), CharacteristicGUID=NO_ID)]  # fmt: skip
        onec.answers["GetRemains"] = answer(rows)
        assert hub.sync("onec", "stock")["rows_created"] == 3

    for happens in (stock_comes, products_come) if stock_first else (products_come, stock_comes):
        happens()
    tea, green = (item["id"] for item in hub.rows(products))
    linked = {int(item["quantity"]): item["product_id"] for item in hub.levels()}
    assert linked == {1: green, 2: tea, 3: tea}
    assert hub.levels(quantity=Decimal(3))[0]["variant_key"] == ""
    assert hub.rows(possible_products) == []
