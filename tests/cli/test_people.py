"""`hub users` and `hub tokens`."""

from __future__ import annotations

from hub.store import second_factor, tokens, users
from hub.store.models import totp
from tests.cli.conftest import Cli
from tests.support.hub import Hub


def test_a_user_is_added_with_a_password_shown_once(cli: Cli, inside: Hub) -> None:
    added = cli("users", "add", "Anna@Example.ru", "--role", "head", "--name", "Анна")
    assert users.authenticate(inside.store.database, "anna@example.ru", added.last_line)
    (row,) = cli("users", "list", "--json").json
    assert (row["email"], row["role"], row["name"]) == ("anna@example.ru", "head", "Анна")
    assert "password" not in str(row)
    assert "already" in cli("users", "add", "anna@example.ru", code=1).err
    assert "one of admin" in cli("users", "add", "b@example.ru", "--role", "boss", code=1).err


def test_an_own_password_is_read_and_not_shown(cli: Cli, inside: Hub) -> None:
    own = "a password of my own"
    added = cli("users", "add", "b@example.ru", "--password-stdin", stdin=f"{own}\n")
    assert own not in added.out
    assert users.authenticate(inside.store.database, "b@example.ru", own)
    short = cli("users", "add", "c@example.ru", "--password-stdin", stdin="short\n", code=1)
    assert "10 characters" in short.err


def test_a_new_password(cli: Cli, inside: Hub) -> None:
    former = cli("users", "add", "anna@example.ru").last_line
    new = cli("users", "password", "ANNA@example.ru").last_line
    assert new != former
    assert users.authenticate(inside.store.database, "anna@example.ru", new)
    assert not users.authenticate(inside.store.database, "anna@example.ru", former)
    assert "no user" in cli("users", "password", "other@example.ru", code=1).err


def test_the_code_of_a_lost_phone_is_taken_off(cli: Cli, inside: Hub) -> None:
    cli("users", "add", "anna@example.ru")
    assert "no code" in cli("users", "code-off", "anna@example.ru", code=1).err
    second_factor.begin(inside.store, 1, "anna@example.ru")
    cli("users", "code-off", "Anna@example.ru")
    assert inside.rows(totp) == []


def test_a_token_stands_alone_on_the_last_line(cli: Cli, inside: Hub) -> None:
    made = cli("tokens", "create", "--role", "auditor", "--name", "BI", "--days", "30")
    info = tokens.verify(inside.store.database, made.last_line)
    assert info is not None
    assert (info.role, info.name) == ("auditor", "BI")
    (row,) = cli("tokens", "list", "--json").json
    assert row["role"] == "auditor"
    assert row["expires_at"]
    assert made.last_line not in str(row)
    cli("tokens", "revoke", str(row["id"]))
    assert tokens.verify(inside.store.database, made.last_line) is None
    assert "no live token" in cli("tokens", "revoke", str(row["id"]), code=1).err
    assert "one of" in cli("tokens", "create", "--role", "boss", code=1).err
