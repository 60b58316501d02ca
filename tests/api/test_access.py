"""Who may do what: tokens and roles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from hub.sdk.errors import ConfigError
from hub.store import tokens
from hub.store.database import utc_now
from hub.store.models import audit
from hub.store.models import tokens as tokens_table
from hub.store.store import Store
from tests.api.conftest import Caller
from tests.support.people import IRINA
from tests.support.rows import Rows

Make = Callable[[str], Caller]
ROLES = ("admin", "head", "manager", "auditor")
#: (method, path, body, roles that get past the guard)
TABLE = [
    ("GET", "/contacts", None, {"admin", "head", "manager", "auditor"}),
    ("GET", "/stock", None, {"admin", "head", "manager", "auditor"}),
    ("GET", "/contacts/1/timeline", None, {"admin", "head", "manager", "auditor"}),
    ("PATCH", "/contacts/1", {}, {"admin", "head", "manager"}),
    ("POST", "/tasks", {"title": "Позвонить"}, {"admin", "head", "manager"}),
    ("GET", "/contacts/1/notes", None, {"admin", "head", "manager", "auditor"}),
    ("POST", "/contacts/1/notes", {"text": "x"}, {"admin", "head", "manager"}),
    ("POST", "/calls/1/call-back", {"manager": "a@example.ru"}, {"admin", "head", "manager"}),
    ("GET", "/merges", None, {"admin", "head", "manager", "auditor"}),
    ("POST", "/contacts/1/merge", {"other_id": 2}, {"admin", "head"}),
    ("POST", "/merges/1/undo", None, {"admin", "head"}),
    ("GET", "/reports/calls", None, {"admin", "head", "auditor"}),
    ("GET", "/reports/figures", None, {"admin", "head", "auditor"}),
    ("GET", "/events", None, {"admin", "auditor"}),
    ("POST", "/events/1/replay", {}, {"admin"}),
    ("GET", "/deliveries", None, {"admin", "auditor"}),
    ("POST", "/deliveries/1/replay", None, {"admin"}),
    ("GET", "/connections", None, {"admin", "auditor"}),
    ("PUT", "/connections/mail", {"connector": "mailgun"}, {"admin"}),
    ("POST", "/connections/mail/pause", {}, {"admin"}),
    ("GET", "/replays", None, {"admin", "auditor"}),
    ("POST", "/replays", {"ids": [1], "mode": "dry"}, {"admin"}),
    ("GET", "/sync-runs", None, {"admin", "auditor"}),
    ("POST", "/sync-runs", {"connection": "x", "stream": "y"}, {"admin"}),
    ("GET", "/rejections", None, {"admin", "auditor"}),
    ("GET", "/reconciliations", None, {"admin", "auditor"}),
    ("GET", "/mappings", None, {"admin", "auditor"}),
]


def test_roles_get_past_the_guard_where_they_should_and_nowhere_else(caller: Make) -> None:
    callers = {role: caller(role) for role in ROLES}
    for method, path, body, allowed in TABLE:
        for role in ROLES:
            answer = callers[role](method, path, json=body)
            assert (answer.status_code != 403) == (role in allowed), f"{role}: {method} {path}"
            assert answer.status_code != 401


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer nonsense", "Bearer uzel_nonsense", "Basic dTpw", "Bearer é"]
)
def test_without_a_valid_token_it_says_401(app: Flask, header: str) -> None:
    headers = {"Authorization": header} if header else {}
    answer = app.test_client().get("/api/v1/contacts", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.mimetype == "application/problem+json"


def test_token_is_kept_only_as_a_hash(store: Store) -> None:
    token = tokens.create(store.database, "shop", "manager")
    assert token.startswith("uzel_")
    with store.database.read() as db:
        row = db.execute(select(tokens_table)).one()
    assert token not in str(row)
    info = tokens.verify(store.database, token)
    assert info is not None
    assert (info.role, info.actor) == ("manager", "token:shop")


def test_revoked_token_is_refused_at_once_in_this_process(store: Store) -> None:
    token = tokens.create(store.database, "shop", "admin")
    info = tokens.verify(store.database, token)
    assert info is not None
    assert tokens.revoke(store.database, info.id)
    assert tokens.verify(store.database, token) is None
    assert not tokens.revoke(store.database, info.id)


def test_token_expires_even_while_it_is_remembered(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.create(store.database, "shop", "admin", utc_now() + timedelta(hours=1))
    assert tokens.verify(store.database, token) is not None
    later = utc_now() + timedelta(hours=2)
    monkeypatch.setattr(tokens, "utc_now", lambda: later)
    assert tokens.verify(store.database, token) is None


def test_last_use_is_written_at_most_once_a_minute(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "CACHE_SECONDS", 0.0)
    token = tokens.create(store.database, "shop", "admin")

    def last_used() -> object:
        tokens.verify(store.database, token)
        with store.database.read() as db:
            return db.scalar(select(tokens_table.c.last_used_at))

    first = last_used()
    assert first is not None
    assert last_used() == first
    with store.database.write() as db:
        db.execute(update(tokens_table).values(last_used_at=utc_now() - timedelta(minutes=2)))
    assert last_used() != first


def test_unknown_role_is_refused(store: Store) -> None:
    with pytest.raises(ConfigError, match="role"):
        tokens.create(store.database, "shop", "owner")


def test_a_look_at_a_contact_is_kept_in_the_audit_log(
    store: Store, rows: Rows, caller: Make
) -> None:
    contact = rows.contact(IRINA)
    caller("auditor").get(f"/contacts/{contact}")
    with store.database.read() as db:
        entry = db.execute(select(audit).where(audit.c.action == "viewed")).one()
    assert (entry.actor, entry.subject, entry.subject_id) == (
        "token:auditor's",
        "contact",
        str(contact),
    )
