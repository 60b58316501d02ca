"""The OData connector against its emulated УТ 11, over real HTTP: what it reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.onec_odata.emulator import Emulator, balance_reply
from connectors.onec_odata.poll import check, read
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, HubError, PayloadError, RetryLater
from hub.sdk.records import Page, SourceRecord
from tests.support.odata import connect

NODE = "00000001-00d0-11ee-9a00-001122334455"
PUMP, BOOTS = "00000001-0010-11ee-9a00-001122334455", "00000002-0010-11ee-9a00-001122334455"
BLACK = "00000001-0020-11ee-9a00-001122334455"
MAIN, SHOP = "00000001-0030-11ee-9a00-001122334455", "00000002-0030-11ee-9a00-001122334455"
GARDEN, ORDER = "00000001-0060-11ee-9a00-001122334455", "00000001-0070-11ee-9a00-001122334455"


@pytest.fixture
def base() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


def run(connection: Connection, stream: str, cursor: Any = None) -> tuple[list[Page], Any]:
    """All pages of a stream and the cursor they end with."""
    pages = list(read(connection, stream, cursor or {}))
    return pages, pages[-1].cursor


def records(pages: list[Page]) -> dict[str, SourceRecord]:
    return {record.external_id: record for page in pages for record in page.records}


def stock(pages: list[Page]) -> dict[tuple[str, str, str], Any]:
    return {
        (
            row["product_external_id"],
            row["variant_external_id"],
            row["warehouse_external_id"],
        ): row
        for page in pages
        for row in page.rows
    }


# Stock.


def test_balances_add_up_over_what_the_hub_does_not_tell_apart(
    base: Emulator, tmp_path: Path
) -> None:
    pages, _ = run(connect(base, tmp_path), "stock")
    found = stock(pages)
    pump = found[(PUMP, "", MAIN)]
    assert (pump["quantity"], pump["reserved"], pump["available"]) == (
        Decimal("12.5"),
        Decimal(2),
        Decimal("8.5"),
    )
    assert (pump["sku"], pump["product_name"], pump["warehouse"]) == (
        "NC-20",
        "Насос НЦ-20",
        "Основной",
    )
    assert found[(PUMP, "", SHOP)]["quantity"] == Decimal(-3)
    assert found[(BOOTS, BLACK, MAIN)]["variant"] == "42, чёрные"
    assert len(found) == 4
    assert [page.complete for page in pages][-1]
    assert [page.digest for page in pages if page.digest]


def test_the_same_balances_are_known_by_their_digest(base: Emulator, tmp_path: Path) -> None:
    connection = connect(base, tmp_path)
    digests = [
        next(page.digest for page in run(connection, "stock")[0] if page.digest) for _ in range(2)
    ]
    base.rows("AccumulationRegister_ТоварыНаСкладах")[0]["ВНаличии"] = 11
    digests.append(next(page.digest for page in run(connection, "stock")[0] if page.digest))
    assert digests[0] == digests[1] != digests[2]


def test_names_are_read_once_and_again_for_a_new_product(base: Emulator, tmp_path: Path) -> None:
    connection = connect(base, tmp_path)
    run(connection, "stock")
    asked = len(base.requests)
    run(connection, "stock")
    later = [path for _, path, _ in base.requests[asked:]]
    assert not [path for path in later if path.startswith("Catalog_")]
    quiet = connect(base, tmp_path, streams={"stock": {
        "balance": "AccumulationRegister_ТоварыНаСкладах", "warehouse": "Склад",
        "quantity": ["ВНаличии"], "names": False}})  # fmt: skip
    row = stock(run(quiet, "stock")[0])[(PUMP, "", MAIN)]
    assert (row["product_name"], row["warehouse"], row["reserved"]) == ("", MAIN, None)


@pytest.mark.parametrize("failure", ["cut", "no_memory", "locked", "proxy", "exception", "empty"])
def test_a_reply_that_is_not_whole_is_no_snapshot(
    base: Emulator, tmp_path: Path, failure: str
) -> None:
    base.failure, base.failing = failure, "Balance"
    seen: list[Page] = []
    with pytest.raises(HubError):
        seen.extend(read(connect(base, tmp_path), "stock", {}))
    assert not [page for page in seen if page.complete or page.rows]


def test_a_base_that_speaks_atom_is_understood(base: Emulator, tmp_path: Path) -> None:
    base.failure = "atom"
    assert len(stock(run(connect(base, tmp_path), "stock")[0])) == 4


def test_quotes_of_a_condition_are_tried_both_ways(base: Emulator, tmp_path: Path) -> None:
    base.quotes = "doubled"
    own = {"balance": "AccumulationRegister_ТоварыНаСкладах", "warehouse": "Склад",
           "quantity": ["ВНаличии"], "condition": f"Склад_Key eq guid'{SHOP}'"}  # fmt: skip
    found = stock(run(connect(base, tmp_path, streams={"stock": own}), "stock")[0])
    assert list(found) == [(PUMP, "", SHOP)]
    with pytest.raises(HubError):
        run(connect(base, tmp_path, streams={"stock": own}, condition_quotes="plain"), "stock")


def test_an_information_register_is_read_by_its_key(base: Emulator, tmp_path: Path) -> None:
    del base.server.sets["AccumulationRegister_ТоварыНаСкладах"]
    found = stock(run(connect(base, tmp_path), "stock")[0])
    row = found[(PUMP, "", MAIN)]
    assert (row["quantity"], row["available"]) == (Decimal("12.5"), Decimal("8.5"))


def test_accounting_tells_goods_and_warehouses_by_type(base: Emulator, tmp_path: Path) -> None:
    from connectors._protocols.odata_server import EntitySet

    chart = EntitySet("ChartOfAccounts_Хозрасчетный", {"Ref_Key": "Edm.Guid", "Code": "Edm.String"})
    chart.rows = [{"Ref_Key": BLACK, "Code": "41.01"}, {"Ref_Key": GARDEN, "Code": "60.01"}]
    fields = {"Account_Key": "Edm.Guid", "КоличествоBalanceDr": "Edm.Double"}
    for number in (1, 2, 3):
        fields |= {
            f"ExtDimension{number}": "Edm.String",
            f"ExtDimension{number}_Type": "Edm.String",
        }
    register = EntitySet("AccountingRegister_Хозрасчетный", fields, keys=("Recorder",))
    row = {"ExtDimension1": PUMP, "ExtDimension1_Type": "StandardODATA.Catalog_Номенклатура",
           "ExtDimension2": ORDER, "ExtDimension2_Type": "StandardODATA.Document_Партия",
           "ExtDimension3": MAIN, "ExtDimension3_Type": "StandardODATA.Catalog_Склады"}  # fmt: skip
    register.measures = ("КоличествоBalanceDr",)
    register.rows = [
        {**row, "Account_Key": BLACK, "КоличествоBalanceDr": 2},
        {**row, "Account_Key": BLACK, "КоличествоBalanceDr": 3},
        {**row, "Account_Key": GARDEN, "КоличествоBalanceDr": 100},
    ]
    base.server.sets = {one.name: one for one in (chart, register)}
    found = stock(run(connect(base, tmp_path, profile="bp3"), "stock")[0])
    assert {key: row["quantity"] for key, row in found.items()} == {(PUMP, "", MAIN): Decimal(5)}
    (balance,) = [path for _, path, _ in base.requests if "Balance" in path]
    assert BLACK in balance
    assert GARDEN not in balance


def test_many_rows_are_streamed(base: Emulator, tmp_path: Path) -> None:
    base.balance = balance_reply(5000)
    own = {"balance": "AccumulationRegister_ТоварыНаСкладах", "warehouse": "Склад",
           "quantity": ["ВНаличии"], "names": False}  # fmt: skip
    pages, _ = run(connect(base, tmp_path, streams={"stock": own}), "stock")
    assert sum(row["quantity"] for page in pages for row in page.rows) == Decimal(
        sum(range(5000))
    ) + Decimal(2500)
    assert max(len(page.rows) for page in pages) == 1000


def test_a_number_that_is_none_stops_the_run(base: Emulator, tmp_path: Path) -> None:
    base.rows("InformationRegister_ДоступныеОстаткиТоваров")[0]["Доступно"] = "много"
    with pytest.raises(PayloadError, match="Доступно"):
        run(connect(base, tmp_path), "stock")


# What changed.


def test_products_come_with_all_that_hangs_on_them(base: Emulator, tmp_path: Path) -> None:
    pages, cursor = run(connect(base, tmp_path), "products")
    found = records(pages)
    pump = found[PUMP].data
    assert (pump["unit"], pump["barcode"], pump["price"], pump["currency"]) == (
        "шт",
        "4600000000017",
        "1271.75",
        "RUB",
    )
    black = found[f"{BOOTS}#{BLACK}"].data
    assert (black["variant"], black["parent_external_id"], black["barcode"], black["price"]) == (
        "42, чёрные",
        BOOTS,
        "4600000000024",
        "5990",
    )
    assert len(found) == 5
    assert json.loads(json.dumps(cursor)) == cursor


def test_only_what_differs_comes_again(base: Emulator, tmp_path: Path) -> None:
    connection = connect(base, tmp_path)
    _, cursor = run(connection, "products")
    again, cursor = run(connection, "products", cursor)
    assert records(again) == {}
    base.rows("InformationRegister_ЦеныНоменклатуры25")[0]["Цена"] = 1300
    base.rows("Catalog_ХарактеристикиНоменклатуры")[0]["DeletionMark"] = True
    changed, cursor = run(connection, "products", cursor)
    found = records(changed)
    assert set(found) == {PUMP, f"{BOOTS}#{BLACK}"}
    assert found[PUMP].data["price"] == "1300"
    assert found[f"{BOOTS}#{BLACK}"].data["DeletionMark"] is True
    base.rows("Catalog_Номенклатура").pop(0)
    gone, cursor = run(connection, "products", cursor)
    assert {key: item.deleted for key, item in records(gone).items()} == {PUMP: True}
    # One file of marks per stream stays behind.
    assert len(list(tmp_path.glob("seen-products-*"))) == 1


def test_marks_follow_the_cursor_alone(base: Emulator, tmp_path: Path) -> None:
    """A run whose rows were not stored does not count as seen."""
    connection = connect(base, tmp_path)
    _, first = run(connection, "counterparties")
    base.rows("Catalog_Контрагенты")[0]["Description"] = "ООО «Новый сад»"
    pages = read(connection, "counterparties", first)
    next(pages)
    pages.close()  # type: ignore[attr-defined]  # read is a generator
    assert set(records(run(connection, "counterparties", first)[0])) == {GARDEN}
    # Without the file of another machine everything comes again.
    assert len(records(run(connect(base, tmp_path / "other"), "counterparties", first)[0])) == 3


def test_lost_rights_do_not_delete_a_catalogue(base: Emulator, tmp_path: Path) -> None:
    connection = connect(base, tmp_path)
    rows = base.rows("Catalog_Контрагенты")
    rows += [{"Ref_Key": f"0000000{n}-0061-4000-8000-000000000000"} for n in range(9)]
    _, cursor = run(connection, "counterparties")
    kept = list(rows)
    del rows[2:]
    pages, cursor = run(connection, "counterparties", cursor)
    assert records(pages) == {}
    assert "исчезло" in pages[-1].rejected[0][1]
    # With the rights back nothing is new.
    rows[:] = kept
    assert records(run(connection, "counterparties", cursor)[0]) == {}


def test_firms_are_companies_and_people_contacts(base: Emulator, tmp_path: Path) -> None:
    found = records(run(connect(base, tmp_path), "counterparties")[0])
    kinds = {record.data["Description"]: record.entity for record in found.values()}
    assert kinds == {"ООО «Сад»": "company", "Петров Павел": "contact", "ИП Иванов": "company"}
    garden = found[GARDEN].data
    assert (garden["phone"], garden["email"]) == ("+7 (495) 123-45-67", "office@sad.example")
    assert garden["ИНН"] == "7707083893"


def test_orders_come_back_with_their_state(base: Emulator, tmp_path: Path) -> None:
    connection = connect(base, tmp_path)
    pages, cursor = run(connection, "orders")
    data = records(pages)[ORDER].data
    assert (data["Number"], data["Posted"], data["Date"]) == (
        "УТ-000001",
        True,
        "2026-11-20T10:11:12+03:00",
    )
    assert data["lines"][0]["product"] == PUMP
    base.rows("Document_ЗаказКлиента").clear()
    gone, _ = run(connection, "orders", cursor)
    assert records(gone)[ORDER].data == {"Ref_Key": ORDER, "DeletionMark": True}
    own = connect(base, tmp_path, streams={"orders": {"foreign": False}})
    base.rows("Document_ЗаказКлиента").append({"Ref_Key": ORDER, "Date": "2026-11-20T10:11:12"})
    assert records(run(own, "orders")[0]) == {}


# Changes by an exchange plan.


def test_changes_are_confirmed_after_they_are_saved(base: Emulator, tmp_path: Path) -> None:
    connection = connect(base, tmp_path, exchange_plan={"plan": "ExchangePlan_Хаб", "node": NODE})
    base.registered = [
        ("Catalog_Номенклатура", PUMP),
        ("Catalog_ХарактеристикиНоменклатуры", BLACK),
        ("Catalog_Контрагенты", GARDEN),
        ("Document_ЗаказКлиента", ORDER),
        ("Catalog_Номенклатура", SHOP),
    ]
    node = base.rows("ExchangePlan_Хаб")[0]
    pages = read(connection, "changes", {})
    found: dict[str, SourceRecord] = {}
    last: Page | None = None
    for page in pages:
        found |= records([page])
        last = page
        if page.cursor.get("saved"):
            # The page is being stored now; 1C still knows the changes.
            assert node["ReceivedNo"] == "4"
            assert base.registered
    assert last is not None
    assert last.cursor == {"saved": 5}
    assert node["ReceivedNo"] == "5"
    assert base.registered == []
    assert set(found) == {
        PUMP,
        BOOTS,
        f"{BOOTS}#{BLACK}",
        f"{BOOTS}#{BLACK[:7]}2{BLACK[8:]}",
        GARDEN,
        ORDER,
        SHOP,
    }
    assert found[SHOP].deleted
    assert found[PUMP].data["price"] == "1271.75"


def test_a_run_killed_before_the_confirmation_makes_up_for_it(
    base: Emulator, tmp_path: Path
) -> None:
    connection = connect(base, tmp_path, exchange_plan={"plan": "Хаб", "node": NODE})
    base.registered = [("Catalog_Контрагенты", GARDEN)]
    pages = read(connection, "changes", {})
    while not (page := next(pages)).cursor.get("saved"):
        pass
    pages.close()  # type: ignore[attr-defined]  # read is a generator
    assert base.registered
    _, cursor = run(connection, "changes", page.cursor)
    assert base.registered == []
    assert cursor == {"saved": 6}


def test_changes_without_a_node_say_what_to_do(base: Emulator) -> None:
    with pytest.raises(ConfigError, match="exchange_plan"):
        run(connect(base), "changes")


# The connection test.


def test_check_says_what_is_not_published_and_how_to_publish_it(
    base: Emulator, tmp_path: Path
) -> None:
    del base.server.sets["Catalog_Контрагенты"]
    for name in (
        "AccumulationRegister_ТоварыНаСкладах",
        "InformationRegister_ДоступныеОстаткиТоваров",
    ):
        del base.server.sets[name]
    wrong = {step.name: step.message for step in check(connect(base, tmp_path)) if not step.ok}
    assert set(wrong) == {"Поток stock", "Поток counterparties", "Заказы в 1С"}
    assert "Настройка автоматического REST-сервиса" in wrong["Поток counterparties"]


def test_check_tells_a_wrong_login_from_an_empty_set(base: Emulator, tmp_path: Path) -> None:
    base.failure = "unauthorized"
    (step,) = check(connect(base, tmp_path))
    assert "Обмен" in step.message
    base.failure = ""
    base.server.sets.clear()
    steps = list(check(connect(base, tmp_path)))
    assert not steps[-1].ok
    assert "ни одного" in steps[-1].message


@pytest.mark.parametrize(
    ("streams", "place"),
    [
        ({"stock": {"quantity": ["X"]}}, "streams.stock"),
        ({"stock": {"balans": "X"}}, "streams.stock"),
        ({"products": {"price_type": "Оптовая"}}, "price_type"),
        ({"products": {"fields": ["Нет"]}}, "streams.products.fields"),
        ({"products": []}, "streams.products"),
    ],
)
def test_a_wrong_setting_is_named(base: Emulator, streams: Any, place: str) -> None:
    stream = next(iter(streams))
    if streams[stream] == []:
        streams = {"products": ["x"]}
    with pytest.raises(ConfigError, match=place):
        run(connect(base, streams=streams), stream)


def test_an_unreachable_base_is_tried_later(base: Emulator) -> None:
    connection = connect(base, url="http://127.0.0.1:1/ut")
    with pytest.raises(RetryLater):
        run(connection, "products")
