"""Who is signed in where: one row a browser, ended one by one or all together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from hub.sdk.payload import clean_text
from hub.settings import Settings
from hub.store import users as user_store
from hub.store.database import Database, utc_now
from hub.store.models import sign_ins, totp, users
from hub.store.users import UserRow

#: `last_seen_at` is written at most this often: a click must not cost a write.
SEEN_EVERY = timedelta(minutes=1)
DEFAULT_IDLE_MINUTES = 480
DEFAULT_LONGEST_HOURS = 336
MAX_AGENT_CHARACTERS = 300
_USER = tuple(users.c[name] for name in UserRow.__dataclass_fields__)


@dataclass(frozen=True)
class Visit:
    """A live sign-in: who, and whether a second factor is set up."""

    user: UserRow
    has_second_factor: bool
    #: The company's sign-on let them in: a second factor is its business.
    by_sso: bool = False


@dataclass(frozen=True)
class Limits:
    """How long a sign-in lives: without a click, and at all."""

    idle: timedelta
    longest: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """As hub.yml says."""
        idle = int(settings.option("sessions.idle_minutes", DEFAULT_IDLE_MINUTES))
        longest = int(settings.option("sessions.longest_hours", DEFAULT_LONGEST_HOURS))
        return cls(timedelta(minutes=idle), timedelta(hours=longest))

    def is_over(self, created_at: datetime, last_seen_at: datetime, now: datetime) -> bool:
        """Whether a sign-in of these times has ended by itself."""
        # What was seen is known to the minute.
        return now - last_seen_at > self.idle + SEEN_EVERY or now - created_at > self.longest


def begin(database: Database, user_id: int, way: str, address: str, agent: str) -> int:
    """Note a new sign-in; returns its id."""
    now = utc_now()
    values = {
        "user_id": user_id,
        "created_at": now,
        "last_seen_at": now,
        "way": way,
        "address": clean_text(address)[:100],
        "agent": clean_text(agent)[:MAX_AGENT_CHARACTERS],
    }
    with database.write() as db:
        done = db.execute(insert(sign_ins).values(values).returning(sign_ins.c.id))
        return int(done.scalar_one())


def visit(
    database: Database, sign_in_id: int, limits: Limits, *, by_person: bool = True
) -> Visit | None:
    """Who is signed in so; None when it ended, went idle, is too old, or the user may not come.

    `by_person`: the visit is a sign of the user and prolongs the session.
    """
    query = (
        select(
            *_USER,
            sign_ins.c.created_at.label("began_at"),
            sign_ins.c.last_seen_at,
            sign_ins.c.way,
            totp.c.confirmed_at,
        )
        .join_from(sign_ins, users, users.c.id == sign_ins.c.user_id)
        .outerjoin(totp, totp.c.user_id == users.c.id)
        .where(sign_ins.c.id == sign_in_id, sign_ins.c.ended_at.is_(None))
    )
    with database.read() as db:
        row = db.execute(query).first()
    now = utc_now()
    if row is None or not row.is_active or limits.is_over(row.began_at, row.last_seen_at, now):
        return None
    if by_person and now - row.last_seen_at > SEEN_EVERY:
        with database.write(durable=False) as db:
            db.execute(update(sign_ins).where(sign_ins.c.id == sign_in_id).values(last_seen_at=now))
    return Visit(user_store.as_user(row), row.confirmed_at is not None, row.way == "oidc")


def list_live(database: Database, user_id: int, limits: Limits) -> list[dict[str, Any]]:
    """Sign-ins of a user that are alive, the latest seen first."""
    query = (
        select(sign_ins)
        .where(sign_ins.c.user_id == user_id, sign_ins.c.ended_at.is_(None))
        .order_by(sign_ins.c.id.desc())
        .limit(200)
    )
    now = utc_now()
    with database.read() as db:
        rows = [dict(row) for row in db.execute(query).mappings()]
    alive = [r for r in rows if not limits.is_over(r["created_at"], r["last_seen_at"], now)]
    return sorted(alive, key=lambda row: row["last_seen_at"], reverse=True)


def end(database: Database, user_id: int, sign_in_id: int) -> bool:
    """End one sign-in of this user; False when it is not theirs or over already."""
    with database.write() as db:
        done = db.execute(
            update(sign_ins)
            .where(sign_ins.c.id == sign_in_id, sign_ins.c.user_id == user_id)
            .where(sign_ins.c.ended_at.is_(None))
            .values(ended_at=utc_now())
        )
    return bool(done.rowcount)


def end_all(database: Database, user_id: int, but: int = 0) -> int:
    """End every sign-in of a user, except one; returns how many."""
    with database.write() as db:
        done = db.execute(
            update(sign_ins)
            .where(sign_ins.c.user_id == user_id, sign_ins.c.id != but)
            .where(sign_ins.c.ended_at.is_(None))
            .values(ended_at=utc_now())
        )
    return int(done.rowcount)
