"""What an admin does with users: roles, access, locks; never without one active admin left."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from hub.sdk.errors import Rejected
from hub.store import second_factor
from hub.store import users as user_store
from hub.store.database import Database, utc_now
from hub.store.models import sign_ins, totp, users


class LastAdmin(Rejected):
    """The last active administrator stays: nobody could let anybody in any more."""

    code = "last_admin"


def list_staff(database: Database) -> list[dict[str, Any]]:
    """Every user, active ones first, with `has_factor`, `is_locked` and `last_seen_at`."""
    seen = (
        select(sign_ins.c.user_id, func.max(sign_ins.c.last_seen_at).label("last_seen_at"))
        .group_by(sign_ins.c.user_id)
        .subquery()
    )
    columns = [
        column
        for column in users.c
        if column.name not in ("password_hash", "subject", "session_epoch")
    ]
    query = (
        select(
            *columns,
            totp.c.confirmed_at,
            seen.c.last_seen_at,
            users.c.subject.is_not(None).label("by_sso"),
        )
        .select_from(users)
        .outerjoin(totp, totp.c.user_id == users.c.id)
        .outerjoin(seen, seen.c.user_id == users.c.id)
        .order_by(users.c.is_active.desc(), users.c.name, users.c.id)
    )
    now = utc_now()
    with database.read() as db:
        rows = [dict(row) for row in db.execute(query).mappings()]
    for row in rows:
        row["has_factor"] = row.pop("confirmed_at") is not None
        row["is_locked"] = row["locked_until"] is not None and row["locked_until"] > now
    return rows


def set_role(database: Database, user_id: int, role: str) -> str:
    """Give a user another role; returns the former one. LastAdmin; ConfigError: unknown role."""
    user_store.check_role(role)
    with database.write() as db:
        row = _row(db, user_id)
        if role != user_store.ADMIN:
            _keep_an_admin(db, row)
        db.execute(update(users).where(users.c.id == user_id).values(role=role))
        return str(row.role)


def set_active(database: Database, user_id: int, *, active: bool) -> None:
    """Let a user in again, or shut them out at once. LastAdmin when nobody else could undo it."""
    with database.write() as db:
        row = _row(db, user_id)
        values: dict[str, Any] = {"is_active": active}
        if not active:
            _keep_an_admin(db, row)
            values["session_epoch"] = users.c.session_epoch + 1
            _end_sign_ins(db, user_id)
        db.execute(update(users).where(users.c.id == user_id).values(values))


def unlock(database: Database, user_id: int) -> None:
    """Forget the mistakes that made a user wait, of the password and of the second factor."""
    free = {"locked_until": None}
    with database.write() as db:
        _row(db, user_id)
        db.execute(update(users).where(users.c.id == user_id).values(failed_logins=0, **free))
        db.execute(update(totp).where(totp.c.user_id == user_id).values(failed=0, **free))


def reset_factor(database: Database, user_id: int) -> bool:
    """Take a user's second factor away, as when the phone is lost; every session ends."""
    with database.write() as db:
        _row(db, user_id)
        _end_sign_ins(db, user_id)
        db.execute(
            update(users)
            .where(users.c.id == user_id)
            .values(session_epoch=users.c.session_epoch + 1)
        )
        return second_factor.remove(db, user_id)


def by_subject(database: Database, subject: str) -> int | None:
    """The user who came by this subject of the company's sign-on."""
    with database.read() as db:
        return db.scalar(select(users.c.id).where(users.c.subject == subject))


def bind_subject(database: Database, email: str, subject: str) -> int | None:
    """Tie the active user of this address to a subject, once; None when there is none, or another
    subject has them."""
    with database.write() as db:
        done = db.execute(
            update(users)
            .where(
                and_(
                    users.c.email == user_store.normalise(email),
                    users.c.is_active,
                    users.c.subject.is_(None),
                )
            )
            .values(subject=subject)
            .returning(users.c.id)
        )
        return done.scalar()


def add_by_subject(database: Database, email: str, name: str, role: str, subject: str) -> int:
    """A user who signs in by the company's sign-on alone: without a password."""
    user_store.check_role(role)
    values = {
        "email": user_store.check_email(email),
        "name": name.strip()[:200] or email,
        "role": role,
        "password_hash": "",
        "created_at": utc_now(),
        "subject": subject,
    }
    with database.write() as db:
        return int(db.execute(insert(users).values(values).returning(users.c.id)).scalar_one())


def note_login(database: Database, user_id: int) -> None:
    """Remember when a user came in by another way than the password."""
    with database.write() as db:
        db.execute(update(users).where(users.c.id == user_id).values(last_login_at=utc_now()))


def _row(db: Connection, user_id: int) -> Any:
    # All admins are locked in one order: of two that shut out each other one must see the other's.
    query = select(users).where((users.c.id == user_id) | (users.c.role == user_store.ADMIN))
    rows = db.execute(query.order_by(users.c.id).with_for_update()).all()
    found = next((row for row in rows if row.id == user_id), None)
    if found is None:
        raise Rejected("there is no such user")
    return found


def _keep_an_admin(db: Connection, row: Any) -> None:
    if row.role != user_store.ADMIN or not row.is_active:
        return
    others = select(users.c.id).where(
        users.c.role == user_store.ADMIN, users.c.is_active, users.c.id != row.id
    )
    if db.execute(others.limit(1)).first() is None:
        raise LastAdmin()


def _end_sign_ins(db: Connection, user_id: int) -> None:
    db.execute(
        update(sign_ins)
        .where(sign_ins.c.user_id == user_id, sign_ins.c.ended_at.is_(None))
        .values(ended_at=utc_now())
    )
