"""Orders out to 1C and back: confirmed or handed out again, one bad one alone, 1C's word kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from connectors.standard_webhook import emulator as shop
from hub.flow.deliver import destinations_due, replay_delivery
from hub.store.database import utc_now
from hub.store.models import attempts, bindings, deliveries, hand_outs, orders
from hub.store.store import Store
from tests.support.exchange import NAME, Site, site_of
from tests.support.hub import Hub

LINES = [{"sku": "БЗ-100", "name": "Ботинки", "quantity": "2", "price": "1271.5", "total": "2543"}]
MAPPING = {
    "external_id": "id",
    "fields": {
        "number": "number",
        "status": "status",
        "currency": "currency",
        "total": {"from": "total", "as": "money"},
        "placed_at": {"from": "at", "as": "time"},
        "lines": {
            "each": "lines",
            "fields": {
                name: name
                for name in ("sku", "name", "quantity", "price", "total", "product_external_id")
            },
        },
    },
    "contact": {"name": "name", "phone": {"from": "phone", "as": "phone"}},
}


@pytest.fixture
def site(store: Store) -> Iterator[Site]:
    """A shop whose orders 1C fetches."""
    with site_of(store) as opened:
        document = shop.Emulator().connection()
        settings = {**document["settings"], "records": [{"entity": "order", "from": "order"}]}
        opened.hub.connect(
            "shop", {**document, "settings": settings, "mappings": {"order": MAPPING}}
        )
        yield opened


def place(hub: Hub, number: int, **changes: Any) -> None:
    """An order is placed in the shop, or changes there."""
    order = {
        "id": f"WEB-{number}",
        "number": f"2026-{number:06}-ONLINE",
        "status": "processing",
        "currency": "RUB",
        "total": "2543.00",
        "at": "2026-02-03T07:11:12Z",
        "name": f"Клиент {number}",
        "phone": f"+7916{number:07}",
        "lines": LINES,
        **changes,
    }
    event = {"id": f"evt-{number}-{sorted(changes.items())}", "type": "order", "order": order}
    hub.post("shop", shop.signed(event), utc_now())
    hub.drain("shop")


def states(hub: Hub) -> list[str]:
    """What became of the deliveries to 1C."""
    key = hub.store.catalog.require(NAME).id
    return [row["status"] for row in hub.rows(deliveries, connection_id=key)]


def query(site: Site, client: Any = None) -> list[Mapping[str, str]]:
    """The documents that 1C is handed now: its flat fields by name."""
    client = client or site.client("sale")
    root = etree.fromstring(client.call("GET", mode="query").content)
    return [{child.tag: child.text or "" for child in one} for one in root.iter("Документ")]


def test_an_order_goes_out_once_it_is_confirmed_and_not_before(site: Site) -> None:
    place(site.hub, 1)
    assert states(site.hub) == ["pending"]
    # Nobody calls 1C: its deliveries are no work for the deliver workers.
    assert destinations_due(site.hub.store) == []
    first = site.client("sale")
    (order,) = query(site, first)
    record = site.hub.one(orders)
    assert order["Ид"] == f"uzel-order-{record['id']}"
    assert order["Номер"] == f"U{record['id']}"
    assert (order["ХозОперация"], order["Валюта"], order["Сумма"]) == (
        "Заказ товара",
        "RUB",
        "2543.00",
    )
    # Moscow time, as the base keeps it.
    assert (order["Дата"], order["Время"]) == ("2026-02-03", "10:11:12")
    assert states(site.hub) == ["pending"]
    # Never confirmed: the next session is handed it again.
    assert site.onec.fetch_orders(site.url) == 1
    assert states(site.hub) == ["delivered"]
    key = site.hub.one(deliveries, status="delivered")["id"]
    tried = site.hub.one(attempts, subject="delivery", subject_id=key)
    assert (tried["outcome"], tried["number"]) == ("succeeded", 1)
    assert site.onec.fetch_orders(site.url) == 0


def test_a_confirmation_that_comes_twice_makes_one_attempt(site: Site) -> None:
    place(site.hub, 1)
    client = site.client("sale")
    query(site, client)
    for _ in range(3):
        assert client.call("GET", mode="success").content == b"success"
    assert len(site.hub.rows(attempts, subject="delivery")) == 1
    assert states(site.hub) == ["delivered"]
    assert site.hub.rows(hand_outs) == []


def test_a_confirmation_without_a_query_confirms_nothing(site: Site) -> None:
    place(site.hub, 1)
    assert site.client("sale").call("GET", mode="success").content == b"success"
    assert states(site.hub) == ["pending"]


def test_an_order_that_changed_after_it_was_handed_out_stays_due(site: Site) -> None:
    place(site.hub, 1)
    client = site.client("sale")
    query(site, client)
    place(site.hub, 1, status="completed", total="2600.00")
    client.call("GET", mode="success")
    assert states(site.hub) == ["pending"]
    (order,) = query(site)
    assert order["Сумма"] == "2600.00"
    site.onec.fetch_orders(site.url)
    assert states(site.hub) == ["delivered"]
    assert list(site.onec.orders) == [f"U{site.hub.one(orders)['id']}"]


def test_a_second_login_of_the_same_client_confirms_what_the_first_was_handed(site: Site) -> None:
    place(site.hub, 1)
    client = site.client("sale")
    query(site, client)
    client.login()
    client.call("GET", mode="success")
    assert states(site.hub) == ["delivered"]


def test_two_sessions_that_were_handed_the_same_confirm_it_once(site: Site) -> None:
    place(site.hub, 1)
    first, second = site.client("sale"), site.client("sale")
    assert len(query(site, first)) == len(query(site, second)) == 1
    first.call("GET", mode="success")
    second.call("GET", mode="success")
    assert len(site.hub.rows(attempts, subject="delivery")) == 1


def test_one_bad_order_is_left_out_with_its_reason_and_the_batch_goes(site: Site) -> None:
    place(site.hub, 1)
    place(site.hub, 2, lines=[])
    place(site.hub, 3, lines=[{**LINES[0], "quantity": "0"}])
    place(site.hub, 4)
    assert site.onec.fetch_orders(site.url) == 2
    assert sorted(states(site.hub)) == ["dead", "dead", "delivered", "delivered"]
    said = [row["error_message"] for row in site.hub.rows(deliveries, status="dead")]
    assert said == ["в заказе нет ни одной строки", "у товара «Ботинки» нет количества"]
    # Mended in the shop, it goes out.
    place(site.hub, 2)
    assert site.onec.fetch_orders(site.url) == 1


def test_a_refused_order_can_be_replayed(site: Site) -> None:
    place(site.hub, 1, lines=[{"name": "Ботинки", "quantity": "1", "price": "5"}])
    site.connect(unknown_goods="refuse")
    assert site.onec.fetch_orders(site.url) == 0
    dead = site.hub.one(deliveries, status="dead")
    assert "не связан с номенклатурой" in dead["error_message"]
    site.connect(unknown_goods="send")
    replay_delivery(site.hub.store, dead["id"], "admin")
    assert site.onec.fetch_orders(site.url) == 1


def test_numbers_that_1c_would_cut_are_refused_and_the_others_go(site: Site) -> None:
    site.connect(number_prefix="ОЧЕНЬ-ДЛИННО-")
    place(site.hub, 1)
    assert site.onec.fetch_orders(site.url) == 0
    assert "длиннее 11" in site.hub.one(deliveries)["error_message"]


def test_more_orders_than_one_request_takes_come_in_the_next(site: Site) -> None:
    site.connect(orders_limit=2)
    for number in range(5):
        place(site.hub, number)
    assert [site.onec.fetch_orders(site.url) for _ in range(4)] == [2, 2, 1, 0]


def test_an_order_taken_back_is_cancelled_in_1c(site: Site) -> None:
    place(site.hub, 1, status="cancelled")
    root = etree.fromstring(site.client("sale").call("GET", mode="query").content)
    pairs = {
        one.findtext("Наименование"): one.findtext("Значение")
        for one in root.iterfind("Документ/ЗначенияРеквизитов/ЗначениеРеквизита")
    }
    assert pairs["Отменен"] == "true"
    assert pairs["Номер заказа на сайте"] == "2026-000001-ONLINE"


def test_1cs_word_comes_back_onto_the_same_order(site: Site) -> None:
    place(site.hub, 1)
    site.onec.exchange(site.url)
    record = site.hub.one(orders)
    assert record["erp_number"] == "УТ-0000002"
    assert (record["erp_status"], record["erp_posted"]) == ("Проведён", True)
    assert record["erp_cancelled"] is False
    assert record["erp_paid"] is None
    # What the shop says of its order is the shop's.
    assert (record["number"], record["status"], record["total"]) == (
        "2026-000001-ONLINE",
        "processing",
        Decimal("2543.00"),
    )
    (held,) = site.onec.orders.values()
    held.requisites |= {
        "Номер оплаты по 1С": "15",
        "Дата оплаты по 1С": "2026-02-05T12:00:00",
        "Номер отгрузки по 1С": "16",
        "Дата отгрузки по 1С": "06.02.2026 09:30:00",
    }
    site.onec.return_orders(site.url, "orders-2_1.xml")
    record = site.hub.one(orders)
    assert (record["erp_status"], record["erp_paid"]) == ("Отгружен", Decimal("2543.00"))
    assert record["erp_paid_at"] == datetime(2026, 2, 5, 9, 0, tzinfo=UTC)
    assert record["erp_shipped_at"] == datetime(2026, 2, 6, 6, 30, tzinfo=UTC)
    # A payment that 1C took back is no payment.
    for name in ("Номер оплаты по 1С", "Дата оплаты по 1С", "Номер отгрузки по 1С",
                 "Дата отгрузки по 1С"):  # fmt: skip
        del held.requisites[name]
    held.requisites["Отменен"] = "true"
    site.onec.return_orders(site.url, "orders-3_1.xml")
    record = site.hub.one(orders)
    assert (record["erp_status"], record["erp_paid"], record["erp_paid_at"]) == (
        "Отменён",
        None,
        None,
    )
    assert record["erp_cancelled"] is True
    # No echo: what 1C says is not brought to 1C.
    assert states(site.hub) == ["delivered"]


def test_1c_may_forget_our_id_and_keep_our_number(site: Site) -> None:
    place(site.hub, 1)
    site.onec.fetch_orders(site.url)
    (held,) = site.onec.orders.values()
    held.key = "0b5c2f66-4c10-4d4f-9d55-2f1b8b1d7a10"
    site.onec.return_orders(site.url)
    assert site.hub.one(orders)["erp_number"].startswith("УТ-")


def test_what_comes_back_before_it_was_confirmed_is_the_same_order(site: Site) -> None:
    """1C took the order and died before its confirmation."""
    place(site.hub, 1)
    client = site.client("sale")
    root = etree.fromstring(client.call("GET", mode="query").content)
    taken = site.onec._take(root.find("Документ"))
    taken.requisites = {"Номер по 1С": "УТ-77"}
    site.onec.orders[taken.number] = taken
    site.onec.return_orders(site.url)
    assert site.hub.one(orders)["erp_number"] == "УТ-77"
    assert states(site.hub) == ["pending"]


def test_orders_are_read_without_a_further_word_too(site: Site) -> None:
    """Some clients post the file and ask for no import; it may come in pieces."""
    site.connect(file_limit=1024)
    place(site.hub, 1)
    site.onec.fetch_orders(site.url)
    site.onec.return_orders(site.url, asks=False)
    while [run for run in site.runs() if run["status"] in ("queued", "running")]:
        pass
    assert site.hub.one(orders)["erp_number"].startswith("УТ-")
    assert [run["stream"] for run in site.runs()] == ["orders"]


def test_an_order_made_in_1c_is_a_new_one(site: Site) -> None:
    site.onec.orders["УТ-5"] = made = site.onec._take(
        etree.fromstring(
            "<Документ><Ид>0B5C2F66-4C10-4D4F-9D55-2F1B8B1D7A11</Ид><Номер>УТ-5</Номер>"
            "<Дата>2026-02-03</Дата><ХозОперация>Заказ товара</ХозОперация><Валюта>RUB</Валюта>"
            "<Сумма>10</Сумма><Контрагенты><Контрагент><Наименование>ООО «Пример»</Наименование>"
            "</Контрагент></Контрагенты></Документ>"
        )
    )
    made.requisites = {"Номер по 1С": "УТ-5", "Проведен": "true"}
    site.onec.return_orders(site.url)
    record = site.hub.one(orders)
    assert (record["number"], record["erp_number"], record["total"]) == ("УТ-5", "УТ-5", 10)
    assert site.hub.one(bindings, entity="order")["external_id"] == (
        "0b5c2f66-4c10-4d4f-9d55-2f1b8b1d7a11"
    )


def test_orders_in_windows_1251_keep_every_character(site: Site) -> None:
    site.connect(encoding="windows-1251")
    place(site.hub, 1, lines=[{**LINES[0], "name": "Ботинки 😀 \u000b№ 5"}])
    body = site.client("sale").call("GET", mode="query").content
    assert body.startswith(b'<?xml version="1.0" encoding="windows-1251"?>')
    assert etree.fromstring(body).findtext("Документ/Товары/Товар/Наименование") == "Ботинки 😀 № 5"


def test_a_paused_destination_hands_nothing_out_and_loses_nothing(site: Site) -> None:
    place(site.hub, 1)
    site.hub.set_state(NAME, "paused")
    assert site.client("sale").call("GET", mode="query").text.startswith("failure\n")
    site.hub.set_state(NAME, "active")
    assert site.onec.fetch_orders(site.url) == 1
