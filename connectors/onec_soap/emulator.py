"""A small 1C publication: one web service behind Basic auth that fails the way 1C fails.

Its WSDL has the shape that the platform publishes (SOAP 1.1 and 1.2, an internal address that
nobody can call); its answers are the fixtures of this folder.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment
from zoneinfo import ZoneInfo

from lxml import etree
from ruamel.yaml import YAML

from connectors._protocols.onec_moments import rank
from hub.sdk.request import RawRequest
from hub.sdk.testing import VendorServer, body_of, reply
from hub.sdk.xml import xml_parser

FIXTURES = Path(__file__).parent / "fixtures"
#: Keys of connection.yml that are no part of a connection file.
FOR_TESTS = {"received_at", "signature_covers_body"}
UTC = ZoneInfo("UTC")
PATH = "/ut/ws/StockHub.1cws"
#: Operation → (fixture, the row field and the argument by which changes are asked for).
OPERATIONS = {
    "GetRemains": ("stock.1.xml", "ChangedAt", "ChangedSince"),
    "GetItems": ("products.1.xml", "ChangedAt", "ChangedSince"),
    "GetCounterparties": ("counterparties.1.xml", "Version", "AfterVersion"),
}
SOAP_11, SOAP_12 = (
    b"http://schemas.xmlsoap.org/soap/envelope/",
    b"http://www.w3.org/2003/05/soap-envelope",
)
XML, HTML, JSON = "text/xml; charset=utf-8", "text/html; charset=utf-8", "application/json"
FAULT = """<?xml version="1.0" encoding="UTF-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>
<faultcode>soap:Server</faultcode>
<faultstring>{ОбщийМодуль.ОбменСХабом.Модуль(118)}: Ошибка при вызове метода (Выполнить)
\tРезультат = Запрос.Выполнить();
по причине:
{(5, 3)}: Поле не найдено "Остатки.Склад"
&lt;&lt;?&gt;&gt;Остатки.Склад</faultstring><detail/>
</soap:Fault></soap:Body></soap:Envelope>"""
LOCKED = (
    '\ufeff{"#exception":"{http://v8.1c.ru/8.2/virtual-resource-system}Exception","exception":'
    '{"reason":403,"descr":"HTTP: Forbidden","inner":{"descr":"Начало сеанса с информационной '
    'базой запрещено.\\nИдёт обновление до 21:00","creationStack":"core.dll(17)","data":"AAECAw=="'
    "}}}"
)
LOGIN = "<!DOCTYPE html><html><head><title>Вход</title></head><body><form><input type='password'>"
BROKEN = (
    "<html><head><title>1C:Enterprise 8 application error</title></head>"
    "<body><h1>1C:Enterprise 8 application error:</h1>by reason: Недостаточно места на диске</body>"
)
NO_LICENCE = "<html><body>Не обнаружено свободной лицензии!</body></html>"
#: What `failure` may be → (status, type, body) of the answer to a call.
FAILURES: Mapping[str, tuple[int, str, str]] = {
    "fault": (500, XML, FAULT),
    "fault_200": (200, XML, FAULT),
    "locked": (403, JSON, LOCKED),
    "locked_500": (500, JSON, LOCKED),
    "html": (500, HTML, BROKEN),
    "login": (200, HTML, LOGIN),
    "no_licence": (500, HTML, NO_LICENCE),
    "unauthorized": (401, HTML, ""),
    "missing": (404, HTML, "<html><body>Not Found</body></html>"),
    "proxy": (502, HTML, "<html><head><title>502 Bad Gateway</title></head></html>"),
    "no_body": (200, XML, ""),
    "accepted": (202, XML, ""),
    "locked_200": (200, JSON, LOCKED),
    "locked_as_xml": (200, XML, LOCKED),
    "no_licence_403": (403, HTML, NO_LICENCE),
    "no_licence_in_english": (500, HTML, "<html><body>There are no free licenses!</body></html>"),
    "no_licence_found": (500, "text/plain", "Не найдена лицензия. Не обнаружен ключ защиты"),
    "some_xml": (500, XML, "<?xml version='1.0'?><error><code>7</code></error>"),
    "some_xml_200": (200, XML, "<?xml version='1.0'?><error><code>7</code></error>"),
    "gateway_timeout": (504, HTML, ""),
    "no_session": (406, HTML, ""),
    "moved": (302, HTML, ""),
    "not_xml": (200, "application/octet-stream", "PK\x03\x04"),
}


class Emulator:
    """One 1C base for tests and the demo.

    `failure` switches a failure on: a key of FAILURES, or `cut` (XML ends too early), `hangup`
    (the connection closes too early), `slow`, `empty`, `nil`. `answers` replaces an operation's
    whole answer; `calls` lists the request bodies received.
    """

    def __init__(self, port: int = 0) -> None:
        self.failure = ""
        self.answers: dict[str, bytes | Iterable[bytes]] = {}
        self.calls: list[bytes] = []
        self.wsdl_is_down = False
        self.file: dict[str, Any] = YAML(typ="safe").load(
            (FIXTURES / "connection.yml").read_text("utf-8")
        )
        self._stopping = threading.Event()
        self._server = VendorServer(self._app, port)

    @property
    def url(self) -> str:
        """The address of the published service."""
        return self._server.url + PATH

    def start(self) -> None:
        """Publish the service."""
        self._server.start()

    def stop(self) -> None:
        """Stop, letting a slow answer go."""
        self._stopping.set()
        self._server.stop()

    def connection(self) -> dict[str, Any]:
        """The connection file for this base."""
        given = {name: part for name, part in self.file.items() if name not in FOR_TESTS}
        settings = {**given["settings"], "wsdl": f"{self.url}?wsdl", "address": self.url}
        return {**given, "settings": settings}

    def webhooks(self) -> list[RawRequest]:
        """Nothing: this 1C is asked, it does not call."""
        return []

    def expected(self) -> Mapping[str, int]:
        """How many records the fixtures hold; empty rows do not count."""
        entities = ("stock", "product", "company")
        return {
            entity: sum(1 for row in _rows_of(_load(fixture)) if len(row))
            for entity, (fixture, _, _) in zip(entities, OPERATIONS.values(), strict=True)
        }

    def _app(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        body = body_of(environ)
        if environ["PATH_INFO"] != PATH:
            return reply(start, 404, b"<html><body>Not Found</body></html>", HTML)
        if not self._is_known(environ):
            return reply(start, 401, b"", HTML, [("WWW-Authenticate", 'Basic realm="1C"')])
        if environ["REQUEST_METHOD"] == "GET":
            if self.wsdl_is_down:
                return reply(start, 502, b"", HTML)
            return reply(start, 200, (FIXTURES / "StockHub.wsdl").read_bytes(), XML)
        self.calls.append(body)
        if self.failure in FAILURES:
            status, kind, text = FAILURES[self.failure]
            return reply(start, status, text.encode(), kind)
        return self._answer(body, start)

    def _is_known(self, environ: WSGIEnvironment) -> bool:
        entry = f"{self.file['settings']['username']}:{self.file['secrets']['password']}"
        wanted = "Basic " + base64.b64encode(entry.encode()).decode()
        return bool(environ.get("HTTP_AUTHORIZATION") == wanted)

    def _answer(self, body: bytes, start: StartResponse) -> Iterable[bytes]:
        request = etree.fromstring(body, xml_parser())
        question = next(request.iter("{*}Body"))[0]
        operation = etree.QName(question).localname
        if self.failure == "slow":
            self._stopping.wait(30)
        version = SOAP_12 if SOAP_12 in body else SOAP_11
        kind = "application/soap+xml; charset=utf-8" if version == SOAP_12 else XML
        given = self.answers.get(operation)
        if given is not None and not isinstance(given, bytes):
            start("200 OK", [("Content-Type", kind)])
            return given
        whole = given if given is not None else self._from_fixture(operation, question)
        whole = whole.replace(SOAP_11, version)
        if self.failure == "cut":
            return reply(start, 200, whole[: len(whole) // 2], kind)
        if self.failure == "hangup":
            start("200 OK", [("Content-Type", kind), ("Content-Length", str(len(whole)))])
            return [whole[: len(whole) // 2]]
        return reply(start, 200, whole, kind)

    def _from_fixture(self, operation: str, question: Any) -> bytes:
        fixture, field, argument = OPERATIONS[operation]
        tree = _load(fixture)
        since = rank(question.findtext(f"{{*}}{argument}") or "", UTC)
        for row in _rows_of(tree):
            changed = rank(row.findtext(f"{{*}}{field}") or "", UTC)
            if self.failure in {"empty", "nil"} or (since and (not changed or changed < since)):
                row.getparent().remove(row)
        if self.failure == "nil":
            result = next(tree.iter("{*}return"))
            result.set("{http://www.w3.org/2001/XMLSchema-instance}nil", "true")
        return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8"))


def _load(fixture: str) -> Any:
    return etree.fromstring((FIXTURES / fixture).read_bytes(), xml_parser())


def _rows_of(tree: Any) -> list[Any]:
    return list(tree.iter("{*}Row"))


def many_rows(count: int) -> Iterator[bytes]:
    """An answer of GetRemains with `count` rows, made as it is sent."""
    head, _, tail = (FIXTURES / "stock.1.xml").read_bytes().partition(b"    <Row")
    yield head
    row = (
        '<Row xmlns="http://example.ru/stockhub/types"><Item>6c4e0c00-{0:012d}</Item>'
        "<Article>А-{0}</Article><Name>Товар номер {0}</Name><Warehouse>Склад</Warehouse>"
        "<Qty>{0}.5</Qty><Reserve>1</Reserve><Price>10.00</Price>"
        "<ChangedAt>2026-01-12T18:21:10</ChangedAt></Row>"
    )
    for first in range(0, count, 500):
        yield "".join(row.format(n) for n in range(first, min(first + 500, count))).encode()
    yield b"</m:return>" + tail.partition(b"</m:return>")[2]
