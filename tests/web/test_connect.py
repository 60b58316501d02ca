"""Connections made and changed through the site's forms."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select

from hub.store.connections import find_row
from hub.store.database import utc_now
from hub.store.models import audit, cursors, events
from hub.store.store import Store
from tests.support.people import ALICE, GLEB
from tests.web.conftest import SignIn, Visitor
from tests.web.pages_config import FOR_ADMINS
from tests.web.scene import Scene

IMAP = {
    "title": "Почта отдела продаж",
    "settings.host": "imap.example.ru",
    "settings.username": "sales@example.ru",
    "secrets.password": "mail-secret-1",
    "settings.tls.asked": "yes",
    "settings.tls": "yes",
}


@pytest.fixture
def alice(sign_in: SignIn) -> Visitor:
    return sign_in(ALICE)


def stored(store: Store, name: str) -> Row[Any]:
    with store.database.read() as db:
        row = find_row(db, name)
    assert row is not None
    return row


def revision(store: Store, name: str) -> str:
    return str(stored(store, name).revision)


def test_a_mailbox_is_connected_by_filling_in_the_form(alice: Visitor, sqlite_store: Store) -> None:
    status, where = alice.post("/admin/connections/new/imap", **IMAP)
    assert (status, where) == (302, "/admin/connections/pochta-otdela-prodazh/start")
    row = stored(sqlite_store, "pochta-otdela-prodazh")
    assert row.settings == {"host": "imap.example.ru", "username": "sales@example.ru"}
    assert row.schedule == {"messages": "every 1m"}
    configured = sqlite_store.catalog.require("pochta-otdela-prodazh")
    assert configured.connection.secrets["password"] == "mail-secret-1"
    assert "mail-secret-1" not in alice.get("/admin/connections/pochta-otdela-prodazh/settings")
    assert "imap.example.ru" in alice.get("/admin/connections/pochta-otdela-prodazh/connection.yml")


def test_the_check_names_every_trouble_by_its_field(alice: Visitor, scene: Scene) -> None:
    fields = {"connector": "imap", "settings.port": "десять", "title": "Ящик"}
    answer = alice.client.post(
        "/admin/connections/check", data={"csrf_token": alice.token(), **fields}
    )
    places = re.findall(r'data-place="([^"]+)"', answer.text)
    assert set(places) == {
        "settings.port", "settings.host", "settings.username", "secrets.password",
    }  # fmt: skip
    assert "обязательно" in answer.text or "нужно" in answer.text
    assert 'data-name="yaschik"' in answer.text


def test_two_admins_edit_and_nothing_is_lost(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    seen = revision(sqlite_store, "mango-main")
    fields = {"settings.timezone": "Europe/Moscow", "revision": seen}
    path = "/admin/connections/mango-main/settings"
    assert alice.post(path, title="Манго, первый", **fields)[0] == 302
    answer = alice.client.post(
        path, data={"csrf_token": alice.token(), "title": "Манго, второй", **fields}
    )
    assert "Пока вы правили" in answer.text
    assert 'value="Манго, второй"' in answer.text
    assert stored(sqlite_store, "mango-main").title == "Манго, первый"
    again = {**fields, "revision": revision(sqlite_store, "mango-main")}
    assert alice.post(path, title="Манго, второй", **again)[0] == 302
    assert stored(sqlite_store, "mango-main").title == "Манго, второй"


def test_yaml_asks_for_the_secrets_it_refers_to(alice: Visitor, sqlite_store: Store) -> None:
    text = "connector: mango\ntitle: Вторая АТС\nsecrets: {api_key: env:PATH, api_salt: env:HOME}\n"
    answer = alice.client.post(
        "/admin/connections/new/yaml", data={"csrf_token": alice.token(), "yaml": text}
    )
    assert 'name="secrets.api_key"' in answer.text
    given = {"secrets.api_key": "k-1", "secrets.api_salt": "s-1"}
    status, _where = alice.post("/admin/connections/new/yaml", yaml=text, **given)
    assert status == 302
    configured = sqlite_store.catalog.require("vtoraya-ats")
    assert configured.connection.secrets["api_key"] == "k-1"


def test_a_secret_is_rotated_without_a_gap(
    alice: Visitor, scene: Scene, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def values() -> list[str]:
        sqlite_store.catalog.forget()
        return sqlite_store.catalog.require("mango-main").connection.secrets.all("api_salt")

    path = "/admin/connections/mango-main/secrets"
    before = revision(sqlite_store, "mango-main")
    alice.post(f"{path}/api_salt", value="new-salt-789", hours="24", revision=before)
    assert values() == ["new-salt-789", "mango-salt-456"]
    page = alice.get(path)
    assert "new-salt-789" not in page
    assert "mango-salt-456" not in page
    tomorrow = utc_now() + timedelta(hours=25)
    monkeypatch.setattr("hub.store.secrets.utc_now", lambda: tomorrow)
    monkeypatch.setattr("hub.store.connections.utc_now", lambda: tomorrow)
    assert values() == ["new-salt-789"]


def test_an_old_value_is_ended_and_the_last_one_never(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    path = "/admin/connections/mango-main/secrets/api_key"
    alice.post(path, value="second", hours="keep", revision=revision(sqlite_store, "mango-main"))
    ends = {"number": "1", "revision": revision(sqlite_store, "mango-main")}
    alice.post(f"{path}/end", **ends)
    assert sqlite_store.catalog.require("mango-main").connection.secrets.all("api_key") == [
        "second"
    ]
    alice.post(f"{path}/end", number="0", revision=revision(sqlite_store, "mango-main"))
    assert sqlite_store.catalog.require("mango-main").connection.secrets.all("api_key") == [
        "second"
    ]


def test_a_sample_event_goes_through_the_door(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    def send(name: str, content: str) -> str:
        data = {"csrf_token": alice.token(), "content": content}
        answer = alice.client.post(f"/admin/connections/{name}/start/sample", data=data)
        assert answer.status_code == 200
        return answer.text

    assert "ответил 200" in send("mango-main", "")
    with sqlite_store.database.read() as db:
        newest = db.execute(select(events).order_by(events.c.id.desc())).first()
    assert newest is not None
    assert newest.type == "events/summary"
    assert "ответил 200" in send("site", '{"id": "t", "type": "lead", "lead": {"id": "t-1"}}')


def test_restore_brings_back_an_older_shape(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    before = stored(sqlite_store, "mango-main")
    path = "/admin/connections/mango-main"
    fields = {"revision": str(before.revision), "settings.timezone": "Asia/Omsk"}
    alice.post(f"{path}/settings", title="Омск", **fields)
    assert "Asia/Omsk" in alice.get(f"{path}/revisions")
    now = revision(sqlite_store, "mango-main")
    alice.post(f"{path}/revisions/{before.revision}/restore", reason="ошиблись", revision=now)
    assert stored(sqlite_store, "mango-main").settings == before.settings


def test_a_schedule_is_saved_and_a_stream_read_again(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    path = "/admin/connections/onec/schedule"
    seen = revision(sqlite_store, "onec")
    rules = {"usual.stock": "own", "rule.stock": "0 8 * * 1-5", "revision": seen}
    assert alice.post(path, **rules)[0] == 302
    assert stored(sqlite_store, "onec").schedule == {"stock": "0 8 * * 1-5"}
    assert "по будням в 08:00" in alice.get(path)
    again = "/admin/connections/onec/streams/stock/reread"
    shown = alice.client.post(again, data={"csrf_token": alice.token()}).text
    assert "с самого начала" in shown
    with sqlite_store.database.write() as db:
        db.execute(cursors.update().values(cursor={"value": "7"}))
    status, where = alice.post(again, sure="yes", reason="пропустили день")
    assert (status, where.startswith("/admin/runs/")) == (302, True)
    with sqlite_store.database.read() as db:
        assert set(map(str, db.scalars(select(cursors.c.cursor)))) >= {"{}"}


def test_a_connection_is_removed_only_while_nothing_came(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    alice.post("/admin/connections/new/imap", **IMAP)
    alice.post("/admin/connections/pochta-otdela-prodazh/remove", reason="ошибка")
    assert sqlite_store.catalog.get("pochta-otdela-prodazh") is None
    alice.post("/admin/connections/site/remove", reason="ошибка")
    sqlite_store.catalog.forget()
    assert sqlite_store.catalog.get("site") is not None


def test_an_unreachable_name_is_told_with_its_remedy(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    alice.post("/admin/connections/new/imap", **{**IMAP, "settings.host": "no-such.invalid"})
    answer = alice.client.post(
        "/admin/connections/pochta-otdela-prodazh/test/name", data={"csrf_token": alice.token()}
    )
    assert "Такого имени нет" in answer.text
    assert "не дошли" in answer.text
    with sqlite_store.database.read() as db:
        assert "tested" in set(db.scalars(select(audit.c.action)))


def test_an_auditor_opens_no_form(sign_in: SignIn, scene: Scene) -> None:
    gleb, alice = sign_in(GLEB), sign_in(ALICE)
    for path in FOR_ADMINS:
        assert gleb.client.get(path).status_code == 403, path
        alice.get(path)
