"""Where `access.managers_see` narrows what managers see, nothing tells them of the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import Table, insert, select, update

from hub.app import create_app
from hub.store.database import utc_now
from hub.store.models import calls, contacts, messages, orders, tasks
from hub.store.store import Store
from tests.support.people import ALICE, BORIS, IRINA, PAVEL, VERA, Colleague
from tests.support.rows import Rows
from tests.web.conftest import Visitor
from tests.web.scene import PASSWORD, Scene
from tests.web.test_calls import card, ring
from tests.web.test_managers import text_of

HTMX = {"HX-Request": "true"}
Narrowed = Callable[[Colleague], Visitor]


@pytest.fixture
def store(sqlite_store: Store, scene: Scene) -> Store:
    """Pavel is Alice's client, and managers see their own and those of nobody."""
    rule = {"access": {"managers_see": "own_and_free"}}
    with sqlite_store.database.write() as db:
        his = update(contacts).where(contacts.c.id == scene.pavel)
        db.execute(his.values(manager=ALICE.email))
        # Nothing but the client says whose these are.
        for table in (messages, tasks, orders):
            db.execute(update(table).where(table.c.contact_id == scene.pavel).values(manager=None))
        letter = update(messages).where(messages.c.external_id == "m3")
        db.execute(letter.values(contact_id=scene.pavel, thread_key="<a@example.org>"))
    return Store(
        replace(sqlite_store.settings, file=rule), sqlite_store.database, sqlite_store.vault
    )


@pytest.fixture
def visit(store: Store) -> Narrowed:
    """A colleague, signed in to the hub with that rule."""
    app = create_app(store=store)

    def enter(who: Colleague) -> Visitor:
        visitor = Visitor(app.test_client())
        assert visitor.sign_in(who.email, PASSWORD)[0] == 302
        return visitor

    return enter


def _id_of(store: Store, table: Table, contact_id: int) -> int:
    with store.database.read() as db:
        key = db.scalar(select(table.c.id).where(table.c.contact_id == contact_id).limit(1))
    assert key
    return int(key)


def test_clients_calls_and_sales_of_others_are_closed(
    store: Store, scene: Scene, visit: Narrowed
) -> None:
    vera = visit(VERA)
    assert vera.client.get(f"/clients/{scene.pavel}").status_code == 403
    assert PAVEL.name not in vera.get("/clients")
    assert PAVEL.name not in vera.get(f"/search?q={quote(PAVEL.phone)}", **HTMX)
    assert vera.client.get(f"/clients/{scene.irina}/compare/{scene.pavel}").status_code == 403
    assert IRINA.name in vera.get("/clients")
    for path in ("/calls", "/orders", "/leads", "/deals", "/orders?view=board"):
        assert PAVEL.name not in vera.get(path)
    assert IRINA.name in vera.get("/calls")
    with store.database.read() as db:
        his = db.scalar(select(calls.c.id).where(calls.c.contact_id == scene.pavel).limit(1))
    assert vera.client.get(f"/calls/{his}").status_code == 403
    assert vera.client.get(f"/calls/{scene.call}").status_code == 200


def test_letters_tasks_and_today_go_with_their_client(
    store: Store, scene: Scene, visit: Narrowed
) -> None:
    vera, boris = visit(VERA), visit(BORIS)
    subject, theirs = "Счёт на две станции", _id_of(store, messages, scene.pavel)
    for path in ("/messages", "/messages?answer=waiting", f"/messages?q={quote('станции')}", "/"):
        assert subject not in vera.get(path), path
        assert subject in boris.get(path), path
    thread = f"/messages/{scene.message}"
    assert "Пришлите, пожалуйста, счёт" not in vera.get(thread)
    assert "Пришлите, пожалуйста, счёт" in boris.get(thread)
    assert vera.client.get(f"/messages/{theirs}").status_code == 403
    assert vera.post(f"/messages/{theirs}/no-answer")[0] == 403
    task = _id_of(store, tasks, scene.pavel)
    for path in ("/tasks?view=free", "/tasks?view=overdue", "/"):
        assert PAVEL.name not in vera.get(path), path
    assert vera.client.get(f"/tasks/{task}").status_code == 403
    assert vera.post(f"/tasks/{task}/take")[0] == 403
    with store.database.write() as db:
        db.execute(update(tasks).where(tasks.c.id == task).values(manager=VERA.email))
    assert PAVEL.name in vera.get(f"/tasks/{task}"), "one's own work stays in one's hands"


def test_forms_and_deeds_reach_no_client_of_others(
    store: Store, scene: Scene, visit: Narrowed
) -> None:
    vera = visit(VERA)
    his = _id_of(store, calls, scene.pavel)
    for about in (f"contact:{scene.pavel}", f"call:{his}"):
        assert vera.client.get(f"/tasks/new?about={about}").status_code == 403
        assert vera.post("/tasks", title="x", about=about)[0] == 403
    with store.database.write() as db:
        order = db.execute(
            insert(orders).values(contact_id=scene.pavel, external_id="77", placed_at=utc_now(),
                                  created_at=utc_now(), updated_at=utc_now())
        ).inserted_primary_key  # fmt: skip
    key = str(order[0] if order else 0)
    vera.post("/sales/order/assign", id=key, manager="me")
    assert vera.post(f"/sales/order/{key}/stage", stage="new")[0] == 404
    with store.database.read() as db:
        assert db.scalar(select(orders.c.manager).where(orders.c.id == int(key))) is None


def test_a_ringing_card_names_a_client_of_others_and_tells_no_more(
    store: Store, scene: Scene, visit: Narrowed
) -> None:
    vera = visit(VERA)
    call_id = ring(store, PAVEL.phone)
    said, page = text_of(card(vera)), card(vera)
    assert PAVEL.name in said
    assert ALICE.name in said
    assert "Последний разговор" not in said
    assert f"/clients/{scene.pavel}" not in page
    token = vera.token()
    theirs = vera.client.post(
        f"/ringing/{call_id}/client", data={"csrf_token": token, "name": "Не тот"}
    )
    assert theirs.status_code == 403
    unknown = ring(store, "+79267770011")
    assert PAVEL.name not in vera.get(f"/ringing/{unknown}/search?q=Ёлкин")
    taken = {"csrf_token": token, "contact_id": scene.pavel}
    assert vera.client.post(f"/ringing/{unknown}/attach", data=taken).status_code == 403
    missed = _id_of(store, calls, scene.pavel)
    note = {"csrf_token": token, "note": "чужой"}
    assert vera.client.post(f"/ringing/{missed}/note", data=note).status_code == 403


def test_counted_records_are_all_there_without_the_names_of_others(
    store: Store, scene: Scene, visit: Narrowed
) -> None:
    since, until = (utc_now() + timedelta(days=days) for days in (-4, 1))
    path = f"/reports/calls/records?direction=out&since={since:%F}&until={until:%F}"
    vera, boris = visit(VERA).get(path), visit(BORIS).get(path + f"&manager={VERA.email}")
    assert vera.count("<tr") == boris.count("<tr")
    assert PAVEL.name in boris
    assert PAVEL.name not in vera
    assert "111-22-33" not in vera
    assert IRINA.name in visit(VERA).get(path.replace("direction=out&", ""))


def test_companies_of_others_are_closed(store: Store, scene: Scene, visit: Narrowed) -> None:
    rows = Rows(store)
    own = rows.record("company", name="Свой дом", search_text="свой дом", manager=VERA.email)
    others = rows.record("company", name="Чужой дом", search_text="чужой дом", manager=ALICE.email)
    vera, boris = visit(VERA), visit(BORIS)
    for path in ("/companies", f"/companies?q={quote('дом')}"):
        assert "Чужой дом" not in vera.get(path), path
        assert "Чужой дом" in boris.get(path), path
    assert "Свой дом" in vera.get("/companies")
    assert vera.client.get(f"/companies/{own}").status_code == 200
    assert vera.client.get(f"/companies/{others}").status_code == 403
    assert boris.client.get(f"/companies/{others}").status_code == 200
