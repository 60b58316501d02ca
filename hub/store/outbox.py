"""The outbox: the duty to bring a change to each destination, written with the change itself."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from hub.store import bulk
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
    newest: dict[tuple[int, str, int], Duty] = {}
    for duty in duties:
        key = (duty.destination_id, duty.entity, duty.record_id)
        before = newest.get(key)
        if before is not None and before.is_deleted == duty.is_deleted:
            duty = replace(duty, event_type=before.event_type)
        newest[key] = duty
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
        for _, duty in sorted(newest.items(), key=lambda item: item[0])
    ]
    bulk.insert_rows(connection, deliveries, list(rows[0]) if rows else (), rows, _NEWEST_WINS)


# A record made and changed before it was told of is still a new one; one that goes, or comes
# back, is another kind of news.
_NEWEST_WINS = """
ON CONFLICT (connection_id, entity, record_id) WHERE status in ('pending', 'waiting', 'paused')
DO UPDATE SET generation = deliveries.generation + 1,
  event_type = CASE WHEN deliveries.is_deleted = excluded.is_deleted
    THEN deliveries.event_type ELSE excluded.event_type END,
  changed_at = excluded.changed_at, is_deleted = excluded.is_deleted, event_id = excluded.event_id
"""
