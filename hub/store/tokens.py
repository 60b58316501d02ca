"""API tokens: only their SHA-256 is kept, each has a role and may expire."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from hub.sdk.errors import ConfigError
from hub.store.database import Database, utc_now
from hub.store.models import tokens
from hub.store.users import ROLES

PREFIX = "uzel_"
CACHE_SECONDS = 5.0
MAX_CACHED = 1000
USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class TokenInfo:
    """Whose token it is and what it may do."""

    id: int
    name: str
    role: str
    expires_at: datetime | None = None
    #: «area:read», «area:write»; None: all that the role may do.
    scopes: frozenset[str] | None = None

    def may(self, area: str, *, write: bool) -> bool:
        """Whether the token's scopes reach so far; its role must do so too."""
        return self.scopes is None or f"{area}:{'write' if write else 'read'}" in self.scopes

    @property
    def actor(self) -> str:
        """The name under which the token's deeds are kept."""
        return f"token:{self.name or self.id}"


_lock = threading.Lock()
_known: dict[tuple[str, str], tuple[float, TokenInfo]] = {}


def create(
    database: Database,
    name: str,
    role: str,
    expires_at: datetime | None = None,
    *,
    scopes: Sequence[str] | None = None,
    author: str = "",
) -> str:
    """Make a token and return it; it cannot be shown again. ConfigError for an unknown role."""
    if role not in ROLES:
        raise ConfigError(f"must be one of: {', '.join(ROLES)}", place="role")
    token = PREFIX + secrets.token_urlsafe(32)
    values = {
        "name": name,
        "role": role,
        "token_hash": _hash(token),
        "created_at": utc_now(),
        "expires_at": expires_at,
        "scopes": None if scopes is None else sorted(set(scopes)),
        "created_by": author,
    }
    with database.write() as db:
        db.execute(insert(tokens).values(values))
    return token


def verify(database: Database, token: str) -> TokenInfo | None:
    """Whose token this is; None for one that is unknown, expired or revoked.

    A revoked token may be taken for up to 5 seconds by processes that have just seen it.
    """
    if not token.startswith(PREFIX):
        return None
    key = (database.url, _hash(token))
    now = utc_now()
    with _lock:
        found = _known.get(key)
    if found is not None and time.monotonic() - found[0] < CACHE_SECONDS:
        return found[1] if _is_live(found[1], now) else None
    info = _look_up(database, key[1], now)
    with _lock:
        if info is None or len(_known) >= MAX_CACHED:
            _known.pop(key, None) if info is None else _known.clear()
        if info is not None:
            _known[key] = (time.monotonic(), info)
    return info


def revoke(database: Database, token_id: int) -> bool:
    """Make a token worthless for ever; False when it was already, or never was."""
    with database.write() as db:
        done = db.execute(
            update(tokens)
            .where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
            .values(revoked_at=utc_now())
        )
    with _lock:
        _known.clear()
    return bool(done.rowcount)


def list_all(database: Database) -> list[dict[str, Any]]:
    """Every token without its text, the newest first; those revoked long ago come last."""
    query = select(*(column for column in tokens.c if column.name != "token_hash"))
    order = (tokens.c.revoked_at.is_not(None), tokens.c.id.desc())
    with database.read() as db:
        return [dict(row) for row in db.execute(query.order_by(*order).limit(500)).mappings()]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _is_live(info: TokenInfo, now: datetime) -> bool:
    return info.expires_at is None or info.expires_at > now


def _look_up(database: Database, token_hash: str, now: datetime) -> TokenInfo | None:
    with database.read() as db:
        row = db.execute(
            select(tokens).where(tokens.c.token_hash == token_hash, tokens.c.revoked_at.is_(None))
        ).first()
    if row is None:
        return None
    scopes = None if row.scopes is None else frozenset(row.scopes)
    info = TokenInfo(row.id, row.name, row.role, row.expires_at, scopes)
    if not _is_live(info, now):
        return None
    if row.last_used_at is None or row.last_used_at < now - USED_EVERY:
        with database.write() as db:
            db.execute(update(tokens).where(tokens.c.id == row.id).values(last_used_at=now))
    return info
