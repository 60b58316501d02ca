"""What people noted about calls, beside what the telephony says."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table

from hub.store.models.base import metadata
from hub.store.types import Id, LongText, Short, UtcTime

#: A missed call that needs no call back any more; a manager's note on a call.
call_marks = Table(
    "call_marks",
    metadata,
    Column("call_id", Id, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("done_at", UtcTime),
    Column("done_by", Short),
    Column("note", LongText),
    Column("note_at", UtcTime),
    Column("note_by", Short),
)
