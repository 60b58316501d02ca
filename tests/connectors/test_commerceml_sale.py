"""Orders as 1C takes them: whole one by one, or refused one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connectors._protocols.commerceml_sale import Sale, document, package
from hub.sdk.errors import Rejected
from hub.sdk.records import Change
from tests.support.exchange import guid

NOW = datetime(2026, 2, 3, 7, 11, 12, tzinfo=UTC)
SALE = Sale(ZoneInfo("Europe/Moscow"))
LINE = {"sku": "А-1", "name": "Ботинок", "quantity": "2", "price": "1271.50", "total": "2543.00"}
ORDER = {
    "number": "CRM-9001-2026-LONG",
    "status": "processing",
    "currency": "RUB",
    "total": "2543.00",
    "placed_at": "2026-02-03T07:11:12Z",
    "contact_id": 5,
    "contact": {"id": 5, "name": "Иван Петров", "phone": "+79161234567", "email": "i@example.ru"},
    "lines": [LINE],
}


def change(fields: Any = ORDER, *, deleted: bool = False, record_id: int = 15) -> Change:
    key = f"uzel-order-{record_id}"
    return Change("order", record_id, fields, "order.updated", NOW, "k", deleted, record_key=key)


def read(fields: Any = ORDER, sale: Sale = SALE, **more: Any) -> Any:
    return etree.fromstring(document(change(fields, **more), sale))


def values(element: Any) -> dict[str, str]:
    path = "ЗначенияРеквизитов/ЗначениеРеквизита"
    return {
        one.findtext("Наименование"): one.findtext("Значение") for one in element.iterfind(path)
    }


def refusal(fields: Any, sale: Sale = SALE, **more: Any) -> str:
    with pytest.raises(Rejected) as caught:
        document(change(fields, **more), sale)
    return caught.value.message


def test_what_1c_cannot_do_without_is_there() -> None:
    root = read()
    assert [root.findtext(name) for name in ("Ид", "Номер", "Дата", "Время")] == [
        "uzel-order-15",
        "U15",
        "2026-02-03",
        "10:11:12",
    ]
    assert root.findtext("ХозОперация") == "Заказ товара"
    assert (root.findtext("Роль"), root.findtext("Валюта"), root.findtext("Курс")) == (
        "Продавец",
        "RUB",
        "1",
    )
    buyer = root.find("Контрагенты/Контрагент")
    assert (buyer.findtext("Ид"), buyer.findtext("Роль")) == ("uzel-contact-5", "Покупатель")
    assert buyer.findtext("ПолноеНаименование") == "Иван Петров"
    # An official name would make a company of him.
    assert buyer.find("ОфициальноеНаименование") is None
    goods = root.find("Товары/Товар")
    assert goods.find("Ид") is None
    assert (goods.findtext("Артикул"), goods.findtext("Количество")) == ("А-1", "2")
    assert values(goods)["ТипНоменклатуры"] == "Товар"
    assert values(root)["Номер заказа на сайте"] == "CRM-9001-2026-LONG"


def test_a_company_is_told_by_its_inn_and_kpp_and_by_1cs_own_id() -> None:
    company = {"id": 3, "name": "Пример", "legal_name": "ООО «Пример»", "inn": "7707083893",
               "kpp": "770701001", "external_id": guid("c")}  # fmt: skip
    root = read({**ORDER, "contact": {**ORDER["contact"], "company": company}})  # type: ignore[dict-item]  # a test's own shape
    buyer = root.find("Контрагенты/Контрагент")
    told = [buyer.findtext(name) for name in ("Ид", "ОфициальноеНаименование", "ИНН", "КПП")]
    assert told == [guid("c"), "ООО «Пример»", "7707083893", "770701001"]


@pytest.mark.parametrize(
    ("contact", "name"),
    [
        ({"name": "", "phone": "+79161234567"}, "+79161234567"),
        ({"email": "a@example.ru"}, "a@example.ru"),
        ({}, "Розничный покупатель"),
        (None, "Розничный покупатель"),
    ],
)
def test_nobody_is_nameless(contact: Any, name: str) -> None:
    root = read({**ORDER, "contact": contact, "contact_id": None})
    assert root.findtext("Контрагенты/Контрагент/Наименование") == name
    assert root.findtext("Контрагенты/Контрагент/Ид")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ({"destination_product_id": guid("i"), "destination_variant_id": guid("v")},
         f"{guid('i')}#{guid('v')}"),
        ({"destination_product_id": guid("i")}, guid("i")),
        ({"product_external_id": guid("i").upper()}, guid("i")),
        ({"product_external_id": "31"}, None),
    ],
)  # fmt: skip
def test_goods_are_named_as_1c_names_them(line: Any, wanted: str | None) -> None:
    root = read({**ORDER, "lines": [{**LINE, **line}]})
    assert root.findtext("Товары/Товар/Ид") == wanted


def test_the_price_is_what_the_customer_pays() -> None:
    root = read({**ORDER, "lines": [{**LINE, "price": "1500", "total": "2543"}]})
    assert root.findtext("Товары/Товар/ЦенаЗаЕдиницу") == "1271.50"


def test_a_paid_delivery_is_a_service_of_its_own() -> None:
    root = read({**ORDER, "delivery_total": "390.00", "total": "2933.00"})
    delivery = root.findall("Товары/Товар")[-1]
    assert (delivery.findtext("Ид"), delivery.findtext("Сумма")) == ("ORDER_DELIVERY", "390.00")
    assert values(delivery)["ТипНоменклатуры"] == "Услуга"
    total = sum(Decimal(one.findtext("Сумма")) for one in root.iterfind("Товары/Товар"))
    assert f"{total:.2f}" == root.findtext("Сумма") == "2933.00"


@pytest.mark.parametrize(("status", "deleted"), [("cancelled", False), ("processing", True)])
def test_an_order_that_is_no_more_is_cancelled(status: str, deleted: bool) -> None:
    assert values(read({**ORDER, "status": status}, deleted=deleted))["Отменен"] == "true"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lines": []}, "ни одной строки"),
        ({"lines": None}, "ни одной строки"),
        ({"lines": [{**LINE, "quantity": "0"}]}, "нет количества"),
        ({"lines": [{**LINE, "quantity": "много"}]}, "не число"),
        ({"lines": [{**LINE, "quantity": "NaN"}]}, "не число"),
        ({"lines": [{**LINE, "price": None, "total": None}]}, "нет цены"),
        ({"lines": [{"quantity": "1", "price": "1"}]}, "ни названия, ни артикула"),
        ({"total": "Infinity"}, "не число"),
        ({"delivery_total": "1e99"}, "не число"),
    ],
)
def test_what_cannot_be_whole_is_refused_with_its_reason(fields: Any, words: str) -> None:
    assert words in refusal({**ORDER, **fields})


def test_a_number_that_would_be_cut_is_refused() -> None:
    assert "длиннее 11" in refusal(ORDER, record_id=12_345_678_901)
    assert read(record_id=1_234_567_890).findtext("Номер") == "U1234567890"


def test_goods_that_1c_does_not_know_are_refused_when_told_to() -> None:
    strict = Sale(SALE.timezone, refuse_unknown=True)
    assert "не связан с номенклатурой" in refusal(ORDER, strict)
    known = {**ORDER, "lines": [{**LINE, "destination_product_id": guid("i")}]}
    assert read(known, strict).findtext("Товары/Товар/Ид") == guid("i")


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251"])
def test_a_package_is_a_declaration_a_root_and_its_documents(encoding: str) -> None:
    sale = Sale(SALE.timezone, encoding=encoding)
    for count in (0, 2):
        body = package([document(change(record_id=n), sale) for n in range(count)], sale, NOW)
        assert body.startswith(b'<?xml version="1.0" encoding="' + encoding.encode())
        root = etree.fromstring(body)
        assert (root.get("ВерсияСхемы"), root.get("ДатаФормирования")) == (
            "2.07",
            "2026-02-03T10:11:12",
        )
        assert len(root) == count


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["utf-8", "windows-1251"]))
def test_any_text_goes_into_xml(name: str, comment: str, encoding: str) -> None:
    fields = {**ORDER, "comment": comment, "contact": {"name": name, "phone": name, "email": name}}
    sale = Sale(SALE.timezone, encoding=encoding)
    root = etree.fromstring(package([document(change(fields), sale)], sale, NOW))
    assert root.findtext("Документ/Контрагенты/Контрагент/Наименование")
