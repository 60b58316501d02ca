"""Who gets in, for how long, and where they are led."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from hub.sdk.errors import ConfigError
from hub.store import users
from hub.store.database import utc_now
from hub.store.models import users as users_table
from hub.store.store import Store
from tests.support.people import ALICE, GLEB, VERA
from tests.web.conftest import SignIn, Visitor
from tests.web.scene import PASSWORD, Scene, add_people


@pytest.fixture
def cast(sqlite_store: Store) -> None:
    """The people alone."""
    add_people(sqlite_store)


def unlock(store: Store) -> None:
    """Let the waiting time of every account be over."""
    with store.database.write() as db:
        past = utc_now() - timedelta(seconds=1)
        db.execute(update(users_table).values(locked_until=past))


def wait_of(store: Store, email: str) -> float:
    """Seconds an account still waits."""
    with store.database.read() as db:
        query = select(users_table.c.locked_until).where(users_table.c.email == email)
        until = db.scalar(query)
    return (until - utc_now()).total_seconds() if until else 0.0


def test_a_stranger_is_led_to_the_login_page_and_back(stranger: Visitor, cast: None) -> None:
    answer = stranger.client.get("/calls?status=missed")
    assert answer.headers["Location"] == "/login?next=/calls?status%3Dmissed"
    status, target = stranger.sign_in(VERA.email, PASSWORD, next="/calls?status=missed")
    assert (status, target) == (302, "/calls?status=missed")
    assert stranger.client.get(target).status_code == 200


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)",
     "/\t/evil.example", "", "calls"],
)  # fmt: skip
def test_login_leads_to_own_pages_only(stranger: Visitor, cast: None, target: str) -> None:
    assert stranger.sign_in(VERA.email, PASSWORD, next=target) == (302, "/")


def test_htmx_of_an_ended_session_is_led_to_the_login_page(stranger: Visitor) -> None:
    answer = stranger.client.get("/clients", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login")


def test_an_unknown_email_and_a_wrong_password_look_the_same(stranger: Visitor, cast: None) -> None:
    pages = []
    for email in (VERA.email, "nobody@example.ru"):
        answer = stranger.client.post(
            "/login",
            data={"csrf_token": stranger.token(), "email": email, "password": "not this one"},
        )
        assert answer.status_code == 401
        page = re.sub(r'content="[^"]+"|name="csrf_token" value="[^"]+"', "", answer.text)
        pages.append(page.replace(email, "…"))
    assert pages[0] == pages[1]
    assert "Неверный e-mail или пароль" in pages[0]


def test_the_email_may_be_written_in_any_case(stranger: Visitor, cast: None) -> None:
    assert stranger.sign_in("  VERA@Example.RU ", PASSWORD)[0] == 302


def test_after_five_mistakes_even_the_right_password_waits(sqlite_store: Store, cast: None) -> None:
    database = sqlite_store.database
    for _ in range(users.FREE_TRIES):
        assert users.authenticate(database, VERA.email, "wrong") is None
    assert 0 < wait_of(sqlite_store, VERA.email) <= users.FIRST_WAIT_SECONDS
    assert users.authenticate(database, VERA.email, PASSWORD) is None
    assert users.authenticate(database, ALICE.email, PASSWORD) is not None
    unlock(sqlite_store)
    assert users.authenticate(database, VERA.email, "wrong") is None
    assert wait_of(sqlite_store, VERA.email) > users.FIRST_WAIT_SECONDS
    unlock(sqlite_store)
    assert users.authenticate(database, VERA.email, PASSWORD) is not None
    assert wait_of(sqlite_store, VERA.email) == 0


def test_the_wait_has_an_upper_bound(sqlite_store: Store, cast: None) -> None:
    with sqlite_store.database.write() as db:
        db.execute(update(users_table).values(failed_logins=5000))
    users.authenticate(sqlite_store.database, VERA.email, "wrong")
    assert wait_of(sqlite_store, VERA.email) <= users.LONGEST_WAIT_SECONDS


def test_an_inactive_user_is_refused_and_their_session_ends(
    sign_in: SignIn, sqlite_store: Store
) -> None:
    vera = sign_in(VERA)
    with sqlite_store.database.write() as db:
        db.execute(update(users_table).values(is_active=False))
    assert vera.client.get("/").status_code == 302
    assert users.authenticate(sqlite_store.database, VERA.email, PASSWORD) is None


def test_signing_out_ends_the_session(sign_in: SignIn) -> None:
    vera = sign_in(VERA)
    assert vera.post("/logout") == (302, "/login")
    assert vera.client.get("/").status_code == 302


def test_a_changed_password_ends_the_other_sessions(sign_in: SignIn) -> None:
    here, elsewhere = sign_in(VERA), sign_in(VERA)
    new = "sovsem-drugoi-parol"
    here.post("/profile/password", current=PASSWORD, new=new, repeat=new)
    assert "Пароль сменён" in here.get("/profile")
    assert elsewhere.client.get("/").status_code == 302
    assert Visitor(here.client.application.test_client()).sign_in(VERA.email, new)[0] == 302


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"current": "wrong", "new": "long enough 1", "repeat": "long enough 1"}, "указан неверно"),
        ({"current": PASSWORD, "new": "long enough 1", "repeat": "other"}, "не совпадают"),
        ({"current": PASSWORD, "new": "short", "repeat": "short"}, "слишком короткий"),
    ],
)
def test_a_password_is_changed_only_with_care(
    sign_in: SignIn, sqlite_store: Store, fields: dict[str, str], said: str
) -> None:
    vera = sign_in(VERA)
    vera.post("/profile/password", **fields)
    assert said in vera.get("/profile")
    assert users.authenticate(sqlite_store.database, VERA.email, PASSWORD) is not None


def test_an_idle_session_ends(site: Flask, sign_in: SignIn) -> None:
    vera = sign_in(VERA)
    assert site.permanent_session_lifetime == timedelta(minutes=480)
    site.permanent_session_lifetime = timedelta(seconds=-1)
    assert vera.client.get("/").status_code == 302


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    stranger: Visitor, cast: None
) -> None:
    data = {"csrf_token": stranger.token(), "email": VERA.email, "password": PASSWORD}
    answer = stranger.client.post("/login", data=data)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    page = stranger.client.get("/", base_url="https://hub.example")
    assert page.headers["Location"].startswith("/login")
    safe = stranger.client.get("/login", base_url="https://hub.example")
    assert "Secure" in safe.headers["Set-Cookie"]


def test_the_language_is_the_users_own(sign_in: SignIn) -> None:
    gleb = sign_in(GLEB)
    assert "Клиенты" in gleb.get("/clients")
    gleb.post("/language", language="en", next="/clients")
    assert "Any part" not in gleb.get("/clients")
    assert '<h1 class="page-title">Clients</h1>' in gleb.get("/clients")
    again = sign_in(GLEB)
    assert '<html lang="en">' in again.get("/")
    gleb.post("/language", language="de")
    assert '<html lang="en">' in gleb.get("/")


def test_users_are_made_with_a_password_that_can_be_read_out(sqlite_store: Store) -> None:
    database = sqlite_store.database
    user_id, password = users.create_user(database, "New@Example.ru", "Новый", "manager")
    assert re.fullmatch(r"([a-z]{4}-){4}\d{3}", password)
    found = users.authenticate(database, "new@example.ru", password)
    assert found is not None
    assert (found.id, found.name, found.role) == (user_id, "Новый", "manager")


@pytest.mark.parametrize(
    ("email", "role", "password"),
    [
        ("vera@example.ru", "manager", None),
        ("no address", "manager", None),
        ("new@example.ru", "boss", None),
        ("new@example.ru", "manager", "short"),
    ],
)
def test_a_user_that_makes_no_sense_is_refused(
    sqlite_store: Store, cast: None, email: str, role: str, password: str | None
) -> None:
    with pytest.raises(ConfigError):
        users.create_user(sqlite_store.database, email, "Кто-то", role, password)


def test_a_user_is_no_secret_keeper(sqlite_store: Store, scene: Scene) -> None:
    assert "hash" not in repr(users.list_users(sqlite_store.database))
