"""A small УТ 11 published by OData: its goods, balances, counterparties and orders.

It fails as 1C fails (FAILURES), cuts long texts, takes references to nothing, and may change its
rows between two pages (`server.after_page`).
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote
from wsgiref.types import StartResponse, WSGIEnvironment

from ruamel.yaml import YAML

from connectors._protocols.odata_feed import feed
from connectors._protocols.odata_server import (
    ZERO,
    EntitySet,
    Refused,
    Row,
    Server,
    error_body,
    metadata_of,
)
from hub.sdk.request import RawRequest
from hub.sdk.testing import VendorServer, body_of, reply

FIXTURES: Final = Path(__file__).parent / "fixtures"
ROOT: Final = "/ut/odata/standard.odata/"
JSON, XML, HTML = "application/json;charset=utf-8", "application/xml", "text/html; charset=utf-8"
KINDS: Final = {
    "guid": "Edm.Guid",
    "text": "Edm.String",
    "flag": "Edm.Boolean",
    "number": "Edm.Double",
    "time": "Edm.DateTime",
    "long": "Edm.Int64",
}
LOCKED = (
    '\ufeff{"#exception":"{http://v8.1c.ru/8.2/virtual-resource-system}Exception","exception":'
    '{"reason":403,"descr":"HTTP: Forbidden","inner":{"descr":"Начало сеанса с информационной '
    'базой запрещено.\\nИдёт обновление до 21:00","creationStack":"core.dll(17)"}}}'
)
RLS = "Недостаточно прав! Нарушены ограничения доступа к данным"
#: What `failure` may be → (status, type, body).
FAILURES: Final[Mapping[str, tuple[int, str, bytes]]] = {
    "unauthorized": (401, HTML, b""),
    "rls": (401, JSON, error_body("-1", RLS)),
    "forbidden": (403, JSON, error_body("20", "Нет права")),
    "locked": (403, JSON, LOCKED.encode()),
    "missing": (404, HTML, b"<html><body>Not Found</body></html>"),
    "unpublished": (404, JSON, error_body("6", "Сегмент пути не найден!")),
    "unpublished_atom": (404, XML, error_body("6", "Сегмент пути не найден!", atom=True)),
    "filter": (400, JSON, error_body("14", "Неверный отбор")),
    "conflict": (409, JSON, error_body("-1", "Конфликт блокировок при выполнении транзакции")),
    "exception": (500, JSON, error_body("-1", "{Документ.ЗаказКлиента(118)}: Нет договора")),
    "no_memory": (500, JSON, error_body("-1", "Недостаточно памяти")),
    "no_licence": (500, HTML, "<html>Не обнаружено свободной лицензии!</html>".encode()),
    "busy": (429, HTML, b""),
    "proxy": (502, HTML, b"<html><head><title>502 Bad Gateway</title></head></html>"),
    "login": (200, HTML, b"<!DOCTYPE html><html><form><input type='password'></form></html>"),
    "empty": (200, JSON, b""),
}


def schema() -> list[EntitySet]:
    """The sets that the base publishes, empty."""
    found = YAML(typ="safe").load((FIXTURES / "schema.yml").read_text("utf-8"))
    return [_set(name, given) for name, given in found["sets"].items()]


def _set(name: str, given: Mapping[str, Any]) -> EntitySet:
    tables = {part: _kinds(fields) for part, fields in given.get("tables", {}).items()}
    return EntitySet(
        name,
        _kinds(given["fields"]),
        tuple(given.get("keys", ("Ref_Key",))),
        tables,
        given.get("lengths", {}),
        given.get("recorder", False),
        tuple(given.get("measures", ())),
    )


def _kinds(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: KINDS[kind] for name, kind in fields.items()}


class Emulator:
    """One 1C base for tests and the demo. `failure` switches a failure on for every request, or
    for those whose path holds `failing`. `requests` lists (method, path, query) as they came."""

    def __init__(self, port: int = 0) -> None:
        self.failure, self.failing = "", ""
        #: «doubled»: quotes in conditions are taken doubled alone.
        self.quotes = ""
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        #: The rows of Balance, streamed, instead of the emulator's own.
        self.balance: Iterable[bytes] | None = None
        #: Set names that changed since the last confirmed message, with their references.
        self.registered: list[tuple[str, str]] = []
        self.most_at_once = {"read": 0, "write": 0}
        self.server = Server(schema())
        self.file: dict[str, Any] = YAML(typ="safe").load(
            (FIXTURES / "connection.yml").read_text("utf-8")
        )
        self._now, self._lock = {"read": 0, "write": 0}, threading.Lock()
        for name, rows in json.loads((FIXTURES / "base.json").read_text("utf-8")).items():
            self.server.sets[name].rows = [
                {**row, **({"DataVersion": "1"} if "Ref_Key" in row else {})} for row in rows
            ]
        self._http = VendorServer(self._app, port)

    @property
    def url(self) -> str:
        """The address of the publication."""
        return f"{self._http.url}/ut"

    def start(self) -> None:
        """Publish the base."""
        self._http.start()

    def stop(self) -> None:
        """Take it down."""
        self._http.stop()

    def rows(self, name: str) -> list[Row]:
        """The rows of a set, to look at and to change."""
        return self.server.sets[name].rows

    def connection(self) -> dict[str, Any]:
        """The connection file for this base."""
        given = {name: value for name, value in self.file.items() if name != "received_at"}
        return {**given, "settings": {**given["settings"], "url": self.url}}

    def webhooks(self) -> list[RawRequest]:
        """Nothing: this 1C is asked, it does not call."""
        return []

    def expected(self) -> Mapping[str, int]:
        """How many records the base holds."""
        return {"stock": 4, "product": 5, "company": 2, "contact": 1, "order": 1}

    # Serving.

    def _app(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        method, body = environ["REQUEST_METHOD"], body_of(environ)
        # The path as it was sent: werkzeug decodes it, and quotes and brackets stay.
        raw = environ.get("REQUEST_URI") or environ["RAW_URI"]
        path, _, query = str(raw).partition("?")
        if "+" in query:
            return reply(start, 400, error_body("14", "Знак + в запросе — не пробел"), JSON)
        path, given = unquote(path), dict(parse_qsl(query, keep_blank_values=True))
        self.requests.append((method, path.removeprefix(ROOT), given))
        is_write = method != "GET" and not path.startswith(
            (f"{ROOT}SelectChanges", f"{ROOT}Notify")
        )
        with self._counted("write" if is_write else "read"):
            return self._answer(start, environ, method, path, given, body)

    def _answer(
        self,
        start: StartResponse,
        environ: WSGIEnvironment,
        method: str,
        path: str,
        given: dict[str, str],
        body: bytes,
    ) -> Iterable[bytes]:
        if self.failure in FAILURES and self.failing in path:
            status, kind, text = FAILURES[self.failure]
            return reply(start, status, text, kind)
        if not path.startswith(ROOT):
            return reply(start, 404, b"<html><body>Not Found</body></html>", HTML)
        if not self._is_known(environ):
            return reply(start, 401, b"", HTML, [("WWW-Authenticate", 'Basic realm="1C"')])
        try:
            return self._carry_out(start, method, path.removeprefix(ROOT), given, body)
        except Refused as refused:
            return reply(start, refused.status, error_body(refused.code, refused.words), JSON)

    def _carry_out(
        self, start: StartResponse, method: str, path: str, given: dict[str, str], body: bytes
    ) -> Iterable[bytes]:
        if path == "$metadata":
            return reply(start, 200, metadata_of(self.server), XML)
        if self.quotes == "doubled" and "guid'" in path.replace("guid''", ""):
            raise Refused(400, "14", "Кавычки внутри строки удваиваются")
        if path in {"SelectChanges", "NotifyChangesReceived"}:
            return self._exchange(start, path, int(given["MessageNo"]))
        if method != "GET":
            made = self.server.write(method, path, json.loads(body or b"{}", parse_float=Decimal))
            return reply(
                start, 201 if method == "POST" and "(" not in path else 200, _json(made), JSON
            )
        if self.balance is not None and "/Balance(" in path:
            start("200 OK", [("Content-Type", JSON)])
            return self.balance
        found = self.server.query(path, given)
        shown = {"value": found} if isinstance(found, list) else found
        whole = _json({"odata.metadata": f"{self.url}#{path}", **shown})
        if self.failure == "cut" and self.failing in path:
            return reply(start, 200, whole[: len(whole) // 2], JSON)
        if self.failure == "atom" and isinstance(found, list):
            return reply(start, 200, feed((path, row) for row in found), "application/atom+xml")
        return reply(start, 200, whole, JSON)

    def _exchange(self, start: StartResponse, act: str, message: int) -> Iterable[bytes]:
        node = self.rows("ExchangePlan_Хаб")[0]
        if act == "NotifyChangesReceived":
            node["ReceivedNo"], self.registered = str(message), []
            return reply(start, 200, b"", XML)
        rows = []
        for name, key in self.registered:
            try:
                rows.append((name, self.server.one(name, key)))
            except Refused:
                rows.append((name, {"deleted": key}))
        return reply(start, 200, feed(rows), "application/atom+xml")

    def _is_known(self, environ: WSGIEnvironment) -> bool:
        entry = f"{self.file['settings']['username']}:{self.file['secrets']['password']}"
        wanted = "Basic " + base64.b64encode(entry.encode()).decode()
        return bool(environ.get("HTTP_AUTHORIZATION") == wanted)

    @contextmanager
    def _counted(self, kind: str) -> Iterator[None]:
        with self._lock:
            self._now[kind] += 1
            self.most_at_once[kind] = max(self.most_at_once[kind], self._now[kind])
        try:
            yield
        finally:
            with self._lock:
                self._now[kind] -= 1


def _json(value: Any) -> bytes:
    def plain(item: Any) -> Any:
        number = float(item)
        return int(number) if number == int(number) else number

    return json.dumps(value, ensure_ascii=False, default=plain).encode()


def balance_reply(count: int) -> Iterator[bytes]:
    """Balance of `count` rows as bytes, none of them kept; quantities are the rows' numbers."""
    yield b'{"odata.metadata":"x","value":['
    for start in range(0, count, 500):
        rows = [
            {
                "Номенклатура_Key": f"{number:08x}-0000-4000-8000-000000000000",
                "Характеристика_Key": ZERO,
                "Склад_Key": f"00000000-0000-4000-8000-{number % 7:012x}",
                "ВНаличииBalance": number + 0.5,
                "КОтгрузкеBalance": 0,
            }
            for number in range(start, min(count, start + 500))
        ]
        text = ",".join(json.dumps(row, ensure_ascii=False) for row in rows)
        yield ((b"," if start else b"") + text.encode())
    yield b"]}"
