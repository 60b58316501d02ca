"""A small honest 1C on the other side of the exchange: УТ, УНФ, 1C with the Bitrix module, old 1C.

It reads the hub's replies as letter-true as 1C does, cuts files by the hub's limit and posts them
under one name, repeats a portion that was not taken, asks for an import again at once while the
hub says «progress», and takes orders in one transaction: one bad document and it takes none.
"""

from __future__ import annotations

import io
import zipfile
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests
from lxml import etree

from hub.sdk.request import RawRequest

FIXTURES: Final = Path(__file__).parent / "fixtures"
USERNAME, PASSWORD = "Обмен", "emulated"
MAX_NUMBER: Final = 11
TRIES: Final = 3
#: What each kind of 1C adds to its requests.
QUERY: Final[dict[str, dict[str, str]]] = {
    "unf": {"version": "2.09", "cmlVersion": "2.10"},
    "bitrix": {"version": "3.1"},
}
#: Kinds that repeat the token of the fourth line.
WITH_SESSID: Final = frozenset({"unf", "bitrix"})
File = tuple[str, bytes]


class ExchangeError(Exception):
    """The exchange ended as it would in 1C, with the words that 1C's user would see."""


def files_of(name: str) -> list[File]:
    """The files of one portion, from the fixtures, in the order 1C sends them."""
    paths = (FIXTURES / name).glob("*.xml")
    order = ("import", "offers", "prices", "rests")
    ranked = sorted(paths, key=lambda path: [path.name.startswith(one) for one in order][::-1])
    return [(path.name, path.read_bytes()) for path in ranked]


def packed(files: Iterable[File]) -> bytes:
    """An archive as 1C packs it: the XML and a picture in a folder."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files:
            archive.writestr(name, body)
        archive.writestr("import_files/5e/5e1f.jpg", b"\xff\xd8\xff\xe0 a picture")
    return out.getvalue()


@dataclass
class Order:
    """An order as 1C holds it, with 1C's own word on it."""

    key: str
    number: str
    total: str
    document: Any
    requisites: dict[str, str] = field(default_factory=dict)


class Emulator:
    """One 1C base. `dialect`: ut | unf | bitrix | old; `orders` are those it took, by number.

    `repeats`: every piece is posted twice, as after a reply that was lost.
    """

    def __init__(self, dialect: str = "ut", *, password: str = PASSWORD) -> None:
        self.dialect, self.password = dialect, password
        self.repeats = False
        self.orders: dict[str, Order] = {}
        self.log: list[str] = []
        self._number = 0

    def start(self) -> None:
        """1C serves nothing: it calls."""

    def stop(self) -> None:
        """Nothing to stop."""

    def connection(self) -> dict[str, Any]:
        """The connection file for this base."""
        return {
            "connector": "onec_commerceml",
            "title": "1С: обмен с сайтом (эмулятор)",
            "settings": {"username": USERNAME, "price_type": "Розничная", "progress_seconds": 2},
            "secrets": {"password": self.password},
        }

    def webhooks(self) -> list[RawRequest]:
        """None that stands alone: every step needs the cookie of the login; see `exchange`."""
        return []

    def uploads(self) -> list[tuple[str, str, bytes]]:
        """(stream, name, file) as they are read after «import»."""
        streams = {"import0_1.xml": "catalog", "offers0_1.xml": "offers"}
        return [(streams[name], name, body) for name, body in files_of("ut")]

    def expected(self) -> Mapping[str, int]:
        """Five goods and two characteristics; five levels, for a service has none."""
        return {"product": 7, "stock": 5}

    def exchange(self, url: str) -> int:
        """A whole exchange: catalogue, offers, orders out and back; how many requests it took."""
        before = len(self.log)
        self.send_catalog(url, files_of(self.dialect))
        self.fetch_orders(url)
        self.return_orders(url)
        return len(self.log) - before

    def send_catalog(self, url: str, files: list[File]) -> None:
        """One portion; not taken, it is sent again whole, with a new login."""
        for attempt in range(1, TRIES + 1):
            client = Client(self, url, "catalog")
            try:
                client.login()
                names = [name for name, _ in files]
                if client.zip:
                    self._number += 1
                    client.post(f"v8_{self._number:04}_01.zip", packed(files))
                else:
                    for name, body in files:
                        client.post(name, body)
                for name in names:
                    client.import_file(name)
                return
            except ExchangeError:
                if attempt == TRIES:
                    raise

    def fetch_orders(self, url: str) -> int:
        """Ask for orders, take them all or none, confirm; how many there were."""
        client = Client(self, url, "sale")
        client.login()
        body = client.call("GET", mode="query").content
        if not body.startswith((b"<?xml", b"PK")):
            raise ExchangeError(f"вместо заказов: {body[:200].decode('utf-8', 'replace')}")
        taken = [self._take(one) for one in etree.fromstring(body).iter("Документ")]
        for order in taken:
            before = self.orders.get(order.number)
            order.requisites = before.requisites if before else self._accepted(order)
            self.orders[order.number] = order
        client.expect_success(client.call("GET", mode="success"), "подтверждение заказов")
        return len(taken)

    def _accepted(self, order: Order) -> dict[str, str]:
        self._number += 1
        return {
            "Номер по 1С": f"УТ-{self._number:07}",
            "Дата по 1С": "2026-02-04",
            "Проведен": "true",
        }

    def _take(self, document: Any) -> Order:
        """Read a document as УТ does; it raises, and the whole batch is gone."""
        for name in ("ХозОперация", "Валюта", "Номер", "Сумма"):
            if not document.findtext(name):
                raise ExchangeError(f"в документе нет реквизита {name}")
        buyer = document.find("Контрагенты/Контрагент")
        if buyer is None or not buyer.findtext("Наименование"):
            raise ExchangeError("в документе нет покупателя")
        number = document.findtext("Номер")[:MAX_NUMBER]
        return Order(document.findtext("Ид"), number, document.findtext("Сумма"), document)

    def return_orders(
        self, url: str, name: str = "orders-7f1c_1.xml", *, asks: bool = True
    ) -> None:
        """Send what 1C says of the orders that came from the site; `asks`: with an «import»."""
        if not self.orders:
            return
        client = Client(self, url, "sale")
        client.login()
        client.post(name, self.orders_file())
        if asks:
            client.import_file(name)

    def orders_file(self) -> bytes:
        """The orders with 1C's requisites, as УТ writes them."""
        root = etree.Element("КоммерческаяИнформация", ВерсияСхемы="2.07")
        for order in self.orders.values():
            document = etree.SubElement(root, "Документ")
            told = {"Ид": order.key, "Номер": order.number, "Дата": "2026-02-03"}
            told |= {"ХозОперация": "Заказ товара", "Роль": "Продавец", "Сумма": order.total}
            for tag, text in told.items():
                etree.SubElement(document, tag).text = text
            held = etree.SubElement(document, "ЗначенияРеквизитов")
            for title, value in order.requisites.items():
                one = etree.SubElement(held, "ЗначениеРеквизита")
                etree.SubElement(one, "Наименование").text = title
                etree.SubElement(one, "Значение").text = value
        body: Any = etree.tostring(root, encoding="utf-8", xml_declaration=True)
        return b"\xef\xbb\xbf" + bytes(body)


class Client:
    """One session of 1C's exchange, reading the replies as 1C's code reads them."""

    def __init__(self, base: Emulator, url: str, kind: str) -> None:
        self.base, self.url, self.kind = base, url, kind
        self.zip, self.file_limit = False, 0
        self.cookie, self.sessid = "", ""
        self._session = requests.Session()
        self._session.trust_env = False

    def call(self, method: str, body: bytes = b"", **query: str) -> requests.Response:
        """One step; no password after the login."""
        known = {"type": self.kind, **query, **QUERY.get(self.base.dialect, {})}
        if self.sessid and self.base.dialect in WITH_SESSID:
            known["sessid"] = self.sessid
        headers = {"User-Agent": "1C+Enterprise/8.3"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        if query["mode"] == "checkauth":
            pair = b64encode(f"{USERNAME}:{self.base.password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        self.base.log.append(f"{self.kind} {query['mode']} {query.get('filename', '')}".strip())
        return self._session.request(
            method, self.url, params=known, data=body, headers=headers, timeout=60
        )

    def login(self) -> None:
        """checkauth and init, to the letter."""
        lines = self.call("GET", mode="checkauth").content.decode().split("\n")
        if lines[0] != "success":
            raise ExchangeError(f"вход не удался: {' '.join(lines[1:])}")
        self.cookie = f"{lines[1]}={lines[2]}"
        if len(lines) > 3:
            self.sessid = lines[3].removeprefix("sessid=")
        lines = self.call("GET", mode="init").content.decode().split("\n")
        if len(lines) != 2 or "=" not in lines[0] or "=" not in lines[1]:
            raise ExchangeError("Параметры обмена не получены")
        self.zip = lines[0].partition("=")[2] == "yes" and self.base.dialect != "old"
        limit = lines[1].partition("=")[2]
        self.file_limit = int(limit) if limit.isdigit() else 0

    def post(self, name: str, body: bytes) -> None:
        """A file, cut by the limit, all its pieces under one name and without a number."""
        step = self.file_limit or len(body) or 1
        for start in range(0, len(body), step):
            for _ in range(2 if self.base.repeats else 1):
                reply = self.call("POST", body[start : start + step], mode="file", filename=name)
                self.expect_success(reply, name)

    def import_file(self, name: str) -> None:
        """Ask again at once while the hub says progress, as УТ does."""
        while True:
            reply = self.call("GET", mode="import", filename=name)
            if reply.text.split("\n")[0] != "progress":
                return self.expect_success(reply, name)

    @staticmethod
    def expect_success(reply: requests.Response, what: str) -> None:
        """Anything but a first line `success` ends the exchange."""
        status, _, rest = reply.content.decode("utf-8", "replace").partition("\n")
        if status != "success":
            raise ExchangeError(f"{what}: {rest or status or 'неизвестный статус импорта'}")
