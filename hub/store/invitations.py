"""One-time links: an invitation to become a user, a new password for one who is."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.sdk.errors import Rejected
from hub.store import users as user_store
from hub.store.database import Database, utc_now
from hub.store.models import invitations, users

INVITE, RESET = "invite", "reset"
INVITE_LIFE = timedelta(days=7)
RESET_LIFE = timedelta(hours=2)
#: Links for a new password that one user gets by mail within an hour, whoever asks for them.
RESETS_AN_HOUR = 3


@dataclass(frozen=True)
class Invitation:
    """A link that is still good, and for whom."""

    id: int
    kind: str
    email: str
    name: str
    role: str
    user_id: int | None
    expires_at: datetime


def invite(database: Database, email: str, name: str, role: str, author: str) -> tuple[int, str]:
    """A link by which somebody becomes a user; returns its id and its secret, shown once.

    A former link to the same address is worthless from now on. ConfigError for an unknown role or
    what is no e-mail; Rejected when the address is a user's already.
    """
    address = user_store.check_email(email)
    user_store.check_role(role)
    with database.write() as db:
        if db.scalar(select(users.c.id).where(users.c.email == address)) is not None:
            raise Rejected(f"{address} is a user already")
        _revoke(db, invitations.c.email == address, invitations.c.kind == INVITE)
        return _add(db, INVITE, address, name.strip()[:200], role, None, author, INVITE_LIFE)


def reset_link(database: Database, user_id: int, author: str) -> tuple[int, str]:
    """A link by which a user sets a new password; the former ones are worthless from now on."""
    with database.write() as db:
        row = db.execute(select(users).where(users.c.id == user_id)).one()
        _revoke(db, invitations.c.user_id == user_id, invitations.c.kind == RESET)
        return _add(db, RESET, row.email, row.name, row.role, user_id, author, RESET_LIFE)


def forgotten(database: Database, email: str) -> tuple[str, str] | None:
    """(address, secret) of a link for whoever forgot the password; None when none is to be sent:
    nobody active has this address, or several were sent within the hour."""
    address = user_store.normalise(email)
    with database.write() as db:
        query = select(users.c.id).where(users.c.email == address, users.c.is_active)
        user_id = db.scalar(query.with_for_update())
        if user_id is None:
            return None
        recent = (
            select(func.count())
            .select_from(invitations)
            .where(invitations.c.email == address, invitations.c.kind == RESET)
            .where(invitations.c.created_at > utc_now() - timedelta(hours=1))
        )
        if (db.scalar(recent) or 0) >= RESETS_AN_HOUR:
            return None
    return address, reset_link(database, user_id, address)[1]


def find(database: Database, secret: str) -> Invitation | None:
    """The link of this secret, while it is good."""
    names = Invitation.__dataclass_fields__
    query = select(*(invitations.c[name] for name in names)).where(
        invitations.c.token_hash == _hash(secret), *_good()
    )
    with database.read() as db:
        row = db.execute(query).first()
    return Invitation(**{name: getattr(row, name) for name in names}) if row else None


def accept(database: Database, secret: str, name: str, password: str) -> int | None:
    """Use a link up: make the user, or set the password and end their sessions. Returns the user's
    id; None when the link is not good any more. ConfigError when the password is too short."""
    kept = user_store.hash_password(password)
    try:
        with database.write() as db:
            return _accept(db, secret, name.strip()[:200], kept)
    except IntegrityError:
        # Somebody made a user of this address by another way meanwhile.
        return None


def _accept(db: Connection, secret: str, name: str, kept: str) -> int | None:
    done = db.execute(
        update(invitations)
        .where(invitations.c.token_hash == _hash(secret), *_good())
        .values(used_at=utc_now())
        .returning(invitations)
    ).first()
    if done is None:
        return None
    if done.kind == RESET:
        changed = db.execute(
            update(users)
            .where(users.c.id == done.user_id, users.c.is_active)
            .values(
                password_hash=kept,
                session_epoch=users.c.session_epoch + 1,
                failed_logins=0,
                locked_until=None,
            )
        )
        return int(done.user_id) if changed.rowcount else None
    values = {
        "email": done.email,
        "name": name or done.name or done.email,
        "role": done.role,
        "password_hash": kept,
        "created_at": utc_now(),
    }
    return int(db.execute(insert(users).values(values).returning(users.c.id)).scalar_one())


def revoke(database: Database, invitation_id: int) -> bool:
    """Make a link worthless; False when it was already."""
    with database.write() as db:
        return _revoke(db, invitations.c.id == invitation_id) > 0


def list_open(database: Database) -> list[dict[str, Any]]:
    """Invitations that nobody has taken up yet and that are still good, the newest first."""
    query = select(invitations).where(invitations.c.kind == INVITE, *_good())
    with database.read() as db:
        rows = db.execute(query.order_by(invitations.c.id.desc()).limit(200)).mappings()
        return [dict(row) for row in rows]


def _add(
    db: Connection,
    kind: str,
    email: str,
    name: str,
    role: str,
    user_id: int | None,
    author: str,
    life: timedelta,
) -> tuple[int, str]:
    secret, now = secrets.token_urlsafe(32), utc_now()
    values = {
        "kind": kind,
        "email": email,
        "name": name,
        "role": role,
        "user_id": user_id,
        "token_hash": _hash(secret),
        "created_by": author,
        "created_at": now,
        "expires_at": now + life,
    }
    done = db.execute(insert(invitations).values(values).returning(invitations.c.id))
    return int(done.scalar_one()), secret


def _good() -> tuple[ColumnElement[bool], ...]:
    return (
        invitations.c.used_at.is_(None),
        invitations.c.revoked_at.is_(None),
        invitations.c.expires_at > utc_now(),
    )


def _revoke(db: Connection, *which: ColumnElement[bool]) -> int:
    unused = (invitations.c.used_at.is_(None), invitations.c.revoked_at.is_(None))
    done = db.execute(update(invitations).where(*which, *unused).values(revoked_at=utc_now()))
    return int(done.rowcount)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
