"""Sign-on with the company's identity provider: who gets in, and what is not believed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from flask import Flask
from joserfc.jwk import RSAKey

from hub.store import staff, users
from hub.store.store import Store
from hub.web import oidc
from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, Provider
from tests.support.people import ALICE, VERA
from tests.web.conftest import Visitor
from tests.web.scene import PASSWORD, add_people


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    started = Provider({})
    yield started
    started.stop()


@pytest.fixture
def company(provider: Provider, sqlite_store: Store, site: Flask) -> Provider:
    """The company's provider, which knows Vera."""
    oidc.forget()
    add_people(sqlite_store)
    provider.person = {"sub": "v-1", "email": VERA.email, "email_verified": True, "name": "Вера"}
    provider.forged, provider.signing_key = {}, provider.key
    sqlite_store.settings.file["oidc"] = {  # type: ignore[index]  # a dictionary in tests
        "issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
    }  # fmt: skip
    return provider


def go(visitor: Visitor, company: Provider, **changes: str) -> str:
    """Sign on; returns where it leads, with these parameters of the way back changed."""
    leaving = visitor.client.get("/login/sso?next=/calls").headers["Location"]
    assert leaving.startswith(f"{company.issuer}/authorize?")
    back = _leads_to(leaving)
    query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()} | changes
    return visitor.client.get("/login/sso/back", query_string=query).headers["Location"]


def _leads_to(address: str) -> str:
    try:
        build_opener(_Stay).open(address)
    except OSError as error:
        return str(error.headers["Location"])  # type: ignore[attr-defined]  # an HTTPError
    raise AssertionError("no redirect")


def said(visitor: Visitor) -> str:
    return visitor.client.get("/login").text


def test_a_known_colleague_comes_in_and_is_known_again(
    stranger: Visitor, company: Provider, sqlite_store: Store
) -> None:
    assert go(stranger, company) == "/calls"
    assert VERA.name in stranger.get("/profile")
    # From now on the subject counts, whatever the address becomes.
    company.person["email"] = "vera.new@example.ru"
    again = Visitor(stranger.client.application.test_client())
    assert go(again, company) == "/calls"
    assert VERA.email in again.get("/profile")
    assert staff.by_subject(sqlite_store.database, f"{company.issuer} v-1") is not None


@pytest.mark.parametrize(
    ("forged", "changes"),
    [
        ({"nonce": "another"}, {}),
        ({"aud": "somebody-else"}, {}),
        ({"iss": "https://evil.example"}, {}),
        ({"exp": 1000}, {}),
        ({}, {"state": "guessed"}),
        ({}, {"code": "guessed"}),
        ({"email_verified": False}, {}),
        ({"email": "stranger@example.ru", "sub": "s"}, {}),
    ],
    ids=["nonce", "audience", "issuer", "expired", "state", "code", "unverified", "unknown"],
)
def test_what_must_not_be_believed(
    stranger: Visitor, company: Provider, forged: dict[str, Any], changes: dict[str, str]
) -> None:
    company.forged = forged
    assert go(stranger, company, **changes) == "/login"
    assert "Войти не удалось" in said(stranger)
    assert stranger.client.get("/").status_code == 302


def test_a_token_of_another_key_is_refused(stranger: Visitor, company: Provider) -> None:
    company.signing_key = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
    assert go(stranger, company) == "/login"
    assert "нельзя доверять" in said(stranger)


def test_groups_give_roles_and_new_users(
    stranger: Visitor, company: Provider, sqlite_store: Store
) -> None:
    options: Any = sqlite_store.settings.file["oidc"]
    options |= {
        "create_users": True, "role_claim": "realm.groups", "roles": {"head": ["sales-heads"]},
        "allowed_domains": ["example.ru"], "only": True,
    }  # fmt: skip
    company.person = {"sub": "n-1", "email": "new@example.ru", "realm": {"groups": ["sales-heads"]}}
    assert go(stranger, company) == "/calls"
    found = {row.email: row for row in users.list_users(sqlite_store.database)}
    assert found["new@example.ru"].role == "head"
    company.person = {"sub": "o-1", "email": "other@elsewhere.ru", "email_verified": True,
                      "realm": {"groups": ["sales-heads"]}}  # fmt: skip
    other = Visitor(stranger.client.application.test_client())
    assert go(other, company) == "/login"
    # «only»: a password still lets admins in, and nobody else.
    assert other.sign_in(VERA.email, PASSWORD)[0] == 401
    assert other.sign_in(ALICE.email, PASSWORD)[0] == 302
