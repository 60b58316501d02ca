"""УНФ's SiteExchange2 by its profile: offers of every shape, the whole stock, orders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from lxml import etree

from connectors.onec_soap.poll import check, read
from connectors.onec_soap.sink import push
from hub.mapping.compiler import compile_mapping
from hub.mapping.loader import effective
from hub.mapping.transforms import MappingContext
from hub.registry import connector, make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import Rejected
from hub.sdk.profiles import profile_of
from hub.sdk.records import Change
from hub.sdk.testing import VendorServer, body_of, reply

WSDL = Path(__file__).parent / "onec_wsdl" / "site_exchange2.wsdl"
NS = "http://www.1c.ru/ExchangeWithSites2"
#: The same shape under the other service's name.
VERSIONS = WSDL.read_bytes().replace(b"LoadOrders", b"GetVersions")
VERSIONS = VERSIONS.replace(b"OrdersData", b"InterfaceName")
ITEM, RED = "6C4E0C4B-6C2C-11E7-81D6-38D547224D22", "a1a2a3a4-0000-11ee-9a00-001122334455"


class Unf:
    """Answers each operation with what is set; keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.asked: list[Any] = []
        self.tells_versions = False
        self.server = VendorServer(self.app)

    def app(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        body = body_of(environ)
        beside = "InterfaceVersion" in environ["PATH_INFO"]
        if beside and not self.tells_versions:
            return reply(start, 404, b"", "text/html")
        if environ["REQUEST_METHOD"] == "GET":
            wsdl = VERSIONS if beside else WSDL.read_bytes()
            return reply(start, 200, wsdl, "text/xml")
        question = next(etree.fromstring(body).iter("{*}Body"))[0]
        self.asked.append(question)
        name = etree.QName(question).localname
        answer = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<m:{name}Response xmlns:m="{NS}"><m:return>{self.answers[name]}</m:return>'
            f"</m:{name}Response></s:Body></s:Envelope>"
        )
        return reply(start, 200, answer.encode(), "text/xml; charset=utf-8")

    def connection(self, **settings: Any) -> Connection:
        address = f"{self.server.url}/unf/ws/ExchangeWithSites2.1cws"
        given = {"wsdl": f"{address}?wsdl", "address": address, "username": "Обмен", **settings}
        settings = {"profile": "unf_site_exchange2", **given}
        file = {"connector": "onec_soap", "settings": settings, "secrets": {"password": "п"}}
        return make_connection(file, "unf")


@pytest.fixture
def unf() -> Iterator[Unf]:
    found = Unf()
    found.server.start()
    yield found
    found.server.stop()


def offers(*offers: str) -> str:
    inside = "".join(f"<Предложение>{one}</Предложение>" for one in offers)
    # A new random catalogue comes with every call: nothing is keyed on it.
    return (
        '<ПакетПредложений xmlns="urn:1C.ru:commerceml_210"><Ид>5f1e#</Ид><ИдКаталога>5f1e'
        f"</ИдКаталога><Предложения>{inside}</Предложения></ПакетПредложений>"
    )


def mapped(connection: Connection, stream: str) -> list[Any]:
    manifest = connector("onec_soap").manifest
    over = profile_of(manifest.folder, connection.settings)["mappings"]
    documents = effective("onec_soap", over)
    return [
        compile_mapping(documents[record.entity]).apply(record, MappingContext())
        for page in read(connection, stream, {})
        for record in page.sources()
    ]


HEAD = f"<Ид>{ITEM}#{RED}</Ид><Артикул>КР-1</Артикул><Наименование>Кресло</Наименование>"
PRICE = "<Цены><Цена><ЦенаЗаЕдиницу>10.50</ЦенаЗаЕдиницу><Валюта>RUB</Валюта></Цена></Цены>"


@pytest.mark.parametrize(
    ("offer", "levels"),
    [
        # 2.10: a warehouse inside each balance.
        (
            "<Остатки><Остаток><Склад><Ид>w1</Ид><Количество>5</Количество></Склад></Остаток>"
            "<Остаток><Склад><Ид>w2</Ид><Количество>-2</Количество></Склад></Остаток></Остатки>",
            [("w1", "5"), ("w2", "-2")],
        ),
        # 2.05: attributes.
        (
            '<Количество>7</Количество><Склад ИдСклада="w1" КоличествоНаСкладе="5"/>'
            '<Склад ИдСклада="w2" КоличествоНаСкладе="2"/>',
            [("w1", "5"), ("w2", "2")],
        ),
        ("<Количество>7</Количество>", [("Все склады", "7")]),
        (
            "<Остатки><Остаток><Количество>7</Количество></Остаток></Остатки>",
            [("Все склады", "7")],
        ),
    ],
)
def test_offers_of_every_shape_become_levels(
    unf: Unf, offer: str, levels: list[tuple[str, str]]
) -> None:
    unf.answers["GetAmountAndPrices"] = offers(HEAD + PRICE + offer)
    found = [record.fields for record in mapped(unf.connection(), "stock")]
    assert [(row["warehouse"], str(row["quantity"])) for row in found] == levels
    for row in found:
        assert row["product_external_id"] == ITEM.lower()
        assert (row["sku"], str(row["price"]), row["currency"]) == ("КР-1", "10.50", "RUB")


def test_it_is_always_the_whole_stock(unf: Unf) -> None:
    unf.answers["GetAmountAndPrices"] = offers(HEAD + "<Количество>7</Количество>")
    pages = list(read(unf.connection(), "stock", {"value": "2026-01-01T00:00:00"}))
    assert pages[-1].complete
    (question,) = unf.asked
    nil = "{http://www.w3.org/2001/XMLSchema-instance}nil"
    assert question.find("{*}ModificationDate").get(nil) == "true"
    # A warehouse is asked for as the admin says; what is absent then is zero there.
    settings = {"streams": {"stock": {"arguments": {"WarehouseCode": "000000001"}}}}
    list(read(unf.connection(**settings), "stock", {}))
    assert unf.asked[-1].findtext("{*}WarehouseCode") == "000000001"


def test_goods_are_read_and_the_service_checked(unf: Unf) -> None:
    unf.answers["GetItems"] = (
        f'<Каталог xmlns="urn:1C.ru:commerceml_210"><Товары><Товар><Ид>{ITEM}</Ид>'
        "<Артикул>КР-1</Артикул><Наименование>Кресло</Наименование></Товар></Товары></Каталог>"
    )
    (record,) = mapped(unf.connection(), "products")
    assert (record.external_id, record.fields["name"]) == (ITEM.lower(), "Кресло")
    steps = list(check(unf.connection(send_orders=True)))
    assert not [step for step in steps if not step.ok]
    assert "Пробный вызов 1С" not in [step.name for step in steps]


def test_interface_version_proves_the_base_where_it_is_published(unf: Unf) -> None:
    unf.tells_versions = True
    unf.answers["GetVersions"] = '<Value xmlns="http://v8.1c.ru/8.1/data/core">1.0</Value>'
    (step,) = [one for one in check(unf.connection()) if one.name == "Пробный вызов 1С"]
    assert step.ok
    unf.answers["GetVersions"] = "</m:return><m:ErrorMessage>Не обнаружено</m:ErrorMessage><m:x>"
    (step,) = [one for one in check(unf.connection()) if one.name == "Пробный вызов 1С"]
    assert not step.ok


def test_an_order_goes_in_as_commerceml(unf: Unf) -> None:
    fields = {
        "number": "2041",
        "placed_at": "2026-01-20T06:30:00Z",
        "currency": "RUB",
        "total": "21.00",
        "contact": {"name": "Иван Петров", "phone": "+79161234567", "external_id": ""},
        "lines": [{"sku": "КР-1", "name": "Кресло", "quantity": "2", "price": "10.50"}] * 2,
    }
    change = Change(
        "order", 7, fields, "order.created", datetime.now(UTC), "d", record_key="uzel-order-7"
    )
    unf.answers["LoadOrders"] = "true"
    assert push(unf.connection(), change, None).external_id == "uzel-order-7"
    order = next(unf.asked[-1].iter("{*}Документ"))
    assert order.findtext("{*}Ид") == "uzel-order-7"
    assert [len(list(order.iter(f"{{*}}{name}"))) for name in ("Товар", "Контакт")] == [2, 2]
    unf.answers["LoadOrders"] = "false"
    with pytest.raises(Rejected):
        push(unf.connection(), change, None)
