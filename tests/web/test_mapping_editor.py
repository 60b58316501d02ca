"""The mapping editor over real events, and in a browser."""

from __future__ import annotations

import re
from html import unescape

import pytest
from playwright.sync_api import Browser, Route, expect

from hub.flow import drain
from hub.mapping.edit import document_of, rows_of, section_whens
from hub.mapping.loader import load_shipped
from hub.mapping.spelling import overlay_for
from hub.registry import manifests
from hub.store.store import Store
from tests.support.people import ALICE
from tests.web.conftest import SignIn, Visitor
from tests.web.desk import Desk
from tests.web.scene import Scene

EDITOR = "/admin/connections/site/mappings/lead"
CHANGED = (
    "external_id: id\nfields: {title: name, channel: utm.source}\n"
    "contact: {name: name, phone: {from: phone, as: phone}}\n"
)


@pytest.fixture
def alice(sign_in: SignIn) -> Visitor:
    return sign_in(ALICE)


def ask(who: Visitor, path: str, **fields: str) -> str:
    answer = who.client.post(path, data={"csrf_token": who.token(), **fields})
    assert answer.status_code == 200, path
    return unescape(answer.text)


def revision(store: Store) -> str:
    return str(store.catalog.require("site").revision)


@pytest.mark.parametrize("name", sorted(manifests()))
def test_shipped_mappings_go_through_the_editor_unchanged(name: str) -> None:
    for entity, document in load_shipped(name).items():
        source = document.as_dict()
        made, problems = document_of(rows_of(source), section_whens(source), entity, source)
        assert problems == []
        assert made == {"entity": entity, **source}
        assert overlay_for(source, made) == {}


def test_the_result_follows_the_rows(alice: Visitor, scene: Scene) -> None:
    event = str(scene.done_event)
    page = ask(alice, f"{EDITOR}/preview", mode="yaml", yaml=CHANGED, event=event)
    assert "сейчас получается" in page
    wrong = ask(alice, f"{EDITOR}/preview", mode="yaml", yaml="fields: {titel: name}", event=event)
    assert "titel" in wrong
    assert "title" in wrong
    pasted = ask(
        alice,
        f"{EDITOR}/preview",
        mode="yaml",
        yaml=CHANGED,
        pasted='{"id": 5, "name": "Ольга", "phone": "8 916 111-22-33"}',
    )
    assert "+79161112233" in pasted


def test_coverage_tells_what_would_change_and_stores_nothing(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    before = revision(sqlite_store)
    page = ask(alice, f"{EDITOR}/coverage?most=100", mode="yaml", yaml=CHANGED)
    assert "разобрано: 1" in page
    assert "сейчас в базе" in page
    required = CHANGED.replace("title: name", "title: {from: nothing, required: true}")
    failing = ask(alice, f"{EDITOR}/coverage?most=100", mode="yaml", yaml=required)
    assert "с ошибкой: 1" in failing
    assert "раньше разбиралось" in failing
    assert revision(sqlite_store) == before


def test_a_conflict_keeps_the_rows_of_the_second(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    seen = revision(sqlite_store)
    fields = {"mode": "yaml", "revision": seen}
    assert alice.post(EDITOR, yaml=CHANGED, note="имя", **fields)[0] == 302
    other = CHANGED.replace("title: name", "title: subject")
    page = ask(alice, EDITOR, yaml=other, note="тема", **fields)
    assert "Пока вы правили" in page
    assert "title: subject" in page
    sqlite_store.catalog.forget()
    assert sqlite_store.catalog.require("site").mappings["lead"]["fields"]["title"] == "name"
    alice.post(f"{EDITOR}/restore/1", reason="вернуть", revision=revision(sqlite_store))
    sqlite_store.catalog.forget()
    assert sqlite_store.catalog.require("site").mappings["lead"]["fields"]["title"] == "subject"


def test_own_rows_hold_only_what_differs_and_reset_takes_them_away(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    path = "/admin/connections/mango-main/mappings/call"
    text = alice.get(f"{path}.yml").replace("line_number: line", "line_number: line_name")
    number = str(sqlite_store.catalog.require("mango-main").revision)
    assert alice.post(path, mode="yaml", yaml=text, revision=number)[0] == 302
    sqlite_store.catalog.forget()
    own = sqlite_store.catalog.require("mango-main").mappings
    assert own == {"call": {"fields": {"line_number": "line_name"}}}
    number = str(sqlite_store.catalog.require("mango-main").revision)
    alice.post(f"{path}/reset", reason="лишнее", revision=number)
    sqlite_store.catalog.forget()
    assert sqlite_store.catalog.require("mango-main").mappings == {}


@pytest.mark.browser
def test_a_site_form_is_connected_and_mapped_by_clicking(
    browser: Browser, address: str, scene: Scene, sqlite_store: Store
) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 780}, locale="ru-RU")
    desk = Desk(context.new_page(), address)
    page = desk.sign_in(ALICE)
    desk.open("/admin/connections/new")
    page.get_by_role("searchbox").fill("форм сайта")
    page.get_by_role("link", name="Любой отправитель вебхуков").click()
    page.get_by_label("Название").fill("Форма обратного звонка")
    page.get_by_label("Секрет, ключ или пароль").fill("form-key-5")
    expect(page.locator("#name-shown")).to_have_text("forma-obratnogo-zvonka")
    page.get_by_role("button", name="Подключить").click()
    page.get_by_role("button", name="Послать пробное событие").click()
    expect(page.get_by_text("ответил 200")).to_be_visible()
    configured = sqlite_store.catalog.require("forma-obratnogo-zvonka")
    drain.drain(sqlite_store, configured.id, max_seconds=5)
    held: list[Route] = []
    page.route("**/config*.js*", lambda route: held.append(route))
    page.get_by_role("link", name="Как заполняются поля: Заявка").click()
    row = page.locator("[data-map-row]", has=page.locator("option[value=title]:checked")).first
    # What is typed before the page's scripts are there counts too.
    row.locator("[name='row.source']").fill("name")
    assert held
    for route in held:
        route.continue_()
    page.unroute("**/config*.js*")
    expect(row.locator("[data-live]")).to_have_text("= Проба Связи")
    row.locator("[name='row.source']").fill("name[")
    expect(row.locator("[data-row-trouble]")).to_contain_text("JMESPath")
    row.locator("[name='row.source']").fill("name")
    expect(row.locator("[data-row-trouble]")).to_have_text("")
    page.get_by_role("button", name="Опубликовать").click()
    expect(page.get_by_role("alert").first).to_contain_text("Опубликовано")
    context.close()
    assert desk.complaints == []
    sqlite_store.catalog.forget()
    mapping = sqlite_store.catalog.require("forma-obratnogo-zvonka").mappings["lead"]
    assert mapping["fields"]["title"]["from"][0] == "name"
    assert re.fullmatch("[a-z-]+", configured.name)
