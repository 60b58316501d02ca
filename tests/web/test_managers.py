"""Managers' pages show what the hub knows, and find it again."""

from __future__ import annotations

import re

import pytest

from connectors.mango.emulator import Emulator
from hub.store.models import orders
from hub.store.store import Store
from hub.web.freshness import stock_sources
from tests.connectors.test_mango_recording import recorded
from tests.support.people import ALICE, PAVEL, VERA
from tests.support.rows import Rows
from tests.web.conftest import SignIn
from tests.web.scene import Scene, age_stock


def text_of(page: str) -> str:
    """A page's text as a reader sees it."""
    text = re.sub(r"<[^>]*>", " ", page).replace("&nbsp;", " ").replace("\xa0", " ")
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(
    "words", ["916 123", "8 (916) 123-45", "+7 916 123-45-67", "петров", "ИРИНА", "irina@", "4567"]
)
def test_a_client_is_found_by_any_part_in_any_spelling(
    sign_in: SignIn, scene: Scene, words: str
) -> None:
    page = sign_in(VERA).client.get("/clients", query_string={"q": words}).text
    assert f'href="/clients/{scene.irina}"' in page
    assert PAVEL.name not in page


def test_live_search_gets_the_list_alone_and_a_clean_address(sign_in: SignIn, scene: Scene) -> None:
    answer = sign_in(VERA).client.get(
        "/clients?q=%D0%9F%D0%B5%D1%82%D1%80&manager=&connection=", headers={"HX-Request": "true"}
    )
    assert "<html" not in answer.text
    assert 'id="list"' in answer.text
    assert answer.headers["HX-Push-Url"] == "/clients?q=%D0%9F%D0%B5%D1%82%D1%80"


def test_history_of_the_browser_gets_the_whole_page(sign_in: SignIn, scene: Scene) -> None:
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in sign_in(VERA).get("/clients", **headers)


def test_show_more_goes_through_all_calls_once(sign_in: SignIn, scene: Scene) -> None:
    vera = sign_in(VERA)
    page, seen = vera.get("/calls"), []
    while True:
        seen += re.findall(r'<tr data-href="/calls/(\d+)">', page)
        found = re.search(r'hx-get="([^"]*cursor=[^"]+)"', page)
        if not found:
            break
        page = vera.get(found[1].replace("&amp;", "&"), **{"HX-Request": "true"})
        assert "<table" not in page
    assert len(seen) == len(set(seen)) == 64


def test_a_cursor_that_nobody_gave_out_shows_the_first_page(sign_in: SignIn, scene: Scene) -> None:
    answer = sign_in(VERA).client.get("/calls?status=missed&cursor=rubbish")
    assert answer.headers["Location"] == "/calls?status=missed"


def test_filters_stand_in_the_address(sign_in: SignIn, scene: Scene) -> None:
    page = sign_in(VERA).get("/calls?status=missed&direction=in")
    assert '<option value="missed" selected>' in page
    assert len(re.findall(r'<tr data-href="/calls/', page)) == 3
    empty = sign_in(VERA).get("/calls?until=2001-01-01")
    assert "Ничего не найдено" in empty
    assert 'href="/calls"' in empty


@pytest.mark.parametrize(
    "query",
    ["since=rubbish", "until=9999-12-31", "q=%00", "q=%25_%5C", "kind=none", "cursor=%F0%9F"],
)
def test_rubbish_in_the_address_breaks_nothing(sign_in: SignIn, scene: Scene, query: str) -> None:
    vera = sign_in(VERA)
    for path in ("/clients", "/calls", "/messages", "/stock", f"/clients/{scene.irina}"):
        assert vera.client.get(f"{path}?{query}").status_code in (200, 302), path


def test_the_card_tells_the_whole_history_newest_first(sign_in: SignIn, scene: Scene) -> None:
    page = text_of(sign_in(VERA).get(f"/clients/{scene.irina}"))
    told = ["Re: Наличие насоса НЦ-20", "Входящий звонок", "Заказ № 2041", "Заказ № 100"]
    places = [page.index(one) for one in told]
    assert places == sorted(places)
    assert "+7 916 123-45-67" in page
    assert "отвечен 3:05" in page
    assert "25 980,50 ₽" in page


def test_the_card_shows_one_kind_when_asked(sign_in: SignIn, scene: Scene) -> None:
    page = sign_in(VERA).get(f"/clients/{scene.irina}?kind=order")
    assert "Заказ" in page
    assert "Входящий звонок" not in page


def test_who_set_a_field_is_shown_and_admins_get_to_the_event(
    sign_in: SignIn, scene: Scene
) -> None:
    path = f"/clients/{scene.irina}"
    for_vera, for_alice = sign_in(VERA).get(path), sign_in(ALICE).get(path)
    assert "Манго, отдел продаж" in for_vera
    assert "вручную" in for_vera
    assert "/admin/" not in for_vera
    assert 'href="/admin/events/1"' in for_alice


def test_a_letter_is_shown_as_text_whatever_it_holds(sign_in: SignIn, scene: Scene) -> None:
    page = sign_in(VERA).get(f"/messages/{scene.message}")
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "Реквизиты.pdf" in page


def test_money_and_phones_follow_the_language(sign_in: SignIn, scene: Scene) -> None:
    vera = sign_in(VERA)
    path = f"/orders/{scene.order}"
    assert "12\xa0490,25\xa0₽" in vera.get(path)
    vera.post("/language", language="en")
    assert re.search(r"(RUB|₽)\xa0?12,490.25", vera.get(path))


def test_stale_stock_says_so(sign_in: SignIn, scene: Scene, sqlite_store: Store) -> None:
    vera = sign_in(VERA)
    age_stock(sqlite_store, minutes=42)
    page = text_of(vera.get("/stock"))
    assert re.search(r"устарело Остатки на .{5,}, «1С: Управление торговлей» молчит 42 мин", page)
    assert "устарело" in text_of(vera.get("/"))
    age_stock(sqlite_store, minutes=4)
    fresh = text_of(vera.get("/stock"))
    assert "молчит" not in fresh
    assert "свежие Остатки на" in fresh
    assert "устарело" not in fresh


def test_stock_is_stale_after_three_periods(scene: Scene, sqlite_store: Store) -> None:
    for minutes, state in ((14, "fresh"), (16, "stale")):
        age_stock(sqlite_store, minutes=minutes)
        assert [source.state for source in stock_sources(sqlite_store)] == [state]


def test_empty_pages_teach(sign_in: SignIn, sqlite_store: Store) -> None:
    vera = sign_in(VERA)
    assert "Ничего не найдено" in vera.get("/clients?q=qwertyuiop")


def test_a_merged_client_leads_to_the_kept_card(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    alice = sign_in(ALICE)
    alice.post("/admin/duplicates/merge", kept_id=str(scene.irina), merged_id=str(scene.pavel))
    answer = alice.client.get(f"/clients/{scene.pavel}")
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/clients/{scene.irina}"
    assert "Эту карточку объединили" in alice.get(f"/clients/{scene.irina}")
    assert PAVEL.name not in alice.get("/clients")


def test_a_manager_listens_to_a_recording_at_the_provider(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    mango = Emulator()
    mango.start()
    rows = Rows(sqlite_store)
    try:
        call = rows.record(
            "call",
            connection_id=rows.connection("pbx", mango.connection()),
            external_id="heard",
            direction="in",
            status="answered",
            recording_id=recorded(mango),
        )
        vera = sign_in(VERA)
        assert f'href="/calls/{call}/recording"' in vera.get(f"/calls/{call}")
        answer = vera.client.get(f"/calls/{call}/recording")
        assert (answer.status_code, answer.headers["Referrer-Policy"]) == (302, "no-referrer")
        assert "/sound/" in answer.headers["Location"]
    finally:
        mango.stop()
    # The provider is away now: the page says so in Russian.
    refused = vera.client.get(f"/calls/{call}/recording")
    assert refused.status_code == 409
    assert "127.0.0.1" in text_of(refused.text)


def test_an_order_shows_what_1c_says_beside_what_the_shop_says(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    assert "В 1С" not in text_of(sign_in(VERA).get(f"/orders/{scene.order}"))
    with sqlite_store.database.write() as db:
        db.execute(
            orders.update()
            .where(orders.c.id == scene.order)
            .values(erp_number="УТ-000042", erp_status="К отгрузке", erp_posted=True)
        )
    page = text_of(sign_in(VERA).get(f"/orders/{scene.order}"))
    for words in ("В 1С", "УТ-000042", "К отгрузке", "Документ проведён"):
        assert words in page
