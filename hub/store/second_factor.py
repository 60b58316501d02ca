"""The second factor: codes of a phone (TOTP), each taken once; recovery codes, each good once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyotp
from sqlalchemy import Connection, delete, func, insert, select, update

from hub.store.database import insert_for, utc_now
from hub.store.models import recovery_codes, totp
from hub.store.store import Store
from hub.store.users import wait_after

ISSUER = "Uzel"
STEP_SECONDS = 30
#: A phone's clock may be this many steps off, either way.
DRIFT_STEPS = 1
RECOVERY_CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Enrolment:
    """What the phone is told: the secret, and the address its QR code holds."""

    secret: str
    address: str


def begin(store: Store, user_id: int, email: str) -> Enrolment:
    """A secret to enrol with; the one begun before, until it is confirmed.

    A confirmed factor is left alone: the enrolment then is of no use.
    """
    with store.database.write() as db:
        row = db.execute(select(totp).where(totp.c.user_id == user_id).with_for_update()).first()
        if row is not None:
            secret = _secret(store, row)
        else:
            secret = pyotp.random_base32()
            sealed = store.vault.seal({"totp": secret})
            statement = insert_for(db, totp).values(
                user_id=user_id, secret=sealed, created_at=utc_now()
            )
            db.execute(statement.on_conflict_do_nothing())
    address = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)
    return Enrolment(secret, address)


def confirm(store: Store, user_id: int, code: str) -> list[str] | None:
    """Confirm an enrolment by a code of it; the recovery codes, None when the code is wrong."""
    with store.database.write() as db:
        row = _row(db, user_id)
        if row is None or row.confirmed_at is not None:
            return None
        now = utc_now()
        if _is_closed(row, now) or not _take(store, db, row, code, now):
            return None
        db.execute(update(totp).where(totp.c.user_id == user_id).values(confirmed_at=now))
        return _new_codes(db, user_id, _secret(store, row))


def is_set_up(store: Store, user_id: int) -> bool:
    """Whether this user has a confirmed second factor."""
    with store.database.read() as db:
        query = select(totp.c.confirmed_at).where(totp.c.user_id == user_id)
        return db.scalar(query) is not None


def check(store: Store, user_id: int, code: str) -> str:
    """«totp» or «recovery» for a right code, which is used up by it; empty for a wrong one.

    After some mistakes in a row even a right code waits, as a password does.
    """
    given = "".join(code.split()).lower()[:40]
    with store.database.write() as db:
        row, now = _row(db, user_id), utc_now()
        if row is None or row.confirmed_at is None or _is_closed(row, now):
            return ""
        if given.isdecimal():
            return "totp" if _take(store, db, row, given, now) else ""
        if _use_recovery(db, user_id, _secret(store, row), given):
            _note(db, row, right=True, now=now)
            return "recovery"
        _note(db, row, right=False, now=now)
        return ""


def new_codes(store: Store, user_id: int) -> list[str]:
    """Fresh recovery codes; the former ones are worthless from now on."""
    with store.database.write() as db:
        row = _row(db, user_id)
        return _new_codes(db, user_id, _secret(store, row)) if row is not None else []


def codes_left(store: Store, user_id: int) -> int:
    """How many recovery codes are still good."""
    query = select(func.count()).select_from(recovery_codes)
    query = query.where(recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None))
    with store.database.read() as db:
        return int(db.scalar(query) or 0)


def remove(db: Connection, user_id: int) -> bool:
    """Take the second factor away; False when there was none."""
    db.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    return bool(db.execute(delete(totp).where(totp.c.user_id == user_id)).rowcount)


def _row(db: Connection, user_id: int) -> Any:
    return db.execute(select(totp).where(totp.c.user_id == user_id).with_for_update()).first()


def _secret(store: Store, row: Any) -> str:
    return str(store.vault.open(row.secret)["totp"])


def _is_closed(row: Any, now: datetime) -> bool:
    return row.locked_until is not None and row.locked_until > now


def _take(store: Store, db: Connection, row: Any, code: str, now: datetime) -> bool:
    """Whether the code is right and was never taken; then it never will be again."""
    clock = pyotp.TOTP(_secret(store, row))
    present = int(now.timestamp()) // STEP_SECONDS
    matched = 0
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        # Every step is compared, whichever is right: the time taken tells nothing.
        is_right = hmac.compare_digest(clock.at(step * STEP_SECONDS).encode(), code.encode())
        matched = step if is_right else matched
    is_fresh = matched > int(row.last_step)
    _note(db, row, right=is_fresh, now=now)
    if is_fresh:
        db.execute(update(totp).where(totp.c.user_id == row.user_id).values(last_step=matched))
    return is_fresh


def _note(db: Connection, row: Any, *, right: bool, now: datetime) -> None:
    failed = 0 if right else row.failed + 1
    values = {"failed": failed, "locked_until": None if right else wait_after(failed, now)}
    db.execute(update(totp).where(totp.c.user_id == row.user_id).values(values))


def _use_recovery(db: Connection, user_id: int, secret: str, given: str) -> bool:
    done = db.execute(
        update(recovery_codes)
        .where(recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None))
        .where(recovery_codes.c.code_hash == _hash(secret, given))
        .values(used_at=utc_now())
    )
    return bool(done.rowcount)


def _new_codes(db: Connection, user_id: int, secret: str) -> list[str]:
    codes = [_readable_code() for _ in range(RECOVERY_CODES)]
    db.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    rows = [{"user_id": user_id, "code_hash": _hash(secret, code)} for code in codes]
    db.execute(insert(recovery_codes), rows)
    return codes


def _readable_code() -> str:
    """About 50 bits, without letters that look alike; one letter at least, so never a number."""
    while True:
        code = "".join(secrets.choice(_LETTERS) for _ in range(10))
        if not code.isdecimal():
            return f"{code[:5]}-{code[5:]}"


def _hash(secret: str, code: str) -> str:
    """Keyed by the factor's own sealed secret, which a new key of the hub leaves as it is."""
    return hmac.new(secret.encode(), code.replace("-", "").encode(), hashlib.sha256).hexdigest()
