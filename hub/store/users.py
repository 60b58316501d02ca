"""People who sign in: roles, passwords (argon2id), login throttling, ending of sessions."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.sdk.errors import ConfigError
from hub.store import audit
from hub.store.database import Database, utc_now
from hub.store.models import users

ADMIN, HEAD, MANAGER, AUDITOR = ROLES = ("admin", "head", "manager", "auditor")
MIN_PASSWORD_CHARACTERS = 10
MAX_PASSWORD_CHARACTERS = 200
#: Wrong passwords in a row before the account waits; each further one doubles the wait.
FREE_TRIES = 5
FIRST_WAIT_SECONDS = 30
LONGEST_WAIT_SECONDS = 15 * 60
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_hasher = PasswordHasher()
# Companies name their own networks so: people there sign in with ivanov@company.local.
SPECIAL_USE_DOMAIN_NAMES[:] = [name for name in SPECIAL_USE_DOMAIN_NAMES if name != "local"]


@dataclass(frozen=True)
class UserRow:
    """A user as pages need them: no password hash."""

    id: int
    email: str
    name: str
    role: str
    language: str
    is_active: bool
    session_epoch: int
    last_login_at: datetime | None
    #: They asked for reminders of their tasks by mail.
    task_mail: bool


_COLUMNS = tuple(users.c[name] for name in UserRow.__dataclass_fields__)


def create_user(
    database: Database, email: str, name: str, role: str, password: str | None = None
) -> tuple[int, str]:
    """Add a user; returns their id and password, a readable one made here when None is given.

    ConfigError for an unknown role, an e-mail that is none or is taken, a password too short.
    """
    check_role(role)
    address = check_email(email)
    chosen = readable_password() if password is None else password
    check_password(chosen)
    values = {
        "email": address,
        "name": name.strip() or address,
        "role": role,
        "password_hash": _hasher.hash(chosen),
        "created_at": utc_now(),
    }
    try:
        with database.write() as db:
            done = db.execute(insert(users).values(**values).returning(users.c.id))
            return int(done.scalar_one()), chosen
    except IntegrityError as error:
        raise ConfigError(f"there is a user {address} already", place="email") from error


def authenticate(database: Database, email: str, password: str) -> UserRow | None:
    """The active user with this e-mail and password; None when refused, whatever the reason.

    After FREE_TRIES wrong passwords the account refuses even the right one for a growing time.
    An unknown e-mail costs the same work as a known one.
    """
    with database.read() as db:
        query = select(users.c.id, users.c.password_hash)
        found = db.execute(query.where(users.c.email == normalise(email))).first()
    # Who signs on elsewhere has no password here: that must not show in the time taken either.
    kept = found.password_hash if found else ""
    right = _verify(kept or _dummy_hash(), password)
    if found is None:
        return None
    now = utc_now()
    with database.write() as db:
        row = db.execute(select(users).where(users.c.id == found.id).with_for_update()).one()
        if row.locked_until is not None and row.locked_until > now:
            return None
        values = _after_try(row, right, password, now)
        if values["locked_until"] is not None:
            details = {"mistakes": values["failed_logins"]}
            audit.record(db, row.email, "mistake the password", "user", row.id, details)
        db.execute(update(users).where(users.c.id == row.id).values(**values))
        return as_user(row) if right and row.is_active else None


def _after_try(row: Any, right: bool, password: str, now: datetime) -> dict[str, Any]:
    if not right:
        failed = row.failed_logins + 1
        return {"failed_logins": failed, "locked_until": wait_after(failed, now)}
    values: dict[str, Any] = {"failed_logins": 0, "locked_until": None, "last_login_at": now}
    if _hasher.check_needs_rehash(row.password_hash):
        values["password_hash"] = _hasher.hash(password)
    return values


def wait_after(failed: int, now: datetime) -> datetime | None:
    """Until when so many mistakes in a row close an account; None while they are free."""
    if failed < FREE_TRIES:
        return None
    doublings = min(failed - FREE_TRIES, 10)
    wait = min(FIRST_WAIT_SECONDS * 2**doublings, LONGEST_WAIT_SECONDS)
    return now + timedelta(seconds=wait)


def get_user(database: Database, user_id: int) -> UserRow | None:
    """The user with this id, active or not."""
    with database.read() as db:
        row = db.execute(select(*_COLUMNS).where(users.c.id == user_id)).first()
    return as_user(row) if row else None


def list_users(database: Database) -> list[UserRow]:
    """Every user, by name."""
    with database.read() as db:
        rows = db.execute(select(*_COLUMNS).order_by(users.c.name, users.c.id)).all()
    return [as_user(row) for row in rows]


def verify_password(database: Database, user_id: int, password: str) -> bool:
    """Whether this is the user's password."""
    with database.read() as db:
        kept = db.scalar(select(users.c.password_hash).where(users.c.id == user_id))
    return kept is not None and _verify(kept, password)


def hash_password(password: str) -> str:
    """What is kept of a password. ConfigError when it is too short, or absurdly long."""
    check_password(password)
    return _hasher.hash(password)


def change_password(database: Database, user_id: int, password: str) -> None:
    """Set a new password and end every session of the user. ConfigError when it is too short."""
    kept = hash_password(password)
    with database.write() as db:
        db.execute(
            update(users)
            .where(users.c.id == user_id)
            .values(
                password_hash=kept,
                session_epoch=users.c.session_epoch + 1,
                failed_logins=0,
                locked_until=None,
            )
        )


def set_language(database: Database, user_id: int, language: str) -> None:
    """Remember the language a user reads in."""
    with database.write() as db:
        db.execute(update(users).where(users.c.id == user_id).values(language=language))


def set_task_mail(database: Database, user_id: int, wanted: bool) -> None:
    """Remember whether a user wants reminders of their tasks by mail."""
    with database.write() as db:
        db.execute(update(users).where(users.c.id == user_id).values(task_mail=wanted))


def check_password(password: str) -> None:
    """ConfigError when the password is too short, or absurdly long."""
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise ConfigError(
            f"must have at least {MIN_PASSWORD_CHARACTERS} characters", place="password"
        )
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise ConfigError(
            f"must have at most {MAX_PASSWORD_CHARACTERS} characters", place="password"
        )


def readable_password() -> str:
    """A password that can be read out over the telephone: about 60 bits."""
    words = [
        "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(2))
        for _ in range(4)
    ]
    return "-".join((*words, f"{secrets.randbelow(1000):03d}"))


def check_role(role: str) -> None:
    """ConfigError for a role that there is not."""
    if role not in ROLES:
        raise ConfigError(f"must be one of {', '.join(ROLES)}", place="role")


def check_email(email: str) -> str:
    """The address as it is kept. ConfigError when it is none."""
    address = normalise(email)
    try:
        validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ConfigError("is not an e-mail address", place="email") from error
    return address


def normalise(email: str) -> str:
    """The e-mail as it is kept and compared."""
    return email.strip().lower()


def _verify(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password[: MAX_PASSWORD_CHARACTERS + 1])
    except (VerificationError, InvalidHashError):
        return False


@cache
def _dummy_hash() -> str:
    return _hasher.hash(secrets.token_hex(16))


def as_user(row: Any) -> UserRow:
    """A row with a user's columns as pages need it."""
    return UserRow(**{name: getattr(row, name) for name in UserRow.__dataclass_fields__})
