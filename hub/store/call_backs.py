"""What the call-backs of some numbers are derived from: their tasks and their latest calls."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, union_all

from hub.store import bulk
from hub.store.models import calls
from hub.store.plain import sqlite_time

_LOCK = "SELECT pg_advisory_xact_lock(k) FROM unnest(?::bigint[]) AS k"
#: In the order of the index: by number, and by client for those with several phones.
_TASKS = (
    "SELECT id FROM tasks WHERE number {texts} AND (last_missed_at >= ? OR done_at IS NULL)"
    " UNION SELECT id FROM tasks WHERE contact_id {ids} AND number IS NOT NULL"
    " AND (last_missed_at >= ? OR done_at IS NULL)"
)
_COLUMNS = (
    "id", "connection_id", "external_id", "contact_id", "direction", "status", "from_number",
    "to_number", "line_number", "started_at", "answered_at", "manager", "deleted_at", "is_settled",
)  # fmt: skip
Row = dict[str, Any]


def lock_tasks(
    db: Connection, numbers: Collection[str], contact_ids: Collection[int], since: datetime
) -> list[int]:
    """The ids of the call-backs of these numbers and clients, none before `since` but open ones.

    On PostgreSQL the numbers are this transaction's from here on: two workers that are told of
    two calls of one number at one moment go one after the other.
    """
    wanted = sorted(numbers)
    query = _TASKS.format(texts=bulk.among(db, "text"), ids=bulk.among(db, "bigint"))
    moment = sqlite_time(since) if db.dialect.name == "sqlite" else since
    given = (
        bulk.as_list(db, wanted),
        moment,
        bulk.as_list(db, sorted(contact_ids)),
        moment,
    )
    questions: list[bulk.Question] = [(query, given)]
    if db.dialect.name != "sqlite":
        keys = sorted({_key(number) for number in wanted})
        questions.insert(0, (_LOCK, (keys,)))
    return [int(row[0]) for row in bulk.ask(db, questions)[-1]]


def latest_calls(
    db: Connection, numbers: Collection[str], contact_ids: Collection[int], since: datetime
) -> list[Row]:
    """Calls since a moment: from and to these numbers, and those these clients answered or had
    answered; each once."""
    wanted = sorted(numbers)
    columns = [calls.c[name] for name in _COLUMNS]
    recent = calls.c.started_at >= since
    parts = [
        select(*columns).where(calls.c.from_number.in_(wanted), recent),
        select(*columns).where(calls.c.to_number.in_(wanted), recent, calls.c.direction == "out"),
    ]
    if contact_ids:
        parts.append(
            select(*columns).where(
                calls.c.contact_id.in_(sorted(contact_ids)), recent, calls.c.status == "answered"
            )
        )
    found: dict[int, Row] = {}
    for row in db.execute(union_all(*parts)).mappings():
        found[row["id"]] = dict(row)
    return list(found.values())


def unsettled(db: Connection, after: datetime, until: datetime) -> list[Row]:
    """Calls with an outcome that only legs tell of, last changed between two moments."""
    query = select(calls.c.id, calls.c.connection_id).where(
        calls.c.updated_at > after,
        calls.c.updated_at <= until,
        calls.c.is_settled.is_(False),
        calls.c.status.is_not(None),
    )
    return [dict(row) for row in db.execute(query.order_by(calls.c.id)).mappings()]


def mark_settled(db: Connection, ids: Sequence[int]) -> None:
    """Nothing more is expected to be told of these calls."""
    bulk.update_rows(db, calls, ("is_settled",), [{"id": one, "is_settled": True} for one in ids])


def by_number(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Task rows by their number."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["number"]].append(row)
    return found


def _key(number: str) -> int:
    """A number as a key of an advisory lock."""
    digest = hashlib.blake2b(f"call back {number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
