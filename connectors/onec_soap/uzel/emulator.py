"""The 1C side of the contract UzelExchange: goods, buyers and orders in memory, served as the
module in `1c/` serves them. Faults, sessions and Basic auth as the platform has them."""

from __future__ import annotations

import base64
import itertools
import threading
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIEnvironment
from xml.sax.saxutils import escape

from lxml import etree

from hub.sdk.request import RawRequest
from hub.sdk.testing import VendorServer, body_of, reply
from hub.sdk.xml import xml_parser

FOLDER = Path(__file__).parents[1] / "1c"
PATH = "/ut/ws/UzelExchange.1cws"
NS = "http://uzel.local/exchange/1.0"
XML, HTML = "text/xml; charset=utf-8", "text/html; charset=utf-8"
USER, PASSWORD, NOTIFY_KEY = "Обмен", "Пароль-для-обмена", "notify-key-7f3a9c51"
Row = dict[str, Any]


class UzelExchange:
    """One base. `put_stock` and the like change it; `calls` lists what was asked, by operation.

    `sessions`: it gives sessions and counts `open_sessions`; `forget_sessions` ends them as a
    restart of the cluster does, `forget_after` so many calls. `lose_answers`: so many next answers
    are lost on the way, after the work is done.
    """

    def __init__(self, port: int = 0) -> None:
        self.calls: list[str] = []
        self.orders: dict[str, Row] = {}
        self.sessions = False
        self.open_sessions: set[str] = set()
        self.most_sessions = 1
        self.lose_answers = 0
        self.forget_after = 0
        self._rows: dict[str, dict[str, Row]] = {"stock": {}, "products": {}, "counterparties": {}}
        self._versions = itertools.count(1)
        self._lock = threading.Lock()
        self._server = VendorServer(self._app, port)
        self.start, self.stop = self._server.start, self._server.stop

    @property
    def url(self) -> str:
        """The address of the published service."""
        return self._server.url + PATH

    def connection(self) -> dict[str, Any]:
        """The connection file for this base."""
        return {
            "connector": "onec_soap",
            "title": "1С с сервисом UzelExchange",
            "settings": {
                "profile": "uzel_exchange",
                "wsdl": f"{self.url}?wsdl",
                "address": self.url,
                "username": USER,
                "timezone": "Europe/Moscow",
                "session": "ibsession",
                "send_orders": True,
            },
            "secrets": {"password": PASSWORD, "notify_key": NOTIFY_KEY},
            "schedule": {"stock": "10 3 * * *", "stock_changes": "every 1m", "orders": "every 5m"},
        }

    def notice(self, event: str, number: str = "") -> RawRequest:
        """The POST by which 1C tells of a change."""
        body = f'\ufeff{{"event":"{event}","base":"ut-main","id":"{number or uuid4()}"}}'
        return RawRequest(body.encode(), (("X-Hub-Key", NOTIFY_KEY),))

    def put_stock(self, item: str, warehouse: str, quantity: str, **fields: str) -> None:
        """Set the stock of an item in a warehouse; a zero stays a row, so that changes tell it."""
        key = f"{item}#{fields.get('Char', '')}#{warehouse}"
        known = {"Name": f"Товар {item}", "WarehouseName": warehouse, "Reserve": "0", **fields}
        row = {"Key": key, "Item": item, "Warehouse": warehouse, "Qty": quantity, **known}
        self.put("stock", key, row)

    def put(self, kind: str, key: str, row: Mapping[str, Any]) -> None:
        """Set a row of `stock`, `products` or `counterparties`."""
        with self._lock:
            self._rows[kind][key] = {**row, "Version": f"{next(self._versions):015d}"}

    def set_order(self, key: str, **fields: str) -> None:
        """A person works on an order in 1C: its status, payment, shipment."""
        with self._lock:
            self.orders[key].update(fields, Version=f"{next(self._versions):015d}")

    def forget_sessions(self) -> None:
        """End every session: the next call with an old cookie is answered 400."""
        self.open_sessions.clear()

    # One request.

    def _app(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        body = body_of(environ)
        entry = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if environ["PATH_INFO"] != PATH:
            return reply(start, 404, b"<html><body>Not Found</body></html>", HTML)
        if environ.get("HTTP_AUTHORIZATION") != f"Basic {entry}":
            return reply(start, 401, b"", HTML, [("WWW-Authenticate", 'Basic realm="1C"')])
        status, headers = self._session(environ)
        if status != 200:
            return reply(start, status, b"", HTML)
        if environ["REQUEST_METHOD"] == "GET":
            wsdl = (FOLDER / "UzelExchange.wsdl").read_bytes()
            return reply(start, 200, wsdl, XML, headers)
        question = next(etree.fromstring(body, xml_parser()).iter("{*}Body"))[0]
        name = etree.QName(question).localname
        self.calls.append(name)
        if len(self.calls) == self.forget_after:
            self.forget_sessions()
        answer = _envelope(name, self._answer(name, question))
        if self.lose_answers:
            self.lose_answers -= 1
            start("200 OK", [("Content-Type", XML), ("Content-Length", str(len(answer)))])
            return [answer[: len(answer) // 2]]
        return reply(start, 200, answer, XML, headers)

    def _session(self, environ: WSGIEnvironment) -> tuple[int, list[tuple[str, str]]]:
        """(status, headers) of the platform's session handling."""
        if not self.sessions:
            return 200, []
        cookie = str(environ.get("HTTP_COOKIE", "")).partition("ibsession=")[2].partition(";")[0]
        wish = environ.get("HTTP_IBSESSION", "")
        if wish == "start":
            if len(self.open_sessions) >= self.most_sessions:
                return 406, []
            self.open_sessions.add(made := uuid4().hex)
            return 200, [("Set-Cookie", f"ibsession={made}; path=/ut; HttpOnly")]
        if cookie and cookie not in self.open_sessions:
            return 400, []
        if wish == "finish":
            self.open_sessions.discard(cookie)
        return 200, []

    def _answer(self, name: str, question: Any) -> str:
        if name == "GetVersion":
            return "1.0"
        if name == "PutOrder":
            return _fields(self._put_order(question[0]))
        kinds = {"GetStock": "stock", "GetProducts": "products"}
        rows = (
            list(self.orders.values())
            if name == "GetOrderStates"
            else list(self._rows[kinds.get(name, "counterparties")].values())
        )
        return self._page(rows, question)

    def _page(self, rows: list[Row], question: Any) -> str:
        def said(name: str) -> str:
            return str(question.findtext(f"{{*}}{name}") or "")

        by = "Key" if said("Mode") == "full" else "Version"
        after = said("After") or ("" if by == "Key" else said("Cursor"))
        chosen = sorted((row for row in rows if row[by] > after), key=lambda row: str(row[by]))
        if by == "Key":
            chosen = [row for row in chosen if Decimal(row["Qty"])]
        return "".join(f"<t:Row>{_fields(row)}</t:Row>" for row in chosen[: int(said("Limit"))])

    def _put_order(self, order: Any) -> Row:
        key = str(order.findtext("{*}Key"))
        with self._lock:
            known = self.orders.get(key)
            if known is None:
                number = len(self.orders) + 1
                known = {
                    "Key": key,
                    "GUID": f"0a000000-0000-4000-8000-{number:012d}",
                    "Number": f"УТ-{number:06d}",
                    "Date": "2026-01-20T12:00:00",
                    "Status": "Не согласован",
                    "Posted": "false",
                    "Cancelled": "false",
                }
                self.orders[key] = known
            known["Version"] = f"{next(self._versions):015d}"
            known["Sent"] = {
                etree.QName(part).localname: part.text for part in order.iter() if not len(part)
            }
            known["Lines"] = len(order.findall("{*}Line"))
        return known


def _fields(row: Row) -> str:
    return "".join(
        f"<t:{name}>{escape(str(value))}</t:{name}>"
        for name, value in row.items()
        if name not in {"Sent", "Lines"}
    )


def _envelope(name: str, inside: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header/>'
        f'<soap:Body><m:{name}Response xmlns:m="{NS}" xmlns:t="{NS}/types"><m:return>{inside}'
        f"</m:return></m:{name}Response></soap:Body></soap:Envelope>"
    ).encode()
