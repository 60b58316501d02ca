"""The call-backs a store must hold: derived anew from all of its calls."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from hub.crm import call_backs
from hub.crm.calls import client_number
from hub.crm.task_rules import task_rules
from hub.flow.call_backs import sweep
from hub.store.database import utc_now
from hub.store.models import calls, tasks
from tests.support.hub import Hub, Row

COMPARED = (
    "kind", "number", "contact_id", "call_id", "missed_count", "attempt_count", "first_missed_at",
    "last_missed_at", "done_at", "due_at", "closed_by_id",
)  # fmt: skip


def expected(hub: Hub) -> list[dict[str, Any]]:
    """What the calls ask for, by number and time."""
    rules = task_rules(hub.store.settings)
    rows = hub.rows(calls)
    by_number: dict[str, list[Row]] = defaultdict(list)
    people: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        if number := client_number(row):
            by_number[number].append(row)
            people[number] |= {row["contact_id"]} - {None}
    found = []
    for number in sorted(by_number):
        others = [
            row
            for row in rows
            if row["contact_id"] in people[number]
            and row["status"] == "answered"
            and client_number(row) != number
        ]
        marks = [call_backs.mark_of(row) for row in (*by_number[number], *others)]
        for one in call_backs.episodes(mark for mark in marks if mark):
            found.append(
                {
                    "kind": "call_back",
                    "number": number,
                    "contact_id": one.last.call["contact_id"],
                    "call_id": one.first.call["id"],
                    "missed_count": len(one.missed),
                    "attempt_count": len(one.tries),
                    "first_missed_at": one.first.at,
                    "last_missed_at": one.last.at,
                    "done_at": one.end.at if one.end else None,
                    "due_at": rules.hours.after(one.first.at, rules.call_back_minutes),
                    "closed_by_id": one.end.call["id"] if one.end else None,
                }
            )
    return found


def stored(hub: Hub) -> list[dict[str, Any]]:
    """What the store holds, in the same order."""
    rows = [row for row in hub.rows(tasks, kind="call_back") if not row["deleted_at"]]
    rows.sort(key=lambda row: (row["number"], row["first_missed_at"]))
    return [{name: row[name] for name in COMPARED} for row in rows]


def settled(hub: Hub) -> list[dict[str, Any]]:
    """What the store holds once nothing more is expected of any call."""
    with hub.store.database.write() as db:
        long_ago = utc_now() - timedelta(hours=1)
        db.execute(update(calls).where(calls.c.is_settled.is_(False)).values(updated_at=long_ago))
    sweep(hub.store, utc_now() - timedelta(hours=2))
    return stored(hub)
