"""Which letters wait for an answer, kept with the letters themselves: counted, never searched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from hub.store import bulk
from hub.store.models import messages

_COLUMNS = ("id", "direction", "kind", "sent_at", "waived_at", "deleted_at", "awaits_since",
            "thread_key")  # fmt: skip


def settle_threads(db: Connection, keys: Collection[str], since: datetime) -> None:
    """Mark in these conversations what waits for an answer, as far as letters since a moment go.

    The mark stands on the first letter of a client after our last one; a letter of a machine, and
    one of which a person said that it needs none, asks for no answer.
    """
    if not keys:
        return
    query = select(*(messages.c[name] for name in _COLUMNS)).where(
        messages.c.thread_key.in_(keys), messages.c.sent_at >= since
    )
    threads: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in db.execute(query).mappings():
        threads[row["thread_key"]].append(dict(row))
    changed = [
        {"id": row["id"], "awaits_since": wanted}
        for rows in threads.values()
        for row, wanted in _wanted(rows)
        if row["awaits_since"] != wanted
    ]
    bulk.update_rows(db, messages, ("awaits_since",), changed)


def _wanted(
    rows: Iterable[Mapping[str, Any]],
) -> Iterable[tuple[Mapping[str, Any], datetime | None]]:
    """Each letter of a conversation with the moment since when it waits, None: it does not."""
    waiting: int | None = None
    found = sorted(rows, key=lambda row: (row["sent_at"], row["direction"] == "out", row["id"]))
    for row in found:
        if row["deleted_at"]:
            continue
        written = (row["kind"] or "mail") == "mail"
        # A person's «needs no answer» is said of this letter and of those before it.
        if row["waived_at"] or (row["direction"] == "out" and written):
            waiting = None
        elif row["direction"] == "in" and written and waiting is None:
            waiting = row["id"]
    for row in found:
        yield row, row["sent_at"] if row["id"] == waiting else None


def waive(db: Connection, message_id: int, actor: str, now: datetime, since: datetime) -> bool:
    """Say that a letter, and those before it, need no answer; False when there is none."""
    return _set(db, message_id, {"waived_at": now, "waived_by": actor}, since)


def unwaive(db: Connection, message_id: int, since: datetime) -> bool:
    """Take that back; False when there is no such letter."""
    return _set(db, message_id, {"waived_at": None, "waived_by": None}, since)


def _set(db: Connection, message_id: int, values: Mapping[str, Any], since: datetime) -> bool:
    done = db.execute(
        update(messages)
        .where(messages.c.id == message_id)
        .values(**values)
        .returning(messages.c.thread_key, messages.c.sent_at)
    ).first()
    if done is None:
        return False
    if done.thread_key and done.sent_at:
        settle_threads(db, [done.thread_key], min(since, done.sent_at))
    elif values["waived_at"]:
        db.execute(update(messages).where(messages.c.id == message_id).values(awaits_since=None))
    return True
