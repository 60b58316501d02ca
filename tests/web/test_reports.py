"""Reports on the pages: whose numbers, which period, the records behind them, subscriptions."""

from __future__ import annotations

import re
from html import unescape

from hub.flow.report_keeper import keep
from hub.store.database import utc_now
from hub.store.store import Store
from hub.web.lists import PAGE_SIZE
from tests.support.people import ALICE, BORIS, GLEB, VERA
from tests.support.rows import Rows
from tests.web.conftest import SignIn
from tests.web.scene import Scene


def numbers_with_links(page: str) -> list[tuple[str, int]]:
    """(address, number) of every number that opens its records."""
    found = re.findall(r'<a href="(/reports/\w+/records\?[^"]+)">([\d\s\xa0]+)</a>', page)
    return [(unescape(address), int(re.sub(r"\s", "", text))) for address, text in found]


def test_every_number_opens_exactly_its_records(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    keep(sqlite_store)
    alice = sign_in(ALICE)
    seen = 0
    for name in ("calls", "orders", "messages", "leads"):
        page = alice.get(f"/reports/{name}?period=year")
        for address, number in numbers_with_links(page):
            listed = alice.get(address)
            if number <= PAGE_SIZE:
                assert listed.count("<tr") - 1 == number, address
                seen += 1
    assert seen > 10


def test_a_manager_sees_their_own_numbers(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    rows, now = Rows(sqlite_store), utc_now()
    for manager in (VERA.email, "other@example.ru"):
        for _ in range(7):
            rows.record("order", placed_at=now, manager=manager, currency="RUB", number="77")
    page = sign_in(VERA).get("/reports/orders?period=day&manager=other@example.ru")
    assert ">other@example.ru" not in page
    assert 7 in [number for _address, number in numbers_with_links(page)]
    listed = sign_in(VERA).get("/reports/orders/records?manager=other@example.ru")
    assert listed.count("<tr") - 1 == 7
    assert "Показать ещё" not in listed
    head = sign_in(BORIS).get("/reports/orders?period=day&manager=other@example.ru")
    assert 7 in [number for _address, number in numbers_with_links(head)]


def test_a_report_can_be_taken_away(sign_in: SignIn, scene: Scene, sqlite_store: Store) -> None:
    keep(sqlite_store)
    boris = sign_in(BORIS)
    text = boris.get("/reports/calls?period=year&format=csv&table=manager")
    assert text.startswith("\ufeffМенеджер;Все звонки")
    assert VERA.name in text
    assert "Показатель;Значение" in boris.get("/reports/calls?period=year&format=csv")


def test_subscriptions(sign_in: SignIn, scene: Scene) -> None:
    boris, vera = sign_in(BORIS), sign_in(VERA)
    form = {"report": "calls", "rhythm": "week", "hour": "9"}
    assert boris.post("/reports/mail", **form)[0] == 302
    assert "Выберите хотя бы одного" in boris.get("/reports/mail")
    assert boris.post("/reports/mail", **form, recipients="2")[0] == 302
    assert "по понедельникам в 09:00" in boris.get("/reports/mail")
    # It is Boris's own: Vera neither sees nor stops it.
    assert "по понедельникам в 09:00" not in vera.get("/reports/mail")
    assert vera.post("/reports/mail/1/remove")[0] == 404
    assert boris.post("/reports/mail/1/pause")[0] == 302
    assert "Приостановлена" in boris.get("/reports/mail")
    assert boris.post("/reports/mail/1/now")[0] == 302
    assert "ждёт отправки" in boris.get("/reports/mail")
    gleb = sign_in(GLEB)
    assert "по понедельникам" in gleb.get("/reports/mail")
    assert gleb.post("/reports/mail/1/pause")[0] == 403
    assert boris.post("/reports/mail/1/remove")[0] == 302
    assert "Отчёты по почте пока никто не получает" in boris.get("/reports/mail")


def test_odd_addresses_are_answered(sign_in: SignIn, scene: Scene) -> None:
    alice = sign_in(ALICE)
    for address in (
        "/reports?period=moon&day=yesterday",
        "/reports/calls?period=any&since=0001-01-01&until=9999-12-31",
        "/reports/calls?period=year&day=0001-01-01",
        "/reports/calls?period=week&day=9999-12-31",
        "/reports/calls/records?since=0001-01-01&until=9999-12-31&hour=99&weekday=x&back=never",
        "/reports/calls/records?back=999999-&hour=23",
        "/reports/orders/records?stage=moon",
        "/reports/messages/records?answer=-",
    ):
        alice.get(address)
