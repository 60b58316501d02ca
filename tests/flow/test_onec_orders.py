"""A shop's order into 1C by OData and back, through the whole hub; killed in the middle too."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connectors.onec_odata.emulator import Emulator as Onec
from connectors.woocommerce.emulator import Emulator as Shop
from hub.flow import deliver
from hub.store import outbox
from hub.store.database import utc_now
from hub.store.models import attempts, bindings, changes, deliveries, orders, products, stock_levels
from tests.support.doomed_delivery import MOMENTS, killed_at
from tests.support.hub import Hub
from tests.support.people import IRINA
from tests.support.rows import Rows

PUMP = "00000001-0010-11ee-9a00-001122334455"
ORDERS = "Document_ЗаказКлиента"


@pytest.fixture
def onec() -> Iterator[Onec]:
    emulator = Onec()
    emulator.start()
    emulator.rows(ORDERS).clear()
    yield emulator
    emulator.stop()


class Firm:
    """A shop with one order, and the firm's 1C."""

    def __init__(self, hub: Hub, onec: Onec) -> None:
        self.hub, self.onec, self.rows = hub, onec, Rows(hub.store)
        hub.option("network.allow", ["127.0.0.0/8"])
        self.shop = hub.connect("shop", Shop().connection()).id
        document = {**onec.connection(), "schedule": {}}
        # Waiting for one's turn at 1C is not what this is about.
        document["settings"] = {**document["settings"], "limits": {"requests_per_second": 1000}}
        self.books = hub.connect("onec", document).id
        contact = self.rows.contact(IRINA, connection_id=self.shop)
        self.order = self.rows.record(
            "order",
            connection_id=self.shop,
            external_id="2041",
            contact_id=contact,
            number="2041",
            status="processing",
            placed_at=utc_now(),
            total=Decimal("2543.50"),
            lines=[{"sku": "NC-20", "name": "Насос", "product_external_id": "77",
                    "quantity": "2", "price": "1271.75", "total": "2543.50"}],
        )  # fmt: skip
        self.rows.binding(self.shop, "order", "2041", self.order)
        self.owe()

    def owe(self) -> None:
        duty = outbox.Duty(self.books, "order", self.order, "order.created", None)
        with self.hub.store.database.write() as db:
            outbox.add(db, [duty], utc_now())

    def deliver(self) -> int:
        self.hub.store.catalog.forget()
        return deliver.deliver(self.hub.store, self.books)

    def documents(self) -> list[dict[str, Any]]:
        return self.onec.rows(ORDERS)

    def record(self) -> dict[str, Any]:
        return self.hub.one(orders, id=self.order)


@pytest.fixture
def firm(hub: Hub, onec: Onec) -> Firm:
    return Firm(hub, onec)


def test_an_order_goes_into_1c_and_its_state_comes_back(firm: Firm) -> None:
    hub = firm.hub
    hub.sync("onec", "products")
    # The shop's product and 1C's are one record, bound from both.
    pump = hub.one(bindings, connection_id=firm.books, external_id=PUMP)["record_id"]
    firm.rows.binding(firm.shop, "product", "77", pump)
    assert firm.deliver() == 1
    (made,) = firm.documents()
    row = hub.one(deliveries, connection_id=firm.books)
    assert (row["status"], row["error_message"]) == ("delivered", None)
    assert made["Товары"][0]["Номенклатура_Key"] == PUMP
    assert firm.record()["erp_number"] == made["Number"]
    assert firm.record()["erp_posted"] is False
    assert (
        hub.one(bindings, connection_id=firm.books, entity="contact")["external_id"]
        == (made["Контрагент_Key"])
    )
    # People in 1C post and ship it; the poll says so on the shop's own order.
    made.update(Posted=True, Статус="КОтгрузке", Number="УТ-000777", DataVersion="99")
    assert hub.sync("onec", "orders")["status"] == "succeeded"
    order = firm.record()
    assert (order["erp_number"], order["erp_status"], order["erp_posted"]) == (
        "УТ-000777",
        "КОтгрузке",
        True,
    )
    assert (order["number"], order["status"], order["total"]) == (
        "2041",
        "processing",
        Decimal("2543.50"),
    )
    assert len(order["lines"]) == 1
    assert len(hub.rows(orders)) == 1
    # 1C's own word does not go back to 1C.
    assert len(hub.rows(deliveries, connection_id=firm.books)) == 1


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_delivery_killed_in_its_middle_makes_one_document(firm: Firm, moment: str) -> None:
    hub, people = firm.hub, len(firm.onec.rows("Catalog_Контрагенты"))
    killed_at(hub, firm.books, moment)
    assert hub.one(deliveries, connection_id=firm.books)["status"] == "pending"
    assert firm.record()["erp_number"] is None
    assert firm.deliver() == 1
    (made,) = firm.documents()
    assert hub.one(deliveries, connection_id=firm.books)["status"] == "delivered"
    bound = hub.one(bindings, connection_id=firm.books, entity="order")
    assert (bound["external_id"], bound["record_id"]) == (made["Ref_Key"], firm.order)
    assert firm.record()["erp_number"] == made["Number"]
    assert len(hub.rows(changes, entity="order")) == 1
    # Nor is the buyer made twice.
    assert len(firm.onec.rows("Catalog_Контрагенты")) == people + 1
    assert len(firm.onec.rows("Catalog_Партнеры")) == 3
    firm.owe()
    firm.deliver()
    assert len(firm.documents()) == 1


def test_a_poll_between_the_kill_and_the_next_try_leaves_one_order(firm: Firm) -> None:
    hub = firm.hub
    killed_at(hub, firm.books, "document")
    hub.sync("onec", "orders")
    firm.deliver()
    (alive,) = hub.rows(orders, deleted_at=None)
    assert alive["id"] == firm.order
    hub.sync("onec", "orders")
    assert len(hub.rows(orders, deleted_at=None)) == 1


def test_what_1c_refuses_stands_in_the_delivery(firm: Firm) -> None:
    firm.onec.rows("Catalog_Номенклатура").clear()
    firm.deliver()
    row = firm.hub.one(deliveries, connection_id=firm.books)
    assert row["status"] == "dead"
    assert "NC-20" in row["error_message"]
    assert firm.hub.one(attempts, subject="delivery")["outcome"] == "failed"
    assert firm.documents() == []


def test_stock_and_goods_arrive_and_an_unchanged_run_writes_nothing(firm: Firm) -> None:
    hub = firm.hub
    assert hub.sync("onec", "stock")["rows_created"] == 4
    level = hub.one(stock_levels, product_external_id=PUMP, warehouse="Основной")
    assert (level["quantity"], level["reserved"], level["available"]) == (
        Decimal("12.5"),
        Decimal(2),
        Decimal("8.5"),
    )
    again = hub.sync("onec", "stock")
    assert (again["status"], again["rows_changed"], again["rows_removed"]) == ("succeeded", 0, 0)
    for name in (
        "AccumulationRegister_ТоварыНаСкладах",
        "InformationRegister_ДоступныеОстаткиТоваров",
    ):
        firm.onec.rows(name).clear()
    assert hub.sync("onec", "stock")["status"] == "held"
    assert len(hub.rows(stock_levels)) == 4
    hub.sync("onec", "products")
    assert len(hub.rows(products)) == 5
    assert hub.sync("onec", "products")["rows_read"] == 0
    firm.onec.rows("Catalog_Номенклатура").pop(0)
    hub.sync("onec", "products")
    assert hub.one(products, external_id=PUMP)["deleted_at"] is not None
