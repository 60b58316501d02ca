"""An order on its way into an accounting system, and the system's word on its way back."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connectors.webhook_out.emulator import Emulator as Receiver
from connectors.woocommerce.emulator import Emulator as Shop
from hub.flow import deliver, outgoing
from hub.registry import connector
from hub.sdk.records import Change, Receipt
from hub.store import outbox
from hub.store.database import utc_now
from hub.store.models import bindings, changes, deliveries, orders
from tests.support.hub import Hub
from tests.support.people import IRINA
from tests.support.rows import Rows

LINES = [
    {"external_id": "1", "sku": "NC-20", "product_external_id": "77", "quantity": "2"},
    {"external_id": "2", "sku": "GIFT", "product_external_id": "", "quantity": "1"},
    {"external_id": "3", "sku": "NC-30", "product_external_id": "78", "quantity": "1"},
]
Push = Callable[[Any, Change, str | None], Receipt]


class Books:
    """A destination that takes orders: what it was told, what it answers."""

    def __init__(self) -> None:
        self.told: list[Change] = []
        self.bindings: list[str | None] = []
        self.answer = Receipt()

    def push(self, _connection: Any, change: Change, binding: str | None) -> Receipt:
        self.told.append(change)
        self.bindings.append(binding)
        return self.answer


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Books:
    """Every connection to a shop takes orders too, and keeps them here."""
    made = Books()
    monkeypatch.setitem(connector("woocommerce").__dict__, "push", made.push)
    return made


class Company:
    """A shop, the books, and an order that waits to be told of."""

    def __init__(self, hub: Hub, rows: Rows) -> None:
        self.hub, self.rows = hub, rows
        self.shop = hub.connect("shop", Shop().connection()).id
        self.books = hub.connect("books", Shop().connection()).id
        self.contact = rows.contact(
            IRINA, connection_id=self.shop, company_name="ООО «Сад»", inn="7707083893"
        )
        self.order = rows.record(
            "order",
            connection_id=self.shop,
            external_id="2041",
            contact_id=self.contact,
            number="2041",
            total=Decimal("25980.50"),
            lines=LINES,
            origins={"*": {"v": "2026-01-12T09:00:00Z", "d": "aa"}},
        )
        rows.binding(self.shop, "order", "2041", self.order)

    def owe(self, destination: int = 0) -> None:
        """Owe the books the order's state."""
        duty = outbox.Duty(destination or self.books, "order", self.order, "order.updated", None)
        with self.hub.store.database.write() as db:
            outbox.add(db, [duty], utc_now())

    def deliver(self) -> int:
        """Owe and bring it."""
        self.owe()
        return deliver.deliver(self.hub.store, self.books)

    def record(self) -> dict[str, Any]:
        return self.hub.one(orders, id=self.order)


@pytest.fixture
def company(hub: Hub, books: Books) -> Company:
    return Company(hub, Rows(hub.store))


def test_an_order_says_who_bought_and_what_the_destination_calls_things(
    company: Company, books: Books
) -> None:
    rows = company.rows
    firm = rows.record(
        "company", name="ООО «Сад»", legal_name="ООО «Сад»", inn="7707083893", kpp="1"
    )
    rows.binding(company.books, "company", "firm-guid", firm)
    rows.binding(company.books, "contact", "person-guid", company.contact)
    pump = rows.record("product", connection_id=company.shop, external_id="77", sku="NC-20")
    rows.binding(company.shop, "product", "77", pump)
    rows.binding(company.books, "product", "pump-guid#red-guid", pump)
    other = rows.record("product", connection_id=company.shop, external_id="78", sku="NC-30")
    rows.binding(company.shop, "product", "78", other)
    assert company.deliver() == 1
    (change,) = books.told
    assert change.record_key == f"uzel-order-{company.order}"
    contact = change.fields["contact"]
    assert (contact["name"], contact["phone"]) == (IRINA.name, IRINA.phone)
    assert contact["external_id"] == "person-guid"
    assert contact["company"] == {
        "id": firm,
        "name": "ООО «Сад»",
        "legal_name": "ООО «Сад»",
        "inn": "7707083893",
        "kpp": "1",
        "external_id": "firm-guid",
    }
    named = [
        (line["sku"], line["destination_product_id"], line["destination_variant_id"])
        for line in change.fields["lines"]
    ]
    assert named == [("NC-20", "pump-guid", "red-guid"), ("GIFT", "", ""), ("NC-30", "", "")]


def test_two_companies_of_one_inn_and_no_name_are_not_guessed_at(
    company: Company, books: Books
) -> None:
    for kpp in ("1", "2"):
        company.rows.record("company", name=f"Филиал {kpp}", inn="7707083893", kpp=kpp)
    company.deliver()
    firm = books.told[0].fields["contact"]["company"]
    assert (firm["id"], firm["inn"], firm["name"]) == (None, "7707083893", "ООО «Сад»")


def test_an_order_of_nobody_goes_out_with_empty_words(company: Company, books: Books) -> None:
    company.order = company.rows.record("order", connection_id=company.shop, lines=[])
    company.deliver()
    contact = books.told[0].fields["contact"]
    assert contact["id"] is None
    assert contact["company"]["id"] is None
    assert {contact["name"], contact["external_id"], contact["company"]["name"]} == {""}


def test_who_does_not_take_orders_is_not_told_who_bought(
    company: Company, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Change] = []

    def push(_connection: Any, change: Change, _binding: str | None) -> Receipt:
        seen.append(change)
        return Receipt()

    monkeypatch.setitem(connector("webhook_out").__dict__, "push", push)
    company.owe(hub.connect("crm", Receiver().connection()).id)
    deliver.deliver(hub.store, hub.store.catalog.require("crm").id)
    assert "contact" not in seen[0].fields
    assert "destination_product_id" not in seen[0].fields["lines"][0]


def test_the_answer_is_kept_with_who_said_it_and_told_to_others(
    company: Company, books: Books, hub: Hub
) -> None:
    third = hub.connect("third", Shop().connection()).id
    firm = company.rows.record("company", name="ООО «Сад»", inn="7707083893")
    books.answer = Receipt(
        external_id="doc-guid",
        bindings=[("company", firm, "firm-guid")],
        fields={"erp_number": "УТ-000042", "erp_posted": True, "id": 5},
    )
    company.deliver()
    order = company.record()
    assert (order["erp_number"], order["erp_posted"]) == ("УТ-000042", True)
    row = hub.one(deliveries, connection_id=company.books)
    assert row["status"] == "delivered"
    origin = order["origins"]["erp_number"]
    assert (origin["c"], origin["dl"]) == (company.books, row["id"])
    # What the shop itself says later is not outdated by it.
    assert order["origins"]["*"] == {"v": "2026-01-12T09:00:00Z", "d": "aa"}
    change = hub.one(changes, entity="order", record_id=company.order)
    assert change["delivery_id"] == row["id"]
    assert change["fields"]["erp_number"] == [None, "УТ-000042"]
    bound = {
        (item["entity"], item["external_id"], item["record_id"])
        for item in hub.rows(bindings, connection_id=company.books)
    }
    assert bound == {("order", "doc-guid", company.order), ("company", "firm-guid", firm)}
    owed = {item["connection_id"] for item in hub.rows(deliveries, status="pending")}
    assert owed == {company.shop, third}


def test_the_same_answer_again_changes_and_owes_nothing(
    company: Company, books: Books, hub: Hub
) -> None:
    books.answer = Receipt(external_id="doc-guid", fields={"erp_number": "УТ-000042"})
    company.deliver()
    told = len(hub.rows(deliveries))
    company.deliver()
    assert books.bindings == [None, "doc-guid"]
    assert len(hub.rows(changes, entity="order")) == 1
    assert len(hub.rows(deliveries)) == told + 1


def test_a_person_s_word_stands_over_the_answer(company: Company, books: Books, hub: Hub) -> None:
    with hub.store.database.write() as db:
        db.execute(
            orders.update().values(
                erp_number="правка", origins={"erp_number": {"v": "", "at": "", "u": 1}}
            )
        )
    books.answer = Receipt(fields={"erp_number": "УТ-1", "erp_status": "К отгрузке"})
    company.deliver()
    order = company.record()
    assert (order["erp_number"], order["erp_status"]) == ("правка", "К отгрузке")


def test_a_document_that_a_poll_saw_first_becomes_our_order_s(
    company: Company, books: Books, hub: Hub
) -> None:
    """Killed between the call and the commit: the poll took the document for a new order."""
    seen = company.rows.record(
        "order", connection_id=company.books, external_id="doc-guid", number="УТ-42"
    )
    company.rows.binding(company.books, "order", "doc-guid", seen)
    books.answer = Receipt(external_id="doc-guid")
    company.deliver()
    assert hub.one(bindings, connection_id=company.books)["record_id"] == company.order
    assert hub.one(orders, id=seen)["deleted_at"] is not None
    assert company.record()["deleted_at"] is None


def test_an_id_that_another_source_s_record_has_stays_there(
    company: Company, books: Books, hub: Hub
) -> None:
    other = company.rows.record("order", connection_id=company.shop, external_id="2040")
    company.rows.binding(company.books, "order", "doc-guid", other)
    books.answer = Receipt(external_id="doc-guid")
    company.deliver()
    assert hub.one(bindings, connection_id=company.books)["record_id"] == other
    assert hub.one(orders, id=other)["deleted_at"] is None


def test_the_record_key_is_one_word_for_one_record() -> None:
    assert outgoing.record_key("order", 17) == "uzel-order-17"
