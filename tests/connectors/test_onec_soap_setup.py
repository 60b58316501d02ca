"""Setting the 1C connector up: WSDL, port, streams, the connection test, mappings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.onec_soap.emulator import FIXTURES, Emulator
from connectors.onec_soap.poll import check, read
from hub.mapping.compiler import compile_mapping
from hub.mapping.loader import effective
from hub.mapping.transforms import MappingContext
from hub.registry import make_connection
from hub.sdk.connection import Connection, Secrets
from hub.sdk.errors import AuthError, ConfigError, RetryLater
from hub.sdk.records import SourceRecord

MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture
def onec() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


def connect(onec: Emulator, **settings: Any) -> Connection:
    file = onec.connection()
    return make_connection({**file, "settings": {**file["settings"], **settings}}, "onec")


def with_stream(onec: Emulator, **changes: Any) -> Connection:
    streams = onec.connection()["settings"]["streams"]
    return connect(onec, streams={**streams, "stock": {**streams["stock"], **changes}})


def pages(connection: Connection, stream: str, cursor: Mapping[str, Any] | None = None) -> Any:
    return [page for page in read(connection, stream, cursor or {}) if not page.digest]


def test_a_wrong_password_is_the_admins_business(onec: Emulator) -> None:
    connection = replace(connect(onec), secrets=Secrets({"password": "не тот"}))
    with pytest.raises(AuthError):
        pages(connection, "stock")


def test_the_wsdl_is_kept_for_the_time_1c_is_down(onec: Emulator, tmp_path: Path) -> None:
    connection = replace(connect(onec), cache_dir=str(tmp_path / "cache"))
    pages(connection, "stock")
    onec.wsdl_is_down = True
    (page,) = pages(connection, "stock")
    assert page.complete
    with pytest.raises(RetryLater):
        pages(connect(onec), "stock")


def test_the_wsdl_may_be_a_file(onec: Emulator) -> None:
    onec.wsdl_is_down = True
    (page,) = pages(connect(onec, wsdl=str(FIXTURES / "StockHub.wsdl")), "stock")
    assert len(list(page.sources())) == 7


@pytest.mark.parametrize(
    ("choice", "namespace"),
    [
        ({}, b"http://schemas.xmlsoap.org/soap/envelope/"),
        ({"soap_version": "1.2"}, b"http://www.w3.org/2003/05/soap-envelope"),
        ({"port": "StockHubSoap12"}, b"http://www.w3.org/2003/05/soap-envelope"),
        ({"port": "StockHubSoap12Binding"}, b"http://www.w3.org/2003/05/soap-envelope"),
    ],
)
def test_the_port_can_be_chosen(onec: Emulator, choice: dict[str, str], namespace: bytes) -> None:
    (page,) = pages(connect(onec, **choice), "stock")
    assert len(list(page.sources())) == 7
    assert namespace in onec.calls[-1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"operation": "GetRemain"}, "GetRemains"),
        ({"operation": ""}, "settings.streams.stock.operation"),
        ({"arguments": {"Warehouse": "", "Whs": 1}}, "лишние: Whs"),
        ({"arguments": {}}, "не заданы: Warehouse"),
        ({"arguments": {"Warehouse": "а\x0bб"}}, "аргументы операции"),
        ({"rows": "return.Rows"}, "есть: Row"),
        ({"mode": "all"}, "settings.streams.stock.mode"),
        ({"mode": "delta", "cursor": ""}, "settings.streams.stock.cursor"),
        ({"entity": "stocks"}, "settings.streams.stock.entity"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_stream_is_named_before_any_call(
    onec: Emulator, changes: dict[str, Any], words: str
) -> None:
    connection = with_stream(onec, **changes)
    with pytest.raises(ConfigError) as caught:
        pages(connection, "stock")
    assert words in caught.value.message
    assert onec.calls == []


def test_check_passes_step_by_step_without_asking_for_data(onec: Emulator) -> None:
    steps = list(check(connect(onec)))
    assert len(steps) == 6
    assert all(step.ok for step in steps), steps
    assert onec.calls == []


def test_check_names_what_is_wrong_with_each_stream(onec: Emulator) -> None:
    streams = {
        "stock": {"operation": "GetRemans"},
        "products": {"operation": "GetItems", "arguments": {"Since": "1"}},
        "counterparties": {"operation": "GetCounterparties", "arguments": {"AfterVersion": ""}},
        "contacts": {"operation": "GetItems"},
    }
    steps = {step.name: step for step in check(connect(onec, streams=streams))}
    assert "GetRemains" in steps["Поток stock"].message
    assert "лишние: Since; не заданы: ChangedSince" in steps["Поток products"].message
    assert steps["Поток counterparties"].ok
    assert "contacts" in steps["Поток contacts"].message


def test_check_tells_a_bad_wsdl_from_a_bad_login(onec: Emulator) -> None:
    (step,) = check(connect(onec, wsdl="нет/такого.wsdl"))
    assert "не читается" in step.message
    connection = connect(onec, wsdl=str(FIXTURES / "StockHub.wsdl"), username="Гость")
    failed = [step for step in check(connection) if not step.ok]
    assert [step.name for step in failed] == ["Вход в 1С"]
    connection = connect(onec, address=f"{onec.url}x", wsdl=str(FIXTURES / "StockHub.wsdl"))
    failed = [step for step in check(connection) if not step.ok]
    assert "404" in failed[0].message


def mapped(onec: Emulator, stream: str, overlay: bool = True) -> list[Any]:
    documents = effective("onec_soap", onec.connection()["mappings"] if overlay else {})
    compiled = {name: compile_mapping(document) for name, document in documents.items()}
    return [
        compiled[record.entity].apply(record, MappingContext(timezone=MOSCOW))
        for page in pages(connect(onec), stream)
        for record in page.sources()
    ]


@pytest.mark.parametrize("overlay", [True, False])
def test_stock_rows_become_stock_levels(onec: Emulator, overlay: bool) -> None:
    rows = [record.fields for record in mapped(onec, "stock", overlay)]
    assert [str(row["quantity"]) for row in rows] == [
        *("12.5", "3", "-3", "40", "0", "1233.05", "250.125"),
    ]
    assert rows[2]["reserved"] == (0 if overlay else None)
    assert rows[0]["sku"] == "КР-001"
    assert rows[0]["product_external_id"] == "6c4e0c00-6c2c-11e7-81d6-38d547224d22"
    assert rows[0]["as_of"] == datetime(2026, 1, 12, 15, 21, 10, tzinfo=UTC)
    assert rows[4]["as_of"] is None


def test_goods_and_counterparties_keep_their_guid(onec: Emulator) -> None:
    goods = mapped(onec, "products")
    assert [record.external_id[:8] for record in goods] == [f"6c4e0c0{n}" for n in range(6)]
    assert [record.fields["is_active"] for record in goods] == [True] * 4 + [False, True]
    assert goods[5].fields["sku"] is None
    first, second, _ = mapped(onec, "counterparties")
    assert (first.external_id[:8], first.fields["inn"]) == ("6c4e0c50", "7707083893")
    assert second.fields["phone"] == "+79160001122"


def test_contacts_have_a_shipped_mapping() -> None:
    row = {"GUID": "1", "ФИО": "Иван Петров", "Телефон": "8 916 000-11-22", "Контрагент": "Север"}
    contact = compile_mapping(effective("onec_soap")["contact"]).apply(
        SourceRecord("contact", "", row), MappingContext()
    )
    assert (contact.external_id, contact.fields["company_name"]) == ("1", "Север")
