"""OData of 1C below the connector: literals, rows of a stream, metadata, pages, errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import responses

from connectors._protocols import odata_values
from connectors._protocols.odata_errors import (
    BadFilter,
    NoSuchName,
    NoSuchObject,
    TooMuch,
    refusal,
)
from connectors._protocols.odata_feed import feed
from connectors._protocols.odata_rows import rows_of
from connectors._protocols.odata_server import error_body
from connectors._protocols.odata_virtual import call
from connectors.onec_odata.client import base_of
from connectors.onec_odata.emulator import Emulator
from hub.registry import make_connection
from hub.sdk.errors import (
    AuthError,
    ConfigError,
    HubError,
    PayloadError,
    Rejected,
    RetryLater,
)
from tests.support.odata import MOSCOW, REF, connect


@pytest.fixture
def base() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


# Literals.


def test_literals_are_1c_s_own() -> None:
    at = datetime(2026, 2, 3, 4, 5, 6, 700, tzinfo=UTC)
    assert odata_values.guid(REF.upper()) == f"guid'{REF}'"
    assert odata_values.text("О'Хара") == "'О''Хара'"
    assert odata_values.moment(at, MOSCOW) == "datetime'2026-02-03T07:05:06'"
    assert odata_values.literal("Edm.Double", Decimal("1E+3")) == "1000"
    assert odata_values.literal("Edm.Int64", "17") == "17"
    with pytest.raises(ConfigError):
        odata_values.guid("x' or 1 eq 1")


def test_an_address_has_no_plus_for_a_space() -> None:
    address = odata_values.url_of("Catalog_Склады", {"$filter": "Description eq 'А + Б'"})
    assert address.isascii()
    assert "+" not in address
    assert "%20eq%20" in address
    assert "%D0%A1" in address


def test_quotes_of_a_condition_either_way() -> None:
    given = {"Dimensions": "Номенклатура", "Condition": f"Склад_Key eq guid'{REF}'"}
    plain = call("R", "Balance", given, doubled=False)
    doubled = call("R", "Balance", given, doubled=True)
    assert f"Condition='Склад_Key eq guid'{REF}''" in plain
    assert f"Condition='Склад_Key eq guid''{REF}'''" in doubled


# Values.


def test_values_come_without_padding_links_and_empty_marks() -> None:
    row = {
        "Ref_Key": REF.upper(),
        "Склад_Key": odata_values.ZERO_REF,
        "НомерКонтракта": "   ",
        "Дата": "2026-02-03T10:11:12",
        "Пустая": "0001-01-01T00:00:00",
        "Склад@navigationLinkUrl": "x",
        "Товары": [{"LineNumber": "1", "Характеристика_Key": odata_values.ZERO_REF}],
    }
    assert odata_values.tidy(row, MOSCOW) == {
        "Ref_Key": REF,
        "Склад_Key": "",
        "НомерКонтракта": "",
        "Дата": "2026-02-03T10:11:12+03:00",
        "Пустая": "",
        "Товары": [{"LineNumber": "1", "Характеристика_Key": ""}],
    }
    assert odata_values.number("1 233,05") == Decimal("1233.05")
    assert odata_values.number(True) is None
    assert odata_values.time_of("0209-05-01T00:00:00", MOSCOW) is None


# Rows of a reply.


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    yield from (body[at : at + size] for at in range(0, len(body), size))


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_rows_come_out_of_any_pieces(size: int) -> None:
    rows = [{"a": 1.5, "b": "]}", "c": [{"d": '\\"'}]}, {"a": 12345678901234567890, "б": None}]
    body = ('\ufeff{"odata.metadata":"x","value":' + json.dumps(rows) + "}").encode()
    found = list(rows_of("application/json", pieces(body, size)))
    assert found[0]["a"] == Decimal("1.5")
    assert found[0]["c"] == [{"d": '\\"'}]
    assert found[1]["a"] == 12345678901234567890


def test_no_rows_are_no_rows() -> None:
    assert list(rows_of("application/json", [b'{"odata.metadata":"x","value":[]}'])) == []
    assert list(rows_of("", [feed([])])) == []


@pytest.mark.parametrize("cut", [30, 60, 70, -1, -2])
def test_a_cut_reply_is_never_whole(cut: int) -> None:
    body = b'{"odata.metadata":"x","value":[{"a": 1},{"a": "long enough to cut"},{"a": 3}]}'
    with pytest.raises(RetryLater):
        list(rows_of("application/json", [body[:cut]]))
    atom = feed([("Catalog_X", {"Ref_Key": REF}), ("Catalog_X", {"Ref_Key": REF})])
    with pytest.raises((RetryLater, PayloadError)):
        list(rows_of("application/atom+xml", [atom[: cut if cut < 0 else len(atom) - cut]]))


def test_an_atom_feed_gives_the_same_rows() -> None:
    row = {"Ref_Key": REF, "Цена": Decimal("1.50"), "Проведен": True, "Пусто": None,
           "Товары": [{"LineNumber": "1", "Количество": 2}]}  # fmt: skip
    gone = {"deleted": REF.upper()}
    found = list(rows_of("", [feed([("Document_X", row), ("Catalog_Y", gone)])]))
    assert found == [
        {"odata.type": "Document_X", **row},
        {"odata.type": "Catalog_Y", "odata.deleted": True, "Ref_Key": REF},
    ]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", RetryLater),
        (b"<!DOCTYPE html><html><form><input type='password'></form></html>", ConfigError),
        (b"PK\x03\x04", HubError),
        (b'{"odata.error":{"code":"14","message":{"lang":"ru","value":"x"}}}', Rejected),
        (b'{"value":[1]}', PayloadError),
        (b'{"value":[{"a": NaN}]}', PayloadError),
        (b'{"value":[{"a": 1e99999}]}', PayloadError),
        (b'{"value":[' + b'{"a":' * 5000 + b"1", HubError),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><feed>&b;</feed>', PayloadError),
        (b"<Envelope/>", PayloadError),
        (b'{"value":[{"a": "\xff"}]}', PayloadError),
    ],
)
def test_what_is_no_reply_is_told_apart(body: bytes, error: type[HubError]) -> None:
    with pytest.raises(error):
        list(rows_of("application/json", [body]))


# Errors.


@pytest.mark.parametrize("atom", [False, True])
@pytest.mark.parametrize(
    ("status", "code", "words", "error"),
    [
        (400, "6", "Сегмент пути X не найден!", NoSuchName),
        (404, "9", "Экземпляр не найден", NoSuchObject),
        (400, "14", "Ошибка отбора", BadFilter),
        (500, "-1", "{Документ.X(1)}: Не заполнен договор", Rejected),
        (500, "-1", "Недостаточно памяти", TooMuch),
        (500, "-1", "Конфликт блокировок при выполнении транзакции", RetryLater),
        (401, "-1", "Нарушены ограничения доступа", ConfigError),
        (403, "20", "Нет права", AuthError),
    ],
)
def test_1c_s_errors_say_who_must_act(
    status: int, code: str, words: str, error: type[HubError], atom: bool
) -> None:
    found = refusal(
        status,
        "application/xml" if atom else "application/json",
        error_body(code, words, atom=atom),
        url="http://1c/x?$filter=secret",
        username="Обмен",
    )
    assert type(found) is error
    assert "secret" not in found.message


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 401}, AuthError),
        ({"status": 403, "json": {"#exception": "x", "exception": {"descr": "Начало сеанса с "
          "информационной базой запрещено"}}}, RetryLater),
        ({"status": 404, "body": "<html>Not Found</html>"}, ConfigError),
        ({"status": 409}, RetryLater),
        ({"status": 422, "body": "{}"}, Rejected),
        ({"status": 429, "headers": {"Retry-After": "7"}}, RetryLater),
        ({"status": 500, "body": "<html>Не обнаружено свободной лицензии!</html>"}, RetryLater),
        ({"status": 502, "body": "<html>Bad Gateway</html>"}, RetryLater),
        ({"status": 301, "headers": {"Location": "https://else.example"}}, ConfigError),
        ({"status": 200, "body": "<html><form><input type=password></form></html>",
          "content_type": "text/html"}, ConfigError),
        ({"status": 200, "body": ""}, RetryLater),
        ({"body": TimeoutError()}, HubError),
    ],
)  # fmt: skip
def test_what_a_web_server_says_instead(answer: dict[str, Any], error: type[HubError]) -> None:
    connection = make_connection(
        {
            "connector": "onec_odata",
            "settings": {"url": "http://1c.example/ut", "username": "Обмен"},
            "secrets": {"password": "Пароль-для-обмена"},
        }
    )
    if isinstance(answer.get("body"), TimeoutError):
        import requests

        answer = {"body": requests.ConnectTimeout()}
    with responses.RequestsMock() as mock:
        mock.get("http://1c.example/ut/odata/standard.odata/Catalog_X", **answer)
        with pytest.raises(error) as caught:
            base_of(connection).wire.get("Catalog_X")
    assert "Пароль-для-обмена" not in f"{caught.value!r}{caught.value.message}"
    if answer.get("status") == 429:
        assert isinstance(caught.value, RetryLater)
        assert caught.value.after == 7


def test_1c_s_words_do_not_repeat_the_password(base: Emulator) -> None:
    connection = connect(base)
    asked = {"$filter": "НетТакого eq 'Пароль-для-обмена'"}
    with pytest.raises(NoSuchName) as caught:
        base_of(connection).wire.get("Catalog_Склады", asked)
    assert "Пароль" not in caught.value.message
