"""The admin picks an operation of a 1C service, sees rows of it, and makes it a stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from connectors.onec_soap.emulator import Emulator, many_rows
from hub.store.models import audit, connection_revisions
from hub.store.store import Store
from tests.support.people import ALICE, VERA
from tests.support.rows import Rows
from tests.web.conftest import SignIn, Visitor
from tests.web.desk import SIZES, Desk
from tests.web.scene import PASSWORD, Scene

PATH = "/admin/connections/base/operations"


@pytest.fixture
def base(sqlite_store: Store, scene: Scene) -> Iterator[Emulator]:
    """A 1C base whose connection has no stream yet."""
    emulator = Emulator()
    emulator.start()
    file = emulator.connection()
    file = {**file, "settings": {**file["settings"], "streams": {}}, "mappings": {}, "schedule": {}}
    Rows(sqlite_store).connection("base", file)
    sqlite_store.catalog.forget()
    yield emulator
    emulator.stop()


def page(visitor: Visitor, act: str, fields: dict[str, str]) -> str:
    """What a form's answer shows."""
    data = {"csrf_token": visitor.token(), **fields}
    answer = visitor.client.post(f"{PATH}/{act}", data=data, follow_redirects=True)
    assert answer.status_code == 200
    return answer.text


def selected(html: str) -> dict[str, str]:
    """The columns that the page suggests, by field."""
    lists = re.findall(r'<select[^>]*id="column-(\w+)"(.*?)</select>', html)
    found = {name: re.search(r'value="(\w+)" selected', inside) for name, inside in lists}
    return {name: match[1] for name, match in found.items() if match}


SAMPLE = {
    "operation": "GetRemains",
    "argument.Warehouse": "",
    "argument.ChangedSince": "{cursor}",
    "path": "",
    "reads_only": "yes",
}


def carried(html: str) -> str:
    """The rows that the page carries along."""
    found = re.search(r'name="rows" value="([^"]*)"', html)
    assert found
    return unescape(found[1])


def test_operations_are_listed_with_their_arguments(sign_in: SignIn, base: Emulator) -> None:
    alice = sign_in(ALICE)
    assert PATH in alice.get("/admin/connections/base")
    listed = alice.get(PATH)
    assert "StockHub / StockHubSoap12" in listed
    for name in ("GetRemains", "GetItems", "GetCounterparties", "return.Row"):
        assert name in listed
    form = alice.get(f"{PATH}?operation=GetRemains")
    assert 'name="argument.ChangedSince"' in form
    assert "дата и время" in form
    # Only the WSDL was read.
    assert base.calls == []


def test_an_operation_is_called_only_when_the_admin_says_that_it_reads(
    sign_in: SignIn, base: Emulator
) -> None:
    alice = sign_in(ALICE)
    refused = page(alice, "sample", {**SAMPLE, "reads_only": "", "next": PATH})
    assert "только читает" in refused
    assert base.calls == []


def test_rows_of_a_real_answer_are_shown_and_the_rest_is_not_read(
    sign_in: SignIn, base: Emulator, sqlite_store: Store
) -> None:
    base.answers["GetRemains"] = many_rows(300_000)
    shown = page(sign_in(ALICE), "sample", SAMPLE)
    assert "Товар номер 19" in shown
    assert "Товар номер 20" not in shown
    assert "соединение закрыто" in shown
    assert 'value="return.Row"' in shown
    with sqlite_store.database.read() as db:
        noted = db.execute(select(audit).where(audit.c.action == "call operation")).one()
    assert (noted.actor, noted.subject_id) == (ALICE.email, "base")
    assert noted.details["operation"] == "GetRemains"


def test_what_1c_refuses_is_said_in_its_own_words(sign_in: SignIn, base: Emulator) -> None:
    base.failure = "fault"
    shown = page(sign_in(ALICE), "sample", SAMPLE)
    assert "Поле не найдено" in shown
    base.failure = ""
    assert "похожие: GetRemains" in page(
        sign_in(ALICE), "sample", {**SAMPLE, "operation": "GetRemain"}
    )


def test_a_sample_becomes_a_stream_with_its_mapping(
    sign_in: SignIn, base: Emulator, sqlite_store: Store
) -> None:
    alice = sign_in(ALICE)
    shown = page(alice, "sample", SAMPLE)
    chosen = selected(shown)
    assert chosen["quantity"] == "Qty"
    columns = {f"column.{name}": column for name, column in chosen.items()}
    stream = {
        **SAMPLE,
        **columns,
        "column.sku": "Name",
        "path": "return.Row",
        "rows": carried(shown),
        "revision": "1",
        "entity": "stock",
        "stream": "stock",
        "mode": "full",
        "rule": "every 15m",
    }
    tried = page(alice, "stream", {**stream, "act": "preview"})
    assert "подходит" in tried
    assert "-3" in tried
    saved = page(alice, "stream", {**stream, "act": "save"})
    assert "Поток сохранён" in saved
    configured = sqlite_store.catalog.require("base")
    assert configured.revision == 2
    assert configured.connection.settings["streams"]["stock"] == {
        "operation": "GetRemains",
        "arguments": {"Warehouse": "", "ChangedSince": "{cursor}"},
        "rows": "return.Row",
        "mode": "full",
        "entity": "stock",
    }
    assert configured.schedule == {"stock": "every 15m"}
    fields = configured.mappings["stock"]["fields"]
    assert fields["sku"] == {"from": '"Name"', "as": "text"}
    assert fields["quantity"]["required"] is True
    assert configured.connection.secrets["password"] == "Пароль-для-обмена"
    with sqlite_store.database.read() as db:
        kept = db.execute(
            select(connection_revisions).where(
                connection_revisions.c.connection_id == configured.id
            )
        ).all()
    assert kept[-1].author == ALICE.email
    assert "Пароль" not in json.dumps(kept[-1].document, ensure_ascii=False)
    # Somebody who still has the former page open does not undo it.
    assert "изменили" in page(alice, "stream", {**stream, "act": "save"})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stream": "Остатки 1"}, "имя потока"),
        ({"rule": "иногда"}, "every 5m"),
        ({"entity": "product", "stream": "products"}, ""),
    ],
)
def test_a_stream_that_cannot_work_is_not_saved(
    sign_in: SignIn, base: Emulator, sqlite_store: Store, changes: dict[str, str], words: str
) -> None:
    stream = {**SAMPLE, "path": "return.Row", "rows": "[]", "revision": "1", "entity": "stock"}
    stream |= {"stream": "stock", "mode": "full", "rule": "", **changes}
    shown = page(sign_in(ALICE), "stream", {**stream, "act": "save"})
    assert words in shown
    assert sqlite_store.catalog.require("base").revision == (1 if words else 2)


def test_only_an_admin_may_look_for_even_that_calls_1c(sign_in: SignIn, base: Emulator) -> None:
    vera = sign_in(VERA)
    assert vera.client.get(PATH).status_code == 403
    assert vera.client.post(f"{PATH}/sample", data={"csrf_token": vera.token()}).status_code == 403
    alice = sign_in(ALICE)
    assert alice.client.post(f"{PATH}/sample", data=SAMPLE).status_code == 400
    assert alice.client.get("/admin/connections/site/operations").status_code == 404
    assert base.calls == []


@pytest.mark.browser
@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("size", SIZES)
def test_from_the_connection_to_a_stream_in_a_browser(
    browser: Browser, address: str, base: Emulator, sqlite_store: Store, size: str, language: str
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=False
    )
    desk = Desk(context.new_page(), address)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    window = desk.open("/login")
    window.get_by_label("E-mail").fill(ALICE.email)
    window.get_by_label("Пароль").fill(PASSWORD)
    window.get_by_role("button", name="Войти").click()
    words = {
        "ru": ("Операции", "Выбрать", "Эта операция только читает", "Показать строки",
               "Примерить на этих строках", "подходит", "Сохранить поток", "Поток сохранён"),
        "en": ("Operations", "Choose", "This operation only reads", "Show rows",
               "Try on these rows", "fits", "Save the stream", "The stream is saved"),
    }[language]  # fmt: skip
    if language == "en":
        desk.open("/profile")
        window.locator("form[action='/language'] [value=en]").first.click()
    operations, choose, reads, show, try_on, fits, save, saved = words
    desk.open("/admin/connections/base")
    window.get_by_role("link", name=operations, exact=True).first.click()
    window.get_by_role("link", name=choose).nth(0).click()
    assert window.evaluate(wide) <= 0
    window.get_by_label(reads).check()
    window.get_by_role("button", name=show).click()
    expect(window.get_by_text("КР-001").first).to_be_visible()
    assert window.evaluate(wide) <= 0
    window.get_by_role("button", name=try_on).click()
    expect(window.get_by_text(fits, exact=True).first).to_be_visible()
    assert window.evaluate(wide) <= 0
    window.get_by_role("button", name=save).click()
    expect(window.get_by_text(saved)).to_be_visible()
    assert "stock" in sqlite_store.catalog.require("base").stream_names()
    context.close()
    assert desk.complaints == []
