"""What CommerceML says, in every dialect: goods, characteristics, prices, stock, orders."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest

from connectors._protocols import commerceml_reader
from connectors._protocols.commerceml import Memory, id_of, split_id
from connectors._protocols.commerceml_documents import own_id
from connectors._protocols.commerceml_reader import Reading, pages_of
from connectors.onec_commerceml.emulator import files_of
from hub.sdk.errors import PayloadError
from hub.sdk.records import Page, SourceRecord
from tests.support.exchange import amount, guid, offers_file

W1, W2 = guid("w1"), guid("w2")


def pages(body: bytes, cursor: Mapping[str, Any] | None = None, **how: Any) -> list[Page]:
    return list(pages_of(io.BytesIO(body), "", cursor or {}, Reading(**how)))


def records(body: bytes, **how: Any) -> list[SourceRecord]:
    return [record for page in pages(body, **how) for record in page.records]


def levels(body: bytes, **how: Any) -> list[tuple[str, str]]:
    """(warehouse, quantity) of every row of stock."""
    rows = [row for page in pages(body, **how) for row in page.rows]
    return [(row["ИдСклада"], row["Количество"]) for row in rows]


def offer(inner: str) -> bytes:
    return offers_file({"item": inner})


@pytest.mark.parametrize(
    ("inner", "wanted"),
    [
        # УТ: attributes; the total is theirs.
        (amount("7", w1="4", w2="3"), [(W1, "4"), (W2, "3")]),
        # УТ: fell to nothing everywhere.
        (amount("0"), [("", "0")]),
        # УНФ: zeros are listed.
        (amount("0", w1="0", w2="0"), [(W1, "0"), (W2, "0")]),
        # 2.04: a total and no warehouses.
        ("<Количество>1200</Количество>", [("", "1200")]),
        # 3.1 rests.
        (
            f"<Остатки><Остаток><Склад><Ид>{W1}</Ид><Количество>4.5</Количество></Склад></Остаток>"
            f"<Остаток><Склад><Ид>{W2}</Ид><Количество>0</Количество></Склад></Остаток></Остатки>",
            [(W1, "4.5"), (W2, "0")],
        ),
        ("<Остатки><Остаток><Количество>5</Количество></Остаток></Остатки>", [("", "5")]),
        ("<Остатки/>", [("", "0")]),
        # The delta form: attributes on «Склады» themselves.
        (
            f'<Склады ИдСклада="{W1}" КоличествоНаСкладе="1"/><Количество>1</Количество>',
            [(W1, "1")],
        ),
        (
            f'<Склады><Склад ИдСклада="{W2}" КоличествоНаСкладе="2"/></Склады>',
            [(W2, "2")],
        ),
        # One warehouse twice (rooms, purposes) is one level.
        (amount("7", w1="4") + f'<Склад ИдСклада="{W1}" КоличествоНаСкладе="3"/>', [(W1, "7")]),
        # Negative and fractional quantities are as they are.
        (amount("-1.5", w1="-1.500"), [(W1, "-1.5")]),
        ("<Количество>1 233,05</Количество>", [("", "1233.05")]),
        ("<Количество>1\u00a0233,05</Количество>", [("", "1233.05")]),
        # A price list says nothing of stock, an empty total neither.
        ("<Цены><Цена><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>", []),
        ("<Количество/>", []),
    ],
)
def test_the_stock_of_an_offer(inner: str, wanted: list[tuple[str, str]]) -> None:
    assert levels(offer(inner)) == wanted


def test_every_page_of_stock_replaces_and_holds_an_item_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commerceml_reader, "PAGE", 3)
    body = offers_file({f"i{n}": amount("3", w1="1", w2="2") for n in range(10)})
    found = [page for page in pages(body) if page.entity == "stock"]
    assert all(page.replaces for page in found)
    assert [len(page.rows) for page in found] == [6, 6, 6, 2]
    places = [{row["Ид"] for row in page.rows} for page in found]
    assert len(set.union(*places)) == sum(map(len, places)) == 10


def test_an_item_that_comes_twice_begins_a_page_of_its_own() -> None:
    twice = offer(amount("1", w1="1")).replace(
        "</Предложения>".encode(),
        (
            f"<Предложение><Ид>{guid('item')}</Ид>{amount('2', w2='2')}</Предложение></Предложения>"
        ).encode(),
    )
    found = [page.rows for page in pages(twice) if page.entity == "stock"]
    assert [[row["ИдСклада"] for row in rows] for rows in found] == [[W1], [W2]]


def test_ids_are_guids_in_lower_case_whatever_the_form() -> None:
    item, variant, none = (
        guid("i").upper(),
        guid("v").upper(),
        "0" * 8 + "-0000-0000-0000-" + "0" * 12,
    )
    assert split_id(f"{item}#{variant}") == (item.lower(), variant.lower())
    assert split_id(item, variant) == (item.lower(), variant.lower())
    assert split_id(f"{item}#") == split_id(item, none) == split_id(f"{item}#{none}")
    assert id_of("Код-А1") == "Код-А1"


def test_the_changes_of_a_package_say_the_same_as_the_package() -> None:
    ((_, body),) = files_of("ut-changes")
    rows = [row for page in pages(body) for row in page.rows]
    full = [row for _, b in files_of("ut") for page in pages(b) for row in page.rows]
    keys = {(row["Ид"], row["ИдХарактеристики"]) for row in full}
    assert {(row["Ид"], row["ИдХарактеристики"]) for row in rows} <= keys
    assert [row["Количество"] for row in rows] == ["1", "0", "10", "-0.5"]


def test_a_price_is_chosen_by_name_or_id_and_all_are_kept() -> None:
    _, body = files_of("ut")[1]

    def price(wanted: str) -> tuple[Any, Any]:
        data = records(body, price_type=wanted)[0].data
        return data.get("Цена"), data.get("Валюта")

    assert price("") == price("розничная") == ("5990", "RUB")
    assert price("Оптовая") == price("c0ffee00-0002-4b00-8b00-000000000002") == ("4500.5", "RUB")
    assert price("Закупочная") == (None, None)
    kept = records(body, price_type="Закупочная")[0].data["Цены"]
    assert [one["ТипЦены"] for one in kept] == ["Розничная", "Оптовая"]


def test_a_characteristic_is_named_by_1c_itself_or_by_its_properties() -> None:
    named = offer("<Наименование>Ботинок (42, чёрный)</Наименование>" + amount("1"))
    told = named.replace(f"{guid('item')}<".encode(), f"{guid('item')}#{guid('char')}<".encode())
    (record,) = records(told)
    assert record.external_id == f"{guid('item')}#{guid('char')}"
    assert (record.data["Характеристика"], record.data["НаименованиеТовара"]) == (
        "42, чёрный",
        "Ботинок",
    )
    listed = told.replace(b" (42, \xd1\x87\xd1\x91\xd1\x80\xd0\xbd\xd1\x8b\xd0\xb9)", b"").replace(
        "<Количество>".encode(),
        "<ХарактеристикиТовара><ХарактеристикаТовара><Наименование>Размер</Наименование>"
        "<Значение>42</Значение></ХарактеристикаТовара></ХарактеристикиТовара><Количество>".encode(),
    )
    assert records(listed)[0].data["Характеристика"] == "Размер: 42"
    # Without a characteristic, brackets are a part of the name.
    assert "Характеристика" not in records(named)[0].data


@pytest.mark.parametrize(
    "mark",
    ['<Товар Статус="Удален">', '<Товар Статус="Удалён">', "<Товар><Статус>Удален</Статус>",
     "<Товар><ПометкаУдаления>true</ПометкаУдаления>"],
)  # fmt: skip
def test_a_mark_of_deletion_is_read_in_either_dialect(mark: str) -> None:
    goods = f"<Товары>{mark}<Ид>x</Ид></Товар></Товары>"
    body = f"<КоммерческаяИнформация><Каталог>{goods}</Каталог></КоммерческаяИнформация>"
    assert records(body.encode())[0].data["ПометкаУдаления"] == "true"
    plain = body.replace(mark, "<Товар><ПометкаУдаления>false</ПометкаУдаления>")
    assert records(plain.encode())[0].data["ПометкаУдаления"] == "false"


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        ('<БазоваяЕдиница Код="796 " НаименованиеПолное="Штука">шт</БазоваяЕдиница>', "шт"),
        ('<БазоваяЕдиница Код="715" НаименованиеПолное="Пара"><Пересчет/></БазоваяЕдиница>', "пар"),
        ("<БазоваяЕдиница>796</БазоваяЕдиница>", "шт"),
        ('<БазоваяЕдиница Код="55">55</БазоваяЕдиница>', "м2"),
        ('<БазоваяЕдиница Код="99" НаименованиеПолное="Бухта"/>', "Бухта"),
        ("<БазоваяЕдиница>991</БазоваяЕдиница>", "991"),
    ],
)
def test_a_unit_has_its_short_name(unit: str, wanted: str) -> None:
    assert records(offer(unit))[0].data["БазоваяЕдиница"] == wanted


def test_services_have_no_stock_in_any_later_file() -> None:
    cursor: Mapping[str, Any] = {}
    for _, body in files_of("ut"):
        found = pages(body, cursor)
        cursor = found[-1].cursor
    names = [row["Наименование"] for page in found for row in page.rows]
    assert "Доставка" not in names
    assert len(names) == 6 - 1


def test_what_is_remembered_is_the_same_object_until_there_is_news() -> None:
    before: dict[str, Any] = {"warehouses": {W1: "Главный"}}
    memory = Memory(before)
    memory.tell("warehouses", W1, "Главный")
    assert memory.cursor is before
    memory.tell("warehouses", W2, "Второй")
    assert memory.cursor == {"warehouses": {W1: "Главный", W2: "Второй"}}
    assert memory.cursor is memory.cursor
    assert before == {"warehouses": {W1: "Главный"}}


def test_rubbish_in_what_is_remembered_is_nothing() -> None:
    assert Memory({"groups": None, "warehouses": ["x"]}).cursor


def test_a_thing_without_an_id_is_rejected_alone() -> None:
    body = offers_file({"a": amount("1", w1="1")}).replace(guid("a").encode(), b"")
    (rejected,) = [item for page in pages(body) for item in page.rejected]
    assert rejected == ("Предложение", "у предложения нет Ид")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"not xml at all",
        b"<?xml version='1.0'?><html/>",
        offers_file({"a": amount("1")})[:-10],
        offers_file({"a": amount("1")}) + b"<more/>",
        b"<!DOCTYPE a []><a/>",
        b"<?xml version='1.0' encoding='klingon'?><a/>",
        b"\xff\xfe<\x00a\x00",
        offers_file({"a": "\x0b"}),
    ],
)
def test_what_is_no_whole_commerceml_is_refused_before_anything_is_told(body: bytes) -> None:
    told = pages_of(io.BytesIO(body), "", {}, Reading())
    with pytest.raises(PayloadError) as caught:
        # The very first page: nothing was told before the refusal.
        next(page for page in told if page.records or page.rows)
    assert caught.value.message


def test_entities_expand_to_nothing() -> None:
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        b"<x>&b;</x>"
    )
    with pytest.raises(PayloadError, match="DOCTYPE"):
        pages(bomb)
    hidden = b"<!-- " + b"x" * 300_000 + b" -->" + bomb[21:]
    with pytest.raises(PayloadError, match="DOCTYPE"):
        pages(hidden)


def test_endless_rubbish_ends_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from connectors._protocols import commerceml_file

    monkeypatch.setattr(commerceml_file, "MAX_QUIET_BYTES", 1_000_000)
    body = (
        "<КоммерческаяИнформация>".encode()
        + b"<a/>" * 400_000
        + "</КоммерческаяИнформация>".encode()
    )
    with pytest.raises(PayloadError, match="нет ни товаров"):
        pages(body)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1251", "utf-16"])
def test_encodings(encoding: str) -> None:
    text = offer("<Наименование>Ёлка</Наименование>").decode()
    declared = text.replace('encoding="UTF-8"', f'encoding="{encoding.removesuffix("-sig")}"')
    assert records(declared.encode(encoding))[0].data["Наименование"] == "Ёлка"


def test_a_mark_of_utf_8_is_believed_before_the_declaration() -> None:
    text = offer("<Наименование>Ёлка</Наименование>").decode()
    lying = text.replace("UTF-8", "windows-1251").encode("utf-8-sig")
    assert records(lying)[0].data["Наименование"] == "Ёлка"


# Orders that come back.


def order(inner: str, kind: str = "Заказ товара") -> bytes:
    return (
        f"<КоммерческаяИнформация><Документ>{inner}<ХозОперация>{kind}</ХозОперация>"
        "</Документ></КоммерческаяИнформация>"
    ).encode()


@pytest.mark.parametrize(
    ("key", "number", "own"),
    [
        ("uzel-order-15", "U15", "uzel-order-15"),
        ("UZEL-ORDER-15", "", "uzel-order-15"),
        (guid("x"), "U15", "uzel-order-15"),
        (guid("x"), "U015", ""),
        (guid("x"), "u15", ""),
        (guid("x"), "0000-000015", ""),
        ("uzel-order-", "U", ""),
    ],
)
def test_an_own_order_is_known_by_its_id_then_by_its_number(
    key: str, number: str, own: str
) -> None:
    assert own_id(key, number, "U") == own


def test_an_empty_prefix_makes_no_number_ours() -> None:
    assert own_id(guid("x"), "15", "") == ""


def test_only_orders_are_orders() -> None:
    inner = "<Ид>1</Ид><Номер>1</Номер>"
    assert len(records(order(inner))) == 1
    assert records(order(inner, "Выплата безналичных денег")) == []
    nested = order(inner + "<Товары><Товар><Ид>t</Ид></Товар></Товары><ПодчиненныеДокументы>"
                   "<Документ><Ид>2</Ид></Документ></ПодчиненныеДокументы>")  # fmt: skip
    assert [record.external_id for record in records(nested)] == ["1"]


def test_the_bitrix_container_holds_orders_too() -> None:
    body = order("<Ид>1</Ид>").replace("<Документ>".encode(), "<Контейнер><Документ>".encode())
    body = body.replace("</Документ>".encode(), "</Документ></Контейнер>".encode())
    assert [record.entity for record in records(body)] == ["order"]
