"""Which deliveries are due: fresh changes first, and only what a destination's state allows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, text

from hub.store.connections import Configured
from hub.store.database import utc_now
from hub.store.models import deliveries

#: A change this young goes before repeats and replays, and takes the live part of a limit.
FRESH = timedelta(minutes=5)
FRESH_BATCH, LATE_BATCH = 40, 10
#: Written out: SQLite uses a partial index only for the very words of its condition.
OPEN = text("deliveries.status in ('pending', 'waiting')")


def is_fresh(row: Row[Any], now: datetime) -> bool:
    """Whether this is the first try of a change that was made just now."""
    return bool(row.attempts == 0 and row.changed_at > now - FRESH)


def due_rows(db: Connection, configured: Configured) -> list[Row[Any]]:
    """A batch of what is due: fresh changes, then the rest, each in the order it fell due.

    A destination that refused our credentials is only probed with what it refused, on that
    delivery's own retry schedule.
    """
    now = utc_now()
    due = (
        select(deliveries)
        .where(deliveries.c.connection_id == configured.id, OPEN, deliveries.c.due_at <= now)
        .order_by(deliveries.c.due_at, deliveries.c.id)
    )
    if configured.state == "needs_attention":
        return list(db.execute(due.where(deliveries.c.status == "waiting").limit(1)))
    young = (deliveries.c.due_at > now - FRESH, deliveries.c.changed_at > now - FRESH)
    fresh = list(db.execute(due.where(*young, deliveries.c.attempts == 0).limit(FRESH_BATCH)))
    known = {row.id for row in fresh}
    rest = db.execute(due.limit(FRESH_BATCH + LATE_BATCH))
    late = [row for row in rest if row.id not in known]
    return fresh + late[: FRESH_BATCH + LATE_BATCH - len(fresh)]
