"""What was sent to other systems about an erased person: bodies and words of tries go, and what has
not gone out yet never will, for it would carry an emptied record. Who had something is told at the
end, in the transaction of the proof: once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, literal_column, or_, select, update

from hub.sdk.records import CONTACT_ERASED
from hub.store import outbox
from hub.store.models import attempts, connections, deliveries
from hub.store.outbox import Duty
from hub.store.store import Store

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


def tell(
    db: Connection,
    store: Store,
    contact_ids: Collection[int],
    theirs: Mapping[str, Collection[int]],
    now: datetime,
) -> int:
    """Have every destination that was sent anything of the person told that they are erased: ids of
    the clients, nothing else. Returns how many destinations."""
    able = [one.id for one in store.catalog.all() if one.connector.manifest.takes_erasures]
    found: set[int] = set()
    for entity, ids in theirs.items():
        wanted = sorted(ids)
        for start in range(0, len(wanted), BATCH):
            query = select(deliveries.c.connection_id).where(
                deliveries.c.entity == entity,
                deliveries.c.record_id.in_(wanted[start : start + BATCH]),
                deliveries.c.connection_id.in_(able),
                deliveries.c.attempts > 0,
                # What the destination does not subscribe to never left the hub.
                func.coalesce(deliveries.c.error_code, "") != "ignored",
            )
            found |= set(db.scalars(query.distinct())) if able else set()
    duties = [
        Duty(destination, "contact", key, CONTACT_ERASED, None, is_deleted=True)
        for destination in sorted(found)
        for key in sorted(contact_ids)
    ]
    outbox.add(db, duties, now)
    return len(found) if duties else 0


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
