"""What each role may open and do, and what every page carries."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from hub.store.models import audit, replays
from hub.store.store import Store
from tests.support.people import ALICE, BORIS, COLLEAGUES, GLEB, IRINA, VERA, Colleague
from tests.web.conftest import SignIn, Visitor
from tests.web.pages_ops import OPS_ACTS
from tests.web.scene import Scene
from tests.web.test_pages import addresses

ACTS = (
    "/admin/connections/site/state",
    "/admin/connections/onec/streams/stock/run",
    "/admin/events/1/replay",
    "/admin/dead/replay",
    "/admin/runs/1/approve",
    "/admin/deliveries/1/replay",
    "/admin/duplicates/merge",
    "/admin/duplicates/1/dismiss",
    "/admin/merges/1/undo",
    *OPS_ACTS,
)


@pytest.mark.parametrize("who", COLLEAGUES, ids=lambda one: one.role)
def test_roles_open_what_is_theirs(sign_in: SignIn, scene: Scene, who: Colleague) -> None:
    visitor = sign_in(who)
    for path in addresses(scene):
        allowed = not path.startswith("/admin") or who in (ALICE, GLEB)
        expected = 200 if allowed else 403
        assert visitor.client.get(path).status_code == expected, path


@pytest.mark.parametrize("who", [BORIS, VERA, GLEB], ids=lambda one: one.role)
def test_only_an_admin_acts(sign_in: SignIn, who: Colleague) -> None:
    visitor = sign_in(who)
    for path in ACTS:
        assert visitor.post(path, reason="why not", state="paused")[0] == 403, path


def test_strangers_see_nothing(stranger: Visitor, scene: Scene) -> None:
    for path in addresses(scene):
        assert stranger.client.get(path).headers["Location"].startswith("/login"), path
    for path in ACTS:
        assert stranger.post(path)[1].startswith("/login"), path


def test_an_auditor_sees_no_buttons_that_act(sign_in: SignIn, scene: Scene) -> None:
    gleb = sign_in(GLEB)
    for path in addresses(scene):
        forms = re.findall(r'method="post" action="([^"]+)"', gleb.get(path))
        own = ("/language", "/logout", "/profile/")
        assert all(form.startswith(own) for form in forms), path


def test_a_post_without_the_token_does_nothing(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    alice = sign_in(ALICE)
    for token in ({}, {"csrf_token": "forged"}):
        answer = alice.client.post(
            f"/admin/events/{scene.dead_event}/replay", data={"reason": "x", **token}
        )
        assert answer.status_code == 400
        assert "Форма устарела" in answer.text
    with sqlite_store.database.read() as db:
        assert db.execute(select(replays)).all() == []


def test_the_token_may_come_in_a_header(sign_in: SignIn, scene: Scene) -> None:
    alice = sign_in(ALICE)
    answer = alice.client.post(
        f"/admin/events/{scene.dead_event}/replay",
        data={"reason": "повтор"},
        headers={"X-CSRFToken": alice.token()},
    )
    assert answer.status_code == 302


def test_every_answer_carries_the_security_headers(sign_in: SignIn, scene: Scene) -> None:
    alice = sign_in(ALICE)
    for path in (*addresses(scene), "/login", "/nowhere", "/admin/events/999999"):
        headers = alice.client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy, path
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


def test_no_page_needs_inline_code_or_another_host(sign_in: SignIn, scene: Scene) -> None:
    alice = sign_in(ALICE)
    for path in addresses(scene):
        page = alice.get(path)
        assert not re.search(
            r"<script(?![^>]* (?:src=|type=\"application/json\"))|<style|\sstyle=|\son[a-z]+=", page
        ), path
        sources = re.findall(r'<(?:script|link|img|use)[^>]* (?:src|href)="([^"#]*)', page)
        assert sources
        own = ("/assets/", "data:image/")
        assert all(source.startswith(own) for source in sources), path


def test_unknown_addresses_get_a_page_and_machines_their_own_answer(sign_in: SignIn) -> None:
    alice = sign_in(ALICE)
    for path in ("/nowhere", "/clients/999999", "/clients/99999999999999999999999",
                 "/admin/events/99999999999999999999999", "/admin/connections/none",
                 "/admin/connections/site/mappings/none"):  # fmt: skip
        answer = alice.client.get(path)
        assert answer.status_code == 404, path
        assert "Такой страницы нет" in answer.text
    problem = alice.client.get("/api/v1/nowhere")
    assert (problem.status_code, problem.mimetype) == (404, "application/problem+json")
    assert "Такой страницы нет" not in alice.client.get("/in/none").text


def test_assets_are_kept_for_long_and_carry_no_cookie(sign_in: SignIn) -> None:
    vera = sign_in(VERA)
    found = re.search(r'href="(/assets/uzel.css\?v=[0-9a-f]+)"', vera.get("/"))
    assert found
    answer = vera.client.get(found[1])
    assert answer.status_code == 200
    assert answer.cache_control.immutable
    assert "Set-Cookie" not in answer.headers
    assert "Vary" not in answer.headers


def test_looking_at_a_clients_data_is_written_down(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    vera = sign_in(VERA)
    assert IRINA.name in vera.get(f"/clients/{scene.irina}")
    vera.get(f"/messages/{scene.message}")
    vera.get("/clients")
    with sqlite_store.database.read() as db:
        rows = db.execute(select(audit).where(audit.c.action.like("view %"))).all()
    assert [(row.actor, row.action, row.subject_id) for row in rows] == [
        (VERA.email, "view contact", str(scene.irina)),
        (VERA.email, "view message", str(scene.message)),
    ]
