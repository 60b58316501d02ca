"""The OData connector against its emulated УТ 11: one document per order, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors._protocols.odata_server import Row
from connectors.onec_odata.emulator import Emulator
from connectors.onec_odata.sink import push
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, Ignored, Rejected, RetryLater
from hub.sdk.records import Change, Receipt
from tests.support.odata import connect

PUMP, BOOTS = "00000001-0010-11ee-9a00-001122334455", "00000002-0010-11ee-9a00-001122334455"
BLACK = "00000001-0020-11ee-9a00-001122334455"
GARDEN, PAVEL = "00000001-0060-11ee-9a00-001122334455", "00000002-0060-11ee-9a00-001122334455"
NOWHERE = "ffffffff-ffff-4fff-8fff-ffffffffffff"
KEY = "uzel-order-17"
LINES = [
    {"external_id": "1", "sku": "NC-20", "name": "Насос", "quantity": "2", "price": "1271.75",
     "total": "2543.50", "destination_product_id": PUMP, "destination_variant_id": ""},
    {"external_id": "2", "sku": "BT-1", "name": "Ботинки", "quantity": "1", "price": "5990",
     "total": "5990", "destination_product_id": "", "destination_variant_id": BLACK},
]  # fmt: skip
NOBODY = {"id": None, "name": "", "phone": "", "email": "", "inn": "", "external_id": ""}
NO_FIRM = {"id": None, "name": "", "legal_name": "", "inn": "", "kpp": "", "external_id": ""}


@pytest.fixture
def base() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    emulator.rows("Document_ЗаказКлиента").clear()
    yield emulator
    emulator.stop()


def order(contact: Any = None, company: Any = None, **fields: Any) -> Change:
    """A shop's order on its way to 1C."""
    who = {**NOBODY, **(contact or {}), "company": {**NO_FIRM, **(company or {})}}
    deleted = fields.pop("deleted", False)
    whole = {"number": "2041", "status": "processing", "placed_at": "2026-11-25T09:00:00Z",
             "total": "8533.50", "contact": who, "lines": LINES, **fields}  # fmt: skip
    at = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    return Change("order", 17, whole, "order.updated", at, "msg_1", deleted, KEY)


def firm(**changes: Any) -> dict[str, Any]:
    return {"id": 5, "name": "ООО «Сад»", "inn": "7707083893", "kpp": "770701001", **changes}


def documents(base: Emulator) -> list[Row]:
    return base.rows("Document_ЗаказКлиента")


def calls(base: Emulator, method: str) -> list[str]:
    return [path for used, path, _ in base.requests if used == method]


# The document.


def test_an_order_becomes_a_document_of_the_right_buyer_and_goods(
    base: Emulator, tmp_path: Path
) -> None:
    receipt = push(connect(base, tmp_path), order(company=firm()), None)
    (made,) = documents(base)
    assert receipt.external_id == made["Ref_Key"]
    assert receipt.bindings == [("company", 5, GARDEN)]
    assert receipt.fields == {
        "erp_number": made["Number"],
        "erp_posted": False,
        "erp_cancelled": False,
    }
    assert made["Контрагент_Key"] == GARDEN
    assert made["Партнер_Key"] == "00000001-0090-11ee-9a00-001122334455"
    assert made["Date"] == "2026-11-25T12:00:00"
    assert made["Комментарий"].startswith(KEY)
    assert Decimal(str(made["СуммаДокумента"])) == Decimal("8533.50")
    first, second = made["Товары"]
    assert (first["Номенклатура_Key"], first["Количество"], first["КоличествоУпаковок"]) == (
        PUMP,
        2,
        2,
    )
    assert (first["Цена"], first["Сумма"], first["LineNumber"]) == (
        Decimal("1271.75"),
        Decimal("2543.5"),
        "1",
    )
    # Without a binding the only product of that article is meant.
    assert (second["Номенклатура_Key"], second["Характеристика_Key"]) == (BOOTS, BLACK)


def test_a_repeat_finds_the_document_by_its_key(base: Emulator, tmp_path: Path) -> None:
    connection = connect(base, tmp_path)
    first = push(connection, order(company=firm()), None)
    again = push(connection, order(company=firm()), None)
    bound = push(connection, order(company=firm()), first.external_id)
    assert {first.external_id, again.external_id, bound.external_id} == {
        documents(base)[0]["Ref_Key"]
    }
    assert len(documents(base)) == 1
    assert calls(base, "PATCH") == []
    # Another order's key that begins the same is another order's.
    documents(base)[0]["Комментарий"] = f"{KEY}5 · заказ 1"
    push(connection, order(company=firm()), None)
    assert len(documents(base)) == 2


def test_a_copied_document_does_not_take_the_order_over(base: Emulator, tmp_path: Path) -> None:
    connection = connect(base, tmp_path)
    first = push(connection, order(company=firm()), None)
    copy = {**documents(base)[0], "Ref_Key": NOWHERE, "Date": "2026-11-26T00:00:00"}
    documents(base).insert(0, copy)
    assert push(connection, order(company=firm()), None).external_id == first.external_id


def test_a_changed_order_changes_an_unposted_document_alone(base: Emulator, tmp_path: Path) -> None:
    connection = connect(base, tmp_path)
    first = push(connection, order(company=firm()), None)
    fewer = order(company=firm(), lines=LINES[:1])
    push(connection, fewer, first.external_id)
    (made,) = documents(base)
    assert len(made["Товары"]) == 1
    assert made["Date"] == "2026-11-25T12:00:00"
    made["Posted"] = True
    receipt = push(connection, order(company=firm()), first.external_id)
    assert len(made["Товары"]) == 1
    assert "не менялся" in receipt.reply
    assert receipt.fields["erp_posted"] is True
    always = connect(base, tmp_path, orders={"update": "always"})
    push(always, order(company=firm()), first.external_id)
    assert len(made["Товары"]) == 2


def test_posting_is_a_setting(base: Emulator, tmp_path: Path) -> None:
    receipt = push(connect(base, tmp_path, orders={"post": True}), order(company=firm()), None)
    assert documents(base)[0]["Posted"] is True
    assert receipt.fields["erp_posted"] is True
    (posted,) = [item for item in base.requests if item[1].endswith("/Post")]
    assert posted[2]["PostingModeOperational"] == "false"


def test_a_cancelled_order_is_marked_and_never_deleted(base: Emulator, tmp_path: Path) -> None:
    connection = connect(base, tmp_path, orders={"post": True})
    with pytest.raises(Ignored):
        push(connection, order(company=firm(), status="cancelled"), None)
    first = push(connection, order(company=firm()), None)
    receipt = push(connection, order(company=firm(), status="cancelled"), first.external_id)
    (made,) = documents(base)
    assert (made["DeletionMark"], made["Posted"]) == (True, False)
    assert receipt.fields["erp_cancelled"] is True
    assert calls(base, "DELETE") == []
    # What accountants posted themselves is theirs to cancel.
    made.update(DeletionMark=False, Posted=True)
    receipt = push(connect(base, tmp_path), order(company=firm(), deleted=True), first.external_id)
    assert made["DeletionMark"] is False
    assert "проведён" in receipt.reply


def test_fields_of_the_setting_go_in(base: Emulator, tmp_path: Path) -> None:
    fixed = {"fields": {"Организация_Key": NOWHERE}, "delivery_product": BOOTS}
    connection = connect(base, tmp_path, orders=fixed)
    push(connection, order(company=firm(), delivery_total="490"), None)
    (made,) = documents(base)
    assert made["Организация_Key"] == NOWHERE
    assert made["Товары"][2]["Номенклатура_Key"] == BOOTS
    assert made["Товары"][2]["Сумма"] == 490


# What 1C does in silence.


def test_a_text_that_1c_cuts_is_told(base: Emulator, tmp_path: Path) -> None:
    connection = connect(base, tmp_path, orders={"fields": {"НомерСайта": "длиннее десяти знаков"}})
    with pytest.raises(Rejected, match="«НомерСайта» обрезан: 10 знаков из 21"):
        push(connection, order(company=firm()), None)
    # The document is there, and the next try mends it instead of making another.
    mended = connect(base, tmp_path, orders={"fields": {"НомерСайта": "10 знаков"}})
    push(mended, order(company=firm()), None)
    assert [row["НомерСайта"] for row in documents(base)] == ["10 знаков"]


def test_a_field_that_is_not_there_is_told_before_anything_is_written(
    base: Emulator, tmp_path: Path
) -> None:
    connection = connect(base, tmp_path, orders={"fields": {"НетТакого": "1"}})
    with pytest.raises(ConfigError, match="НетТакого"):
        push(connection, order(company=firm()), None)
    assert documents(base) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"destination_product_id": NOWHERE}, NOWHERE),
        ({"destination_product_id": "", "sku": "X-1"}, "X-1"),
        ({"destination_product_id": "", "sku": ""}, "без названия"),
    ],
)
def test_a_reference_to_nothing_is_never_written(
    base: Emulator, tmp_path: Path, line: dict[str, str], words: str
) -> None:
    with pytest.raises(Rejected, match=words):
        push(
            connect(base, tmp_path), order(company=firm(), lines=[{"quantity": "1", **line}]), None
        )
    assert documents(base) == []


def test_an_article_of_two_products_names_none(base: Emulator, tmp_path: Path) -> None:
    base.rows("Catalog_Номенклатура").append({"Ref_Key": NOWHERE, "Артикул": "BT-1"})
    with pytest.raises(Rejected, match="BT-1"):
        push(connect(base, tmp_path), order(company=firm()), None)
    helped = connect(base, tmp_path, orders={"other_product": PUMP})
    push(helped, order(company=firm()), None)
    assert documents(base)[0]["Товары"][1]["Номенклатура_Key"] == PUMP


def test_a_reply_that_never_came_makes_no_second_document(base: Emulator, tmp_path: Path) -> None:
    """1C made it and never said so: the next try finds it."""
    connection = connect(base, tmp_path, timeout_seconds=1)
    write = base.server.write

    def broken(method: str, path: str, body: Any) -> Row:
        made = write(method, path, body)
        if path == "Document_ЗаказКлиента":
            base.server.write = write  # type: ignore[method-assign]  # the emulator breaks once
            raise ConnectionResetError
        return made

    base.server.write = broken  # type: ignore[method-assign]  # the emulator breaks once
    with pytest.raises(RetryLater):
        push(connection, order(company=firm()), None)
    assert len(documents(base)) == 1
    receipt = push(connection, order(company=firm()), None)
    assert [row["Ref_Key"] for row in documents(base)] == [receipt.external_id]


@pytest.mark.parametrize(
    ("failure", "error"),
    [("exception", Rejected), ("locked", RetryLater), ("conflict", RetryLater)],
)
def test_1c_s_refusal_is_kept_in_its_words(
    base: Emulator, tmp_path: Path, failure: str, error: type[Exception]
) -> None:
    connection = connect(base, tmp_path)
    push(connection, order(company=firm()), None)
    documents(base).clear()
    base.failure, base.failing = failure, "Document_ЗаказКлиента"
    with pytest.raises(error):
        push(connection, order(company=firm()), None)


# The buyer.


def buyer(receipt: Receipt) -> str:
    ((_, _, ref),) = receipt.bindings
    return ref


@pytest.mark.parametrize(
    ("contact", "company", "found"),
    [
        ({}, firm(external_id=PAVEL), PAVEL),  # what the hub bound counts first
        ({}, firm(), GARDEN),
        ({}, firm(kpp=""), GARDEN),
        ({"id": 3, "name": "Павел", "phone": "+79167654321"}, {}, PAVEL),
        ({"id": 3, "name": "Кто-то", "email": "office@sad.example"}, {}, GARDEN),
    ],
)
def test_a_buyer_is_found(
    base: Emulator, tmp_path: Path, contact: Any, company: Any, found: str
) -> None:
    before = len(base.rows("Catalog_Контрагенты"))
    assert buyer(push(connect(base, tmp_path), order(contact, company), None)) == found
    assert len(base.rows("Catalog_Контрагенты")) == before


def test_another_branch_of_one_inn_is_another_counterparty(base: Emulator, tmp_path: Path) -> None:
    ref = buyer(push(connect(base, tmp_path), order(company=firm(kpp="500101001")), None))
    made = base.rows("Catalog_Контрагенты")[-1]
    assert ref == made["Ref_Key"] != GARDEN
    assert (made["ИНН"], made["КПП"]) == ("7707083893", "500101001")
    # A partner of its own stands over it, as in УТ.
    assert made["Партнер_Key"] == base.rows("Catalog_Партнеры")[-1]["Ref_Key"]


def test_a_new_buyer_is_made_once_with_phone_and_e_mail(base: Emulator, tmp_path: Path) -> None:
    connection = connect(base, tmp_path)
    who = {"id": 3, "name": "Ирина Белова", "phone": "+79161234567", "email": "i@example.ru"}
    receipt = push(connection, order(who), None)
    made = base.rows("Catalog_Контрагенты")[-1]
    assert receipt.bindings == [("contact", 3, made["Ref_Key"])]
    assert [row["Тип"] for row in made["КонтактнаяИнформация"]] == [
        "Телефон",
        "АдресЭлектроннойПочты",
    ]
    assert made["КонтактнаяИнформация"][0]["НомерТелефона"] == "79161234567"
    # Killed before the hub could bind it: found by what it carries.
    documents(base).clear()
    for known in (who, {"id": 3, "name": "Ирина Белова"}):
        assert buyer(push(connection, order(known), None)) == made["Ref_Key"]
        documents(base).clear()


def test_a_bound_buyer_that_is_marked_for_deletion_is_looked_for_anew(
    base: Emulator, tmp_path: Path
) -> None:
    base.rows("Catalog_Контрагенты")[1]["DeletionMark"] = True
    found = buyer(push(connect(base, tmp_path), order(company=firm(external_id=PAVEL)), None))
    assert found == GARDEN


def test_an_order_of_nobody_needs_a_default_buyer(base: Emulator, tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="default_buyer"):
        push(connect(base, tmp_path), order(), None)
    receipt = push(connect(base, tmp_path, orders={"default_buyer": PAVEL}), order(), None)
    assert documents(base)[0]["Контрагент_Key"] == PAVEL
    assert receipt.bindings == []


# What is not written.


def settings(base: Emulator, **changes: Any) -> Connection:
    document = base.connection()
    return make_connection(
        {**document, "settings": {**document["settings"], **changes}},
        allowed_networks=("127.0.0.0/8",),
    )


def test_nothing_is_written_unless_asked_for(base: Emulator, tmp_path: Path) -> None:
    with pytest.raises(Ignored, match="write"):
        push(settings(base, write=False), order(company=firm()), None)
    lead = Change("lead", 1, {}, "lead.created", order().changed_at, "k")
    with pytest.raises(Ignored):
        push(settings(base), lead, None)
    wanted = connect(base, tmp_path, orders={"statuses": ["processing"]})
    with pytest.raises(Ignored, match="pending"):
        push(wanted, order(company=firm(), status="pending"), None)
    with pytest.raises(ConfigError, match="postt"):
        push(connect(base, tmp_path, orders={"postt": True}), order(company=firm()), None)
    assert calls(base, "POST") == []


def test_writes_go_one_at_a_time(base: Emulator, tmp_path: Path) -> None:
    push(connect(base, tmp_path), order(company=firm()), None)
    assert base.most_at_once["write"] == 1
