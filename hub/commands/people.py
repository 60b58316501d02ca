"""`hub users` and `hub tokens`: who signs in, and which programs call the API."""

from __future__ import annotations

import sys
from datetime import timedelta

import click
from sqlalchemy import select

from hub.commands.output import as_json, note, show_rows
from hub.commands.session import ACTOR, Session, pass_session
from hub.sdk.errors import ConfigError
from hub.store import audit, staff
from hub.store import tokens as token_store
from hub.store import users as user_store
from hub.store.database import utc_now
from hub.store.models import tokens as tokens_table
from hub.store.store import Store

USER_COLUMNS = ("id", "email", "name", "role", "is_active", "last_login_at")
TOKEN_COLUMNS = ("id", "name", "role", "created_at", "expires_at", "last_used_at", "revoked_at")


@click.group(help="Пользователи сайта · People who sign in")
def users() -> None:
    """People."""


@users.command("add", help="Добавить пользователя · Add a user; prints the password")
@click.argument("email")
@click.option("--name", default="", help="имя · name")
@click.option("--role", default="manager", show_default=True, help=" | ".join(user_store.ROLES))
@click.option("--password-stdin", is_flag=True, help="пароль из stdin · read the password")
@pass_session
def add(session: Session, email: str, name: str, role: str, password_stdin: bool) -> None:
    """Add a user; a password made here is printed alone on the last line."""
    given = _password() if password_stdin else None
    key, password = user_store.create_user(session.store.database, email, name, role, given)
    _log(session.store, "created", "user", key, {"role": role})
    click.echo(f"пользователь {email} ({role}) добавлен · user added")
    if given is None:
        click.echo(password)


@users.command("list", help="Список пользователей · List users")
@as_json
@pass_session
def list_users(session: Session, as_json: bool) -> None:
    """Every user, without passwords."""
    found = user_store.list_users(session.store.database)
    rows = [{name: getattr(row, name) for name in (*USER_COLUMNS, "language")} for row in found]
    show_rows(rows, USER_COLUMNS, as_json, "пользователей нет · no users")


@users.command("code-off", help="Отключить код с телефона · Take the code from the phone off")
@click.argument("email")
@pass_session
def code_off(session: Session, email: str) -> None:
    """For whoever lost the phone and the recovery codes; their sessions end."""
    row = _found(session.store, email)
    if not staff.reset_factor(session.store.database, row.id):
        raise ConfigError(f"{row.email} has no code from the phone")
    _log(session.store, "reset second factor", "user", row.id, {})
    click.echo(f"{row.email}: код отключён · the code is off")


@users.command("password", help="Новый пароль · Set a new password; prints it")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="пароль из stdin · read the password")
@pass_session
def password(session: Session, email: str, password_stdin: bool) -> None:
    """Set a new password and end the user's sessions."""
    row = _found(session.store, email)
    chosen = _password() if password_stdin else user_store.readable_password()
    user_store.change_password(session.store.database, row.id, chosen)
    _log(session.store, "changed", "user", row.id, {"password": "new"})
    click.echo("пароль заменён · the password is changed")
    if not password_stdin:
        click.echo(chosen)


def _found(store: Store, email: str) -> user_store.UserRow:
    wanted = user_store.normalise(email)
    for row in user_store.list_users(store.database):
        if row.email == wanted:
            return row
    raise ConfigError(f"there is no user {email}")


def _password() -> str:
    return sys.stdin.readline().rstrip("\n")


@click.group(help="Ключи для API · API tokens")
def tokens() -> None:
    """Tokens of programs."""


@tokens.command("create", help="Создать ключ · Make a token; it is shown once")
@click.option("--role", required=True, help=" | ".join(user_store.ROLES))
@click.option("--name", default="", help="для чего · what it is for")
@click.option("--days", type=click.IntRange(1), help="срок, дней · days until it expires")
@pass_session
def create(session: Session, role: str, name: str, days: int | None) -> None:
    """Print a new token alone on the last line."""
    expires = utc_now() + timedelta(days=days) if days else None
    token = token_store.create(session.store.database, name, role, expires)
    _log(session.store, "created", "token", name, {"role": role})
    note("ключ показан один раз · the token is shown only once")
    click.echo(token)


@tokens.command("list", help="Список ключей · List tokens")
@as_json
@pass_session
def list_tokens(session: Session, as_json: bool) -> None:
    """Every token without its text."""
    columns = (tokens_table.c[name] for name in TOKEN_COLUMNS)
    with session.store.database.read() as db:
        rows = db.execute(select(*columns).order_by(tokens_table.c.id)).mappings()
        found = [dict(row) for row in rows]
    show_rows(found, TOKEN_COLUMNS, as_json, "ключей нет · no tokens")


@tokens.command("revoke", help="Отозвать ключ · Make a token worthless")
@click.argument("token_id", type=int)
@pass_session
def revoke(session: Session, token_id: int) -> None:
    """Revoke a token for good."""
    if not token_store.revoke(session.store.database, token_id):
        raise ConfigError(f"there is no live token {token_id}")
    _log(session.store, "revoked", "token", token_id, {})
    click.echo(f"{token_id}: отозван · revoked")


def _log(
    store: Store, action: str, subject: str, subject_id: object, details: dict[str, str]
) -> None:
    with store.database.write() as db:
        audit.record(db, ACTOR, action, subject, subject_id, details)
