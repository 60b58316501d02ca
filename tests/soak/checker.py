"""Compares what was acknowledged with what the store and the receivers hold."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from hub.crm.documents import document
from hub.store.models import (
    ENTITY_TABLES,
    attempts,
    changes,
    connections,
    deliveries,
    event_bodies,
    event_counts,
    events,
)
from tests.soak.senders import Key
from tests.soak.vendors import RECEIVERS, Receiver, said_of
from tests.support.hub import Hub

FINAL = frozenset({"done", "ignored"})
MOST = 5


def inbox(hub: Hub, acknowledged: Mapping[Key, int]) -> list[str]:
    """Every acknowledged request is one event, done, by one try that succeeded."""
    with hub.store.database.read() as db:
        query = (
            select(
                events.c.id,
                events.c.status,
                events.c.attempts,
                events.c.error_message,
                connections.c.name,
                event_bodies.c.path,
                event_bodies.c.body,
            )
            .join(event_bodies, event_bodies.c.event_id == events.c.id)
            .join(connections, connections.c.id == events.c.connection_id)
        )
        rows = db.execute(query).all()
    stored = Counter((row.name, row.path, bytes(row.body)) for row in rows)
    lines = [f"lost: {_said(key)}" for key in acknowledged if key not in stored]
    lines += [f"stored {n} times: {_said(key)}" for key, n in stored.items() if n > 1]
    lines += [f"never acknowledged: {_said(key)}" for key in stored if key not in acknowledged]
    lines += [
        f"event {row.id} of {row.name} is {row.status}: {row.error_message}"
        for row in rows
        if row.status not in FINAL
    ]
    tries: dict[int, Counter[str]] = defaultdict(Counter)
    for row in hub.rows(attempts, subject="event"):
        tries[row["subject_id"]][row["outcome"]] += 1
    lines += [
        f"event {row.id}: tries {dict(tries[row.id])}, {row.attempts} counted"
        for row in rows
        if tries[row.id]["succeeded"] != 1 or tries[row.id].total() != row.attempts
    ]
    return lines + _counters(hub, rows)


def _counters(hub: Hub, rows: Iterable[object]) -> list[str]:
    """The counters that pages show instead of counting."""
    now = Counter(row.status for row in rows)  # type: ignore[attr-defined]  # rows of the query above
    counted: Counter[str] = Counter()
    for row in hub.rows(event_counts):
        counted[row["status"]] += row["count"]
    return [
        f"{counted[status]} events counted as {status}, {now[status]} are"
        for status in FINAL
        if counted[status] != now[status]
    ]


def receivers(hub: Hub, found: Mapping[str, Receiver]) -> list[str]:
    """Each destination took each record's final state, and one state under one id, unless the
    record went back to it."""
    lines = [
        f"delivery {row['id']} is {row['status']}: {row['error_message']}"
        for row in hub.rows(deliveries)
        if row["status"] != "delivered"
    ]
    names = {row["id"]: row["name"] for row in hub.rows(connections)}
    for name, receiver in found.items():
        told: dict[tuple[str, int], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for one in receiver.told:
            told[one.record][one.data].add(one.message_id)
        for entity in RECEIVERS[name] or ENTITY_TABLES:
            for row in hub.rows(ENTITY_TABLES[entity]):
                data = {"deleted": False, **document(entity, row, names)}
                text = said_of(data)
                if text not in told[entity, row["id"]]:
                    last = list(told[entity, row["id"]])[-1:]
                    said = _unlike(json.loads(text), json.loads(last[0])) if last else "nothing"
                    lines.append(f"{name} never took the final {entity} {row['id']}: {said}")
        lines += [
            f"{name} took one state of {record} as {sorted(ids)}"
            for record, states in told.items()
            for ids in states.values()
            if len(ids) > 1 + _returns(hub, record)
        ]
    return lines


def _returns(hub: Hub, record: tuple[str, int]) -> int:
    """How often a field of a record came back to a value it had had: a call whose leg ended before
    another one was heard of is over, is not, and is over again, and each is news."""
    past: dict[str, set[str]] = defaultdict(set)
    found = 0
    for row in hub.rows(changes, entity=record[0], record_id=record[1]):
        for name, (before, after) in row["fields"].items():
            past[name].add(json.dumps(before))
            found += json.dumps(after) in past[name]
    return found


def _unlike(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """Where two documents differ."""
    return ", ".join(
        f"{name} {theirs.get(name)} instead of {ours.get(name)}"
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    )


def short(lines: list[str]) -> list[str]:
    """The first few, and how many more."""
    return lines[:MOST] + ([f"… and {len(lines) - MOST} more"] if len(lines) > MOST else [])


def _said(key: Key) -> str:
    connection, path, body = key
    return f"{connection} {path} {body[:120]!r}"
