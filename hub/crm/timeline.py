"""What a record's entry on its contact's timeline shows, without reading the record again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

OCCURRED = {
    "call": "started_at",
    "order": "placed_at",
    "message": "sent_at",
    "lead": "received_at",
    "task": "due_at",
    "deal": "created_at",
}
SHOWN = {
    "call": ("direction", "status", "from_number", "to_number", "talk_seconds", "wait_seconds",
             "manager", "recording_id"),
    "order": ("number", "status", "total", "currency"),
    "message": ("direction", "subject", "from_address", "to_address", "kind", "thread_key"),
    "lead": ("title", "status", "channel", "amount", "currency"),
    "deal": ("title", "stage", "amount", "currency"),
    "task": ("title", "done_at", "manager", "kind", "number", "due_at", "missed_count"),
}  # fmt: skip
EXCERPT = 300


def summary(entity: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The facts a page shows of this record, as the store will keep them (JSON)."""
    shown = {name: value for name in SHOWN.get(entity, ()) if (value := row.get(name)) is not None}
    if entity == "message" and row.get("text"):
        shown["excerpt"] = str(row["text"])[:EXCERPT]
    return shown


def occurred_at(entity: str, row: Mapping[str, Any], fallback: datetime) -> datetime:
    """When the thing happened, for its place on the timeline."""
    moment = row.get(OCCURRED.get(entity, ""))
    return moment if isinstance(moment, datetime) else fallback
