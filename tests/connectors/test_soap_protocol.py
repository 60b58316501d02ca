"""SOAP services of other shapes than the connector's own, over real HTTP."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from connectors._protocols.soap import SoapService
from connectors._protocols.soap_wire import SoapOptions
from hub.sdk.errors import ConfigError, PayloadError
from hub.sdk.testing import VendorServer, body_of, reply

WSDLS = Path(__file__).parent / "onec_wsdl"
NS = "http://example.ru/обмен"
V8 = "http://v8.1c.ru/8.1/data/core"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


class Service:
    """Answers every call with `body`; keeps what it was asked."""

    def __init__(self) -> None:
        self.body = b""
        self.headers: list[tuple[str, str]] = []
        self.actions: list[str] = []
        self.calls: list[bytes] = []
        self.server = VendorServer(self.app)

    def app(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        self.calls.append(body_of(environ))
        kind = environ.get("CONTENT_TYPE", "") + environ.get("HTTP_SOAPACTION", "")
        self.actions.append(kind.encode("latin-1").decode("utf-8"))
        return reply(start, 200, self.body, "application/soap+xml", self.headers)

    def soap(self, wsdl: str, **options: Any) -> SoapService:
        address = f"{self.server.url}/обмен/ws/Остатки"
        return SoapService(SoapOptions(wsdl=str(WSDLS / wsdl), address=address, **options))


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()
    found.server.start()
    yield found
    found.server.stop()


def answer(operation: str, result: str, ns: str = "") -> bytes:
    ns = ns or ("http://example.ru/x" if operation.isascii() else NS)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body>'
        f'<m:{operation}Response xmlns:m="{ns}" {XSI}>{result}</m:{operation}Response>'
        "</s:Body></s:Envelope>"
    ).encode()


def result(inside: str) -> str:
    return f"<m:return>{inside}</m:return>"


def embedded(text: str) -> str:
    return result(text.replace("&", "&amp;").replace("<", "&lt;"))


TABLE = (
    f'<column xmlns="{V8}"><Name>Артикул</Name></column><column xmlns="{V8}"><Name>Остаток</Name>'
    f'</column><row xmlns="{V8}"><Value>КР-1</Value><Value>7.25</Value></row>'
    f'<row xmlns="{V8}"><Value>СТ-2</Value><Value xsi:nil="true"/></row>'
)
ROWS = [{"Артикул": "КР-1", "Остаток": "7.25"}, {"Артикул": "СТ-2", "Остаток": None}]


def structure(**fields: str) -> str:
    return "".join(
        f'<Property xmlns="{V8}" name="{name}"><Value>{value}</Value></Property>'
        for name, value in fields.items()
    )


def test_a_cyrillic_soap12_service_is_called_and_its_json_text_opened(service: Service) -> None:
    text = json.dumps({"ok": True, "строки": ROWS}, ensure_ascii=False)
    service.body = answer("ПолучитьОстатки", embedded(text))
    soap = service.soap("cyrillic_soap12.wsdl", username="Обмен", password="пароль")
    rows = list(soap.rows("ПолучитьОстатки", {"КодСклада": "Основной"}, "return.строки"))
    assert rows == ROWS
    assert "ОбменОстатками:ПолучитьОстатки" in service.actions[0]
    assert "Основной" in service.calls[0].decode()
    assert f'"{NS}"' in service.calls[0].decode()


@pytest.mark.parametrize(
    ("text", "path", "rows"),
    [
        (json.dumps(ROWS), "return", ROWS),
        (json.dumps({"a": 1, "b": 2}), "return", [{"a": 1, "b": 2}]),
        (json.dumps({"items": ROWS}), "return", ROWS),
        ("[]", "return", []),
        ('{"items": []}', "return.items", []),
        ("<Rows><Row><A>1</A></Row><Row><A>2</A></Row></Rows>", "return.Rows.Row", [1, 2]),
        ("<Rows><Row><A>1</A></Row><Row><A>2</A></Row></Rows>", "return.Row", [1, 2]),
        ("<Rows><Row><A>1</A></Row></Rows>", "return.Rows.Row", [1]),
        ("<Rows/>", "return.Rows.Row", []),
        ("", "return", []),
    ],
)
def test_rows_inside_a_string(service: Service, text: str, path: str, rows: list[Any]) -> None:
    service.body = answer("ПолучитьОстатки", embedded(text))
    soap = service.soap("cyrillic_soap12.wsdl")
    wanted = [{"A": str(row)} if isinstance(row, int) else row for row in rows]
    assert list(soap.rows("ПолучитьОстатки", {"КодСклада": ""}, path)) == wanted


def test_a_string_longer_than_the_parsers_limit_is_read(service: Service) -> None:
    many = [{"sku": f"A-{n}", "note": "x" * 400} for n in range(25_000)]
    service.body = answer("ПолучитьОстатки", embedded(json.dumps(many)))
    assert len(service.body) > 10_500_000
    soap = service.soap("cyrillic_soap12.wsdl")
    assert sum(1 for _ in soap.rows("ПолучитьОстатки", {"КодСклада": ""}, "return")) == 25_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ошибка: склад не найден", "склад не найден"),
        ('{"rows": []', "JSON"),
        ('{"data": [{"a": 1}]}', "есть: data"),
        ("[1, 2]", "не объект"),
    ],
)
def test_a_string_that_holds_no_rows_says_so(service: Service, text: str, words: str) -> None:
    service.body = answer("ПолучитьОстатки", embedded(text))
    soap = service.soap("cyrillic_soap12.wsdl")
    path = "return.items" if "data" in text else "return"
    with pytest.raises(PayloadError) as caught:
        list(soap.rows("ПолучитьОстатки", {"КодСклада": ""}, path))
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("operation", "inside", "path", "rows"),
    [
        ("ПолучитьТаблицу", TABLE, "return", ROWS),
        ("ПолучитьТаблицу", TABLE, "return.row", ROWS),
        ("ПолучитьТаблицу", TABLE.partition("<row")[0], "return", []),
        ("ПолучитьТаблицу", "", "return", []),
        ("ПолучитьСтруктуру", structure(A="1", B="2"), "return", [{"A": "1", "B": "2"}]),
        ("ПолучитьСтруктуру", structure(Товары=TABLE, Итог="2"), "return.Товары", ROWS),
        (
            "ПолучитьМассив",
            f'<Value xmlns="{V8}">{structure(A="1")}</Value>'
            f'<Value xmlns="{V8}">{structure(A="2")}</Value><Value xmlns="{V8}" xsi:nil="true"/>',
            "return",
            [{"A": "1"}, {"A": "2"}],
        ),
        ("ПолучитьМассив", "", "return", []),
    ],
)
def test_platform_types_become_rows(
    service: Service, operation: str, inside: str, path: str, rows: list[Any]
) -> None:
    service.body = answer(operation, result(inside))
    assert list(service.soap("cyrillic_soap12.wsdl").rows(operation, {}, path)) == rows


def test_a_terminal_service_with_lists_inside_rows(service: Service) -> None:
    ns = "http://www.terminal.example"
    codes = "<m:CodeList><m:Code>1</m:Code></m:CodeList><m:CodeList><m:Code>2</m:Code></m:CodeList>"
    art = f"<m:Art><m:ArtID>7</m:ArtID>{codes}<m:IsMark>false</m:IsMark></m:Art>"
    service.body = answer("GetArts", result(f"<m:Arts>{art}</m:Arts><m:Last>true</m:Last>"), ns)
    soap = service.soap("terminal.wsdl", soap_version="1.2")
    wanted = [{"ArtID": "7", "CodeList": [{"Code": "1"}, {"Code": "2"}], "IsMark": "false"}]
    for path in ("return.Arts.Art", "Arts.Art"):
        assert list(soap.rows("GetArts", {"SN": "1", "UserName": None}, path)) == wanted
    assert [argument.kind for argument in soap.arguments("GetArts")] == ["text", "text", "number"]
    with pytest.raises(ConfigError, match="Art"):
        list(soap.rows("GetArts", {"SN": "1"}, "return.Items"))


def test_a_packed_answer_is_unpacked(service: Service) -> None:
    service.body = gzip.compress(answer("ПолучитьТаблицу", result(TABLE)))
    service.headers = [("Content-Encoding", "gzip")]
    soap = service.soap("cyrillic_soap12.wsdl")
    assert list(soap.rows("ПолучитьТаблицу", {}, "return")) == ROWS


def test_a_wrong_port_lists_the_real_ones(service: Service) -> None:
    with pytest.raises(ConfigError, match="ОбменОстаткамиSoap12"):
        service.soap("cyrillic_soap12.wsdl", soap_version="1.1").port  # noqa: B018  # it raises
    with pytest.raises(ConfigError, match="ОбменОстатками"):
        service.soap("cyrillic_soap12.wsdl", service="Нет").port  # noqa: B018  # it raises


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<definitions", "не разобран"),
        ("<html/>", "не WSDL"),
        (
            '<!DOCTYPE d [<!ENTITY x "y">]><definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>',
            "не разобран",
        ),
        (
            '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/">'
            '<import namespace="x" location="file:///etc/hostname"/></definitions>',
            "вне своей папки",
        ),
    ],
)
def test_a_harmful_or_broken_wsdl_is_a_config_error(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.wsdl"
    path.write_text(text, encoding="utf-8")
    soap = SoapService(SoapOptions(wsdl=str(path), address="http://127.0.0.1:9/"))
    with pytest.raises(ConfigError, match=words):
        soap.port  # noqa: B018  # it raises
