"""CRM records through the API: documents and filters."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from marshmallow import Schema

from hub.api.documents import DOCUMENTS
from hub.crm.documents import document
from hub.sdk import entities
from tests.api.conftest import Caller
from tests.support.people import IRINA, PAVEL
from tests.support.rows import START, Rows, at


def test_an_order_has_the_names_and_forms_of_the_contract(admin: Caller, rows: Rows) -> None:
    shop = rows.connection("shop")
    contact = rows.contact(IRINA)
    line = {"sku": "A-1", "name": "Чай", "quantity": "2.000", "price": "10.50", "total": "21.00"}
    order = rows.record(
        "order",
        connection_id=shop,
        external_id="1001",
        contact_id=contact,
        number="№1001",
        status="processing",
        placed_at=datetime(2026, 1, 12, 9, 30, 15, 500000, tzinfo=UTC),
        currency="RUB",
        total=Decimal("21.00"),
        lines=[line],
        extra={"source": "site"},
        origins={
            "*": {"v": "1"},
            "status": {"v": "1", "at": "2026-01-12T09:30:00+00:00", "e": 7},
            "comment": {"v": "", "at": "2026-01-12T10:00:00+00:00", "u": -1},
        },
    )
    found = admin.get(f"/orders/{order}")
    assert found["placed_at"] == "2026-01-12T09:30:15.500000Z"
    assert (found["total"], found["contact_id"], found["connection"]) == ("21.00", contact, "shop")
    assert {name: found["lines"][0][name] for name in line} == line
    assert found["origins"] == {
        "status": {"event": 7, "at": "2026-01-12T09:30:00Z"},
        "comment": {"user": None, "at": "2026-01-12T10:00:00Z"},
    }
    assert found["extra"] == {"source": "site"}
    assert admin.get("/orders")["items"] == [found]


def test_a_stock_level_has_the_names_and_forms_of_the_contract(admin: Caller, rows: Rows) -> None:
    onec = rows.connection("onec")
    rows.stock(
        onec,
        "A-1",
        "1200.500",
        reserved=Decimal("0"),
        available=Decimal("1200.5"),
        warehouse="Основной",
        product_name="Чай",
        as_of=START,
    )
    (found,) = admin.get("/stock")["items"]
    found.pop("id")
    assert found == {
        "connection": "onec",
        "sku": "A-1",
        "product_external_id": "",
        "product_name": "Чай",
        "variant": "",
        "variant_external_id": "",
        "warehouse": "Основной",
        "warehouse_external_id": "",
        "quantity": "1200.500",
        "reserved": "0",
        "available": "1200.5",
        "price": None,
        "currency": None,
        "unit": None,
        "is_deleted": None,
        "as_of": "2026-01-12T09:00:00Z",
        "product_id": None,
        "is_owner": True,
        "low_threshold": None,
        "is_low": False,
        "run_id": None,
        "event_id": None,
        "updated_at": "2026-01-12T09:00:00Z",
        "removed_at": None,
    }


@pytest.mark.parametrize(
    "spelling", ["+79161234567", " 79161234567", "8 (916) 123-45-67", "9161234567"]
)
def test_people_and_what_is_theirs_are_found_by_phone(
    admin: Caller, rows: Rows, spelling: str
) -> None:
    irina, pavel = rows.contact(IRINA), rows.contact(PAVEL)
    order = rows.record("order", contact_id=irina)
    rows.record("order", contact_id=pavel)
    incoming = rows.record("call", contact_id=irina, from_number=IRINA.phone, to_number="101")
    outgoing = rows.record("call", contact_id=irina, from_number="101", to_number=IRINA.phone)
    rows.record("call", contact_id=pavel, from_number=PAVEL.phone, to_number="101")
    assert admin.ids("/contacts", phone=spelling) == [irina]
    assert admin.ids("/orders", phone=spelling) == [order]
    assert admin.ids("/calls", phone=spelling) == [outgoing, incoming]


def test_contacts_are_found_by_any_of_their_phones_and_emails(admin: Caller, rows: Rows) -> None:
    irina = rows.contact(IRINA)
    rows.contact(PAVEL)
    rows.point(irina, "phone", "+74951112233")
    rows.point(irina, "email", "work@example.org")
    assert admin.ids("/contacts", phone="84951112233") == [irina]
    assert admin.ids("/contacts", email="Work@Example.org") == [irina]
    found = admin.get(f"/contacts/{irina}")
    assert found["phones"] == [IRINA.phone, "+74951112233"]
    assert found["emails"] == [IRINA.email, "work@example.org"]


def test_an_external_id_is_looked_for_in_bindings_of_that_connection(
    admin: Caller, rows: Rows
) -> None:
    shop, crm = rows.connection("shop"), rows.connection("crm")
    first = rows.record("order", connection_id=shop, external_id="7")
    second = rows.record("order", connection_id=crm, external_id="7")
    rows.binding(shop, "order", "7", first)
    rows.binding(crm, "order", "7", second)
    rows.binding(crm, "order", "crm-9", first)
    assert admin.ids("/orders", external_id="7") == [second, first]
    assert admin.ids("/orders", external_id="7", connection="shop") == [first]
    assert admin.ids("/orders", external_id="crm-9") == [first]
    assert admin.ids("/orders", external_id="crm-9", connection="shop") == []
    assert admin.ids("/orders", external_id="unknown") == []
    assert admin.ids("/orders", connection="crm") == [second, first]
    assert admin.ids("/orders", connection="nobody") == []


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("петр", ["irina"]),
        ("ПЕТР ирин", ["irina"]),
        ("ёлкин", ["pavel"]),
        ("123-45", ["irina"]),
        ("8916", ["irina"]),
        ("example.org", ["pavel", "irina"]),
        ("%", []),
        ("_", []),
        ("\\", []),
    ],
)
def test_search_by_any_part(admin: Caller, rows: Rows, q: str, found: list[str]) -> None:
    ids = {"irina": rows.contact(IRINA), "pavel": rows.contact(PAVEL)}
    assert admin.ids("/contacts", q=q) == [ids[name] for name in found]


@pytest.mark.parametrize("q", ["заявка", "ЗАЯВКА", "Заявка", "ирина", "site-7"])
def test_search_by_own_words_or_by_the_contact(admin: Caller, rows: Rows, q: str) -> None:
    lead = rows.record(
        "lead", contact_id=rows.contact(IRINA), title="Заявка с сайта", campaign="site-7"
    )
    rows.record("lead", title="Другое")
    assert admin.ids("/leads", q=q) == [lead]


@pytest.mark.parametrize(
    "since",
    ["2026-01-12T09:10:00Z", "2026-01-12T12:10:00+03:00", "2026-01-12T12:10:00 03:00"],
)
def test_changed_since_takes_any_zone_even_with_an_unescaped_plus(
    admin: Caller, rows: Rows, since: str
) -> None:
    rows.record("order", minutes=5)
    later = rows.record("order", minutes=20)
    just = rows.record("order", minutes=10)
    assert admin.ids("/orders", updated_since=since) == [later, just]


def test_calls_of_a_period_and_of_nobody(admin: Caller, rows: Rows) -> None:
    early = rows.record("call", started_at=at(0), manager="vera@example.ru", status="missed")
    late = rows.record("call", started_at=at(60), manager=None, status="answered")
    period: dict[str, Any] = {"since": at(0).isoformat(), "until": at(60).isoformat()}
    assert admin.ids("/calls", **period) == [early]
    assert admin.ids("/calls", no_manager="true") == [late]
    assert admin.ids("/calls", status="missed", manager="vera@example.ru") == [early]


def test_deleted_records_are_shown_only_on_demand(admin: Caller, rows: Rows) -> None:
    gone = rows.record("order", deleted_at=at(1))
    kept = rows.record("order")
    assert admin.ids("/orders") == [kept]
    assert admin.ids("/orders", deleted="true") == [kept, gone]
    assert admin.get(f"/orders/{gone}")["deleted_at"] == "2026-01-12T09:01:00Z"


def test_a_merged_contact_answers_with_the_data_of_the_kept_one(admin: Caller, rows: Rows) -> None:
    irina, pavel = rows.contact(IRINA), rows.contact(PAVEL)
    order = rows.record("order", contact_id=pavel)
    rows.entry(pavel, "order", order, 5)
    merged = admin("POST", f"/contacts/{irina}/merge", json={"other_id": pavel})
    assert merged.status_code == 200
    assert admin.ids("/contacts") == [irina]
    old = admin.get(f"/contacts/{pavel}")
    assert (old["id"], old["merged_into_id"], old["name"]) == (pavel, irina, IRINA.name)
    assert old["phones"] == [IRINA.phone, PAVEL.phone]
    assert [item["record_id"] for item in admin.get(f"/contacts/{pavel}/timeline")["items"]] == [
        order
    ]
    assert admin("PATCH", f"/contacts/{pavel}", json={"name": "Кто"}).status_code == 409
    (merge,) = admin.get("/merges")["items"]
    assert (merge["kept_id"], merge["merged_id"]) == (irina, pavel)
    assert admin("POST", f"/merges/{merge['id']}/undo").json["undone"] is True
    assert admin.ids("/contacts") == [pavel, irina]
    assert admin("POST", f"/merges/{merge['id']}/undo").status_code == 409


def test_a_contact_cannot_be_merged_with_itself(admin: Caller, rows: Rows) -> None:
    irina = rows.contact(IRINA)
    answer = admin("POST", f"/contacts/{irina}/merge", json={"other_id": irina})
    assert answer.status_code == 409
    assert "itself" in answer.json["detail"]


def test_a_timeline_is_newest_first_and_can_show_one_kind(admin: Caller, rows: Rows) -> None:
    contact = rows.contact(IRINA)
    rows.entry(contact, "order", 1, 10)
    rows.entry(contact, "call", 2, 30)
    rows.entry(contact, "order", 3, 20)
    items = admin.get(f"/contacts/{contact}/timeline")["items"]
    assert [item["record_id"] for item in items] == [2, 3, 1]
    orders = admin.get(f"/contacts/{contact}/timeline", kind="order")["items"]
    assert [item["record_id"] for item in orders] == [3, 1]


_VALUES: dict[str, Any] = {
    entities.MONEY: Decimal("10.50"),
    entities.QUANTITY: Decimal("2.000"),
    entities.TIME: START,
    entities.INTEGER: 7,
    entities.BOOLEAN: True,
    entities.JSON: [{"name": "Чай"}],
}


@pytest.mark.parametrize("entity", sorted(DOCUMENTS))
def test_a_document_is_what_its_schema_would_make_of_it(entity: str) -> None:
    """It is sent as it is: the schema only describes it."""
    kinds = entities.ENTITIES[entity]
    row: dict[str, Any] = {name: _VALUES.get(kind, "text") for name, kind in kinds.items()}
    row |= {"id": 1, "connection_id": 2, "contact_id": 3, "external_id": "x", "stage": "new"}
    row |= dict.fromkeys(("created_at", "updated_at", "deleted_at", "removed_at"), START)
    row |= {"extra": {"a": [1, None]}, "origins": {"name": {"at": START.isoformat(), "e": 5}}}
    row |= {"lines": [dict.fromkeys(entities.ORDER_LINE, "1")], "differs": "total,lines"}
    row |= {"phones": ["+79160000001"], "emails": ["a@example.ru"], "product_id": 4}
    for found in (row, {"id": 1}):
        made = document(entity, found, {2: "site"})
        schema = DOCUMENTS[entity]()
        assert Schema.dump(schema, made) == made
        assert set(made) == set(schema.fields)
