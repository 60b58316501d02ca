"""What the events of a script left in a store, without ids and moments of arrival."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from hub.store.database import to_json
from hub.store.models import (
    ENTITY_TABLES,
    bindings,
    changes,
    connections,
    contact_points,
    identity_claims,
    possible_duplicates,
    timeline,
)
from tests.support.hub import Hub, shown

#: Columns that tell when something came in, not what it says.
MOMENTS = frozenset({"last_activity_at", "run_id", "as_of", "parts", "is_settled"})
#: (Call-backs are not here: the script's calls are of January, a history that makes no tasks;
#: their any order is tests/flow/test_any_order_calls.py.)
#: Entities whose entry on the timeline stands where they came in, when they name no time.
UNDATED = frozenset({"lead"})
#: What has no «before» that counts: where a record came from.
UNTOLD = frozenset({"contact_id", "external_id", "connection_id"})
Effects = dict[str, dict[Any, Any]]


class Reader:
    """Reads the effects out of one store."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._connections = {row["id"]: row["name"] for row in hub.rows(connections)}
        self._records = {entity: hub.rows(table) for entity, table in ENTITY_TABLES.items()}
        self._names = {
            (entity, row["id"]): _name(entity, row)
            for entity, rows in self._records.items()
            for row in rows
        }

    def all(self) -> Effects:
        """Everything by kind: {kind: {what: how it is, or how often}}."""
        found: Effects = {f"{entity} records": self._of(entity) for entity in ENTITY_TABLES}
        found["stock levels"] = {
            (self._connections[row["connection_id"]], row["item_key"], row["warehouse"]): _plain(
                {**shown(row), "connection_id": None}
            )
            for row in self._hub.levels()
        }
        found["timeline entries"] = Counter(self._entries())
        found["bindings"] = Counter(
            (
                self._connections[row["connection_id"]],
                row["entity"],
                row["external_id"],
                self._names[row["entity"], row["record_id"]],
            )
            for row in self._hub.rows(bindings)
        )
        found["records made"] = Counter(
            (row["entity"], self._names[row["entity"], row["record_id"]])
            for row in self._hub.rows(changes, action="created")
        )
        for table in (contact_points, identity_claims):
            found[table.name] = Counter(
                (self._names["contact", row["contact_id"]], row["kind"], row["value"])
                for row in self._hub.rows(table)
            )
        found["possible duplicates"] = Counter(
            row["reason"] for row in self._hub.rows(possible_duplicates)
        )
        return found

    def _of(self, entity: str) -> dict[Any, Any]:
        records = {}
        for row in self._records[entity]:
            values = {**shown(row), "is_deleted": row["deleted_at"] is not None}
            values["connection_id"] = self._connections.get(row["connection_id"])
            if "contact_id" in values:
                values["contact_id"] = self._names.get(("contact", row["contact_id"] or 0))
            if "search_text" in values:
                values["search_text"] = sorted(values["search_text"].split("\n"))
            name = self._names[entity, row["id"]]
            assert name not in records, f"{entity} {name} is there twice"
            records[name] = _plain(values)
        return records

    def _entries(self) -> Iterator[tuple[Any, ...]]:
        for row in self._hub.rows(timeline):
            moment = None if row["kind"] in UNDATED else str(row["occurred_at"])
            name = self._names[row["kind"], row["record_id"]]
            whose = self._names["contact", row["contact_id"]]
            yield row["kind"], name, whose, moment, _plain(row["summary"])


def broken_chains(hub: Hub) -> list[str]:
    """Where the journal of changes does not add up: an entry starts from another value than the
    one before it left, or the record is not what the last one made it."""
    told: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    wrong = []
    for row in hub.rows(changes):
        record = (row["entity"], row["record_id"])
        known = told[record]
        if row["action"] == "created" and known:
            wrong.append(f"{record}: made again by event {row['event_id']}")
        for name, (before, after) in row["fields"].items():
            if name in known and known[name] != _plain(before):
                wrong.append(f"{record}.{name}: {known[name]} became {_plain(before)} by nobody")
            known[name] = _plain(after)
    for entity, table in ENTITY_TABLES.items():
        for row in hub.rows(table):
            for name, value in told[entity, row["id"]].items():
                if name in row and _plain(row[name]) != value:
                    wrong.append(f"{(entity, row['id'])}.{name}: {value} became {row[name]}")
    return wrong


def differences(found: Effects, expected: Effects, most: int = 5) -> list[str]:
    """What is missing, too much or different, by name; at most so many a kind."""
    lines = []
    for kind, wanted in expected.items():
        given = found[kind]
        odd = [key for key in {**wanted, **given} if wanted.get(key) != given.get(key)]
        lines += [
            f"{kind} {key}: {given.get(key)} instead of {wanted.get(key)}" for key in odd[:most]
        ]
        if len(odd) > most:
            lines.append(f"{kind}: {len(odd) - most} more")
    return lines


def _name(entity: str, row: dict[str, Any]) -> str:
    if entity == "contact":
        return f"{row['phone']} {row['email']}"
    return str(row["external_id"])


def _plain(value: Any) -> str:
    """A value as comparable text, whatever the database made of it."""
    if isinstance(value, dict):
        value = {name: item for name, item in value.items() if name not in MOMENTS}
    return json.dumps(json.loads(to_json(value)), ensure_ascii=False, sort_keys=True)
