"""What reports are read from, and to whom they are mailed."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from hub.store.models.base import id_column, metadata
from hub.store.types import Id, Json, LongText, Short, UtcTime

#: The numbers of one day («2026-11-26») or whole month («2026-11») of the company's calendar.
report_days = Table(
    "report_days",
    metadata,
    Column("kind", String(16), primary_key=True),
    #: «*» everybody, else a manager as the records name them.
    Column("scope", Short, primary_key=True),
    Column("day", String(10), primary_key=True),
    #: {section: {key: [number, …]}}; sums of money as text
    Column("numbers", Json, nullable=False),
    Column("counted_at", UtcTime, nullable=False),
)

#: Days whose numbers must be counted anew. A new mark while they are counted outlives the counting.
report_marks = Table(
    "report_marks",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("mark", Integer, nullable=False),
)

#: Who gets which report, and when.
report_subscriptions = Table(
    "report_subscriptions",
    metadata,
    id_column(),
    Column("report", String(16), nullable=False),
    #: day | week | month: how often, and which period the letter tells of
    Column("rhythm", String(8), nullable=False),
    #: The hour in the company's zone.
    Column("hour", Integer, nullable=False),
    #: Ids of users.
    Column("recipients", Json, nullable=False, default=list),
    Column("is_paused", Boolean, nullable=False, default=False),
    Column("author_id", Id, ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    #: The next moment a letter is due; None while it is paused.
    Column("due_at", UtcTime),
    Index("ix_report_subscriptions_due", "due_at"),
)

#: One letter of a subscription to one person, written before it is sent.
report_letters = Table(
    "report_letters",
    metadata,
    id_column(),
    Column(
        "subscription_id", Id, ForeignKey("report_subscriptions.id", ondelete="CASCADE"),
        nullable=False,
    ),
    #: The day whose letter this is; «now-…» for one that was asked for.
    Column("slot", Short, nullable=False),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    #: waiting | sent | failed
    Column("status", String(8), nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("try_at", UtcTime),
    #: When it was last begun to be sent: a death after that may have sent it.
    Column("begun_at", UtcTime),
    Column("sent_at", UtcTime),
    Column("error", LongText),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("subscription_id", "slot", "user_id"),
    Index("ix_report_letters_due", "status", "try_at"),
)  # fmt: skip
