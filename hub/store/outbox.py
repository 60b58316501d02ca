"""The outbox: the duty to bring a change to each destination, written with the change itself."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, text

from hub.store.database import insert_for
from hub.store.models import deliveries

#: A delivery that is not made yet; there is at most one per destination and record.
OPEN_STATUSES = ("pending", "waiting", "paused")


@dataclass(frozen=True, slots=True)
class Duty:
    """One change that one destination must learn."""

    destination_id: int
    entity: str
    record_id: int
    event_type: str
    event_id: int | None
    is_deleted: bool = False


def add(connection: Connection, duties: Sequence[Duty], now: datetime) -> None:
    """Add deliveries; one that is still open for the same record takes the newest state instead."""
    if not duties:
        return
    rows = [
        {
            "connection_id": duty.destination_id,
            "entity": duty.entity,
            "record_id": duty.record_id,
            "event_type": duty.event_type,
            "delivery_key": f"msg_{secrets.token_hex(16)}",
            "status": "pending",
            "created_at": now,
            "changed_at": now,
            "due_at": now,
            "attempts": 0,
            "generation": 1,
            "is_deleted": duty.is_deleted,
            "event_id": duty.event_id,
        }
        for duty in sorted(
            duties, key=lambda duty: (duty.destination_id, duty.entity, duty.record_id)
        )
    ]
    statement = insert_for(connection, deliveries)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["connection_id", "entity", "record_id"],
            index_where=text("status in ('pending', 'waiting', 'paused')"),
            set_={
                "generation": deliveries.c.generation + 1,
                # A record made and changed before it was told of is still a new one; one that
                # goes, or comes back, is another kind of news.
                "event_type": case(
                    (
                        deliveries.c.is_deleted == statement.excluded.is_deleted,
                        deliveries.c.event_type,
                    ),
                    else_=statement.excluded.event_type,
                ),
                "changed_at": statement.excluded.changed_at,
                "is_deleted": statement.excluded.is_deleted,
                "event_id": statement.excluded.event_id,
            },
        ),
        rows,
    )
