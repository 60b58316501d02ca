"""What was sent to other systems about an erased person: bodies and words of tries go, and what has
not gone out yet never will, for it would carry an emptied record.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, literal_column, or_, select, update

from hub.store.models import attempts, connections, deliveries

BATCH: Final = 2000
#: As literal words: so the partial index of open deliveries serves.
_IS_OPEN: Final[Any] = literal_column("status in ('pending', 'waiting', 'paused')")


def stop(db: Connection, entity: str, ids: Sequence[int]) -> int:
    """Take back what has not gone out yet; returns how much."""
    everyone = list(db.scalars(select(connections.c.id)))
    query = select(deliveries.c.id).where(
        _IS_OPEN,
        deliveries.c.connection_id.in_(everyone),
        deliveries.c.entity == entity,
        deliveries.c.record_id.in_(ids),
    )
    found = list(db.scalars(query))
    _silence(db, found)
    db.execute(delete(deliveries).where(deliveries.c.id.in_(found)))
    return len(found)


def silence(db: Connection, theirs: Mapping[str, Collection[int]], after: int) -> tuple[int, int]:
    """Look through the next deliveries by id for those of the person's records; (how many tries
    were emptied, the last id looked at), 0 for the last when there are no more."""
    query = select(deliveries.c.id, deliveries.c.entity, deliveries.c.record_id)
    rows = db.execute(
        query.where(deliveries.c.id > after).order_by(deliveries.c.id).limit(BATCH)
    ).all()
    found = [row.id for row in rows if row.record_id in theirs.get(row.entity, ())]
    return _silence(db, found), rows[-1].id if len(rows) == BATCH else 0


def _silence(db: Connection, ids: Sequence[int]) -> int:
    if not ids:
        return 0
    about = (attempts.c.subject == "delivery", attempts.c.subject_id.in_(ids))
    told = or_(
        attempts.c.request.is_not(None),
        attempts.c.reply.is_not(None),
        attempts.c.error_message.is_not(None),
    )
    silent = {"request": None, "reply": None, "error_message": None}
    done = db.execute(update(attempts).where(*about, told).values(silent))
    db.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(error_message=None))
    return int(done.rowcount)
