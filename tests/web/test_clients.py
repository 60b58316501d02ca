"""Clients: found by anything, added, changed, noted, compared, merged; seen by who may."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from sqlalchemy import insert, select, update

from hub.crm.notes import add_note
from hub.store.models import audit, contacts, notes, orders, possible_duplicates
from hub.store.store import Store
from tests.support.people import ALICE, IRINA, VERA
from tests.web.conftest import SignIn
from tests.web.scene import Scene

HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("8 (916) 123-45-67", "телефон"),
        ("IRINA@example.org", "почта"),
        ("2041", "заказ"),
        ("№ ут-000045", "заказ"),
        ("сад", "компания"),
        ("ПЕТРОВА ирин", ""),
    ],
)
def test_the_field_of_every_page_finds_a_client_and_says_why(
    sign_in: SignIn, scene: Scene, sqlite_store: Store, words: str, why: str
) -> None:
    with sqlite_store.database.write() as db:
        db.execute(update(orders).where(orders.c.id == scene.order).values(erp_number="УТ-000045"))
        text = contacts.c.search_text + "\nооо «сад и дом»"
        db.execute(update(contacts).where(contacts.c.id == scene.irina).values(search_text=text))
    page = sign_in(VERA).get(f"/search?q={quote(words)}", **HTMX)
    assert f'href="/clients/{scene.irina}"' in page
    assert f'href="/clients/{scene.pavel}"' not in page
    assert why in page


def test_filters_of_the_list(sign_in: SignIn, scene: Scene, sqlite_store: Store) -> None:
    vera = sign_in(VERA)
    with sqlite_store.database.write() as db:
        db.execute(update(contacts).where(contacts.c.id == scene.pavel).values(manager=None))
    for query, found in (
        ("manager=me", {scene.irina}),
        ("manager=none", {scene.pavel}),
        ("deals=open", set()),
        ("sort=name", {scene.irina, scene.pavel}),
        ("since=2999-01-01", set()),
    ):
        page = vera.get(f"/clients?{query}")
        shown = {key for key in (scene.irina, scene.pavel) if f'data-href="/clients/{key}"' in page}
        assert shown == found, query


def test_a_client_by_hand(sign_in: SignIn, scene: Scene, sqlite_store: Store) -> None:
    vera = sign_in(VERA)
    form = {"name": "Ёлкин Семён", "phone": "8 926 555-44-33", "manager": VERA.email}
    status, where = vera.post("/clients/new", **form)
    assert status == 302
    assert "Ёлкин Семён" in vera.get(where)
    assert "Ёлкин Семён" in vera.get(f"/clients?q={quote('елкин')}")
    wrong = vera.client.post("/clients/new", data={"csrf_token": vera.token(), "phone": "12"})
    assert "Это не номер телефона" in wrong.text
    again = vera.client.post("/clients/new", data={"csrf_token": vera.token(), **form})
    assert "уже есть" in again.text
    assert vera.post("/clients/new", **form, anyway="yes")[0] == 302


def test_what_a_person_changes_has_their_name(sign_in: SignIn, scene: Scene) -> None:
    vera = sign_in(VERA)
    form = {"name": IRINA.name, "phone": IRINA.phone, "email": IRINA.email, "manager": VERA.email}
    form |= {"company_name": "ООО «Сад и дом»", "city": "Клин", "more_phone": "84951112233"}
    assert vera.post(f"/clients/{scene.irina}/edit", **form)[0] == 302
    page = vera.get(f"/clients/{scene.irina}")
    assert "Клин" in page
    assert "+74951112233" in page
    changed = vera.get(f"/clients/{scene.irina}?kind=change")
    assert "<del>Тверь</del>" in changed
    assert VERA.name in changed


def test_a_note_is_changed_by_its_author_only(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    vera, alice = sign_in(VERA), sign_in(ALICE)
    card = f"/clients/{scene.irina}"
    vera.post(f"{card}/notes", text="Звонить после шести <b>")
    assert "Звонить после шести &lt;b&gt;" in vera.get(f"{card}?kind=note")
    with sqlite_store.database.read() as db:
        key = db.scalar(select(notes.c.id))
    alice.post(f"{card}/notes/{key}", text="чужое")
    assert "заметку меняет только её автор" in alice.get(card)
    vera.post(f"{card}/notes/{key}", text="Звонить утром")
    assert "Звонить утром" in alice.get(card)
    vera.post(f"{card}/notes/{key}", remove="yes")
    assert "Звонить утром" not in vera.get(card)


def test_two_who_are_one_are_merged_and_parted(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    vera = sign_in(VERA)
    with sqlite_store.database.write() as db:
        pair = {"contact_id": scene.irina, "other_id": scene.pavel, "reason": "x"}
        pair |= {"status": "open", "created_at": db.scalar(select(contacts.c.created_at))}
        known = select(possible_duplicates.c.id)
        if db.scalar(known) is None:
            db.execute(insert(possible_duplicates).values(pair))
    note = add_note(sqlite_store, scene.pavel, "Павел пишет", VERA.email)
    assert "Возможно, это тот же человек" in vera.get(f"/clients/{scene.irina}")
    page = vera.get(f"/clients/{scene.irina}/compare/{scene.pavel}")
    assert "После объединения" in page
    vera.post(f"/clients/{scene.irina}/merge/{scene.pavel}")
    card = vera.get(f"/clients/{scene.irina}")
    assert "Павел пишет" in card
    undo = card.split("/merges/")[1].split("/undo")[0]
    vera.post(f"/clients/{scene.irina}/merges/{undo}/undo")
    assert "Павел пишет" in vera.get(f"/clients/{scene.pavel}")
    assert note
    vera.post(f"/clients/{scene.irina}/apart/{scene.pavel}")
    assert "тот же человек" not in vera.get(f"/clients/{scene.irina}")


def test_each_look_at_a_card_is_audited(sign_in: SignIn, scene: Scene, sqlite_store: Store) -> None:
    sign_in(VERA).get(f"/clients/{scene.irina}")
    with sqlite_store.database.read() as db:
        seen = db.execute(select(audit).where(audit.c.action == "view contact")).all()
    assert [(row.actor, row.subject_id) for row in seen] == [(VERA.email, str(scene.irina))]
