"""What the journal of changes holds beyond a point: for pages that missed news."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select

from hub.store.database import Database
from hub.store.models import changes, users


def newest(database: Database) -> int:
    """The id of the newest entry, 0 when there is none."""
    with database.read() as db:
        return int(db.scalar(select(func.max(changes.c.id))) or 0)


def beyond(database: Database, last_id: int, limit: int) -> list[tuple[int, str, int]]:
    """Entries after one, oldest first: (id, entity, record id)."""
    query = (
        select(changes.c.id, changes.c.entity, changes.c.record_id)
        .where(changes.c.id > last_id)
        .order_by(changes.c.id)
        .limit(limit)
    )
    with database.read() as db:
        return [(row.id, row.entity, row.record_id) for row in db.execute(query)]


def sign_in_marks(database: Database, ids: Iterable[int]) -> dict[int, tuple[int, str]]:
    """(session epoch, role) of these users; those who may not sign in any more are absent."""
    query = select(users.c.id, users.c.session_epoch, users.c.role).where(
        users.c.id.in_(list(ids)), users.c.is_active.is_(True)
    )
    with database.read() as db:
        return {row.id: (row.session_epoch, row.role) for row in db.execute(query)}
