"""A record as the outside sees it: the documents of the API and of outgoing webhooks.

The names and shapes are the outside contract: decimals are text, times RFC 3339 in UTC, ids
numbers, external ids text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from hub.sdk.entities import ENTITIES, ORDER_LINE

#: What only the hub uses while it puts a record together.
_INTERNAL: Final = frozenset({"leg_state", "leg_at", "leg_place", "outcome"})
#: The fields of each entity, in the order of its document.
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    entity: tuple(name for name in kinds if name not in _INTERNAL)
    for entity, kinds in ENTITIES.items()
}
#: Entities whose records belong to a contact.
OF_CONTACT: Final = frozenset({"lead", "deal", "order", "call", "message", "task"})
#: What the hub itself knows of a task: of a call-back, and what people made it about.
OF_TASK: Final = (
    "kind", "number", "missed_count", "attempt_count", "first_missed_at", "last_missed_at",
    "call_id", "closed_by_entity", "closed_by_id", "done_by", "about_entity", "about_id",
)  # fmt: skip
_LISTS: Final = frozenset({"phones", "emails", "lines", "erp_lines", "references", "attachments"})
#: Entities with a stage of the hub's own.
STAGED: Final = frozenset({"lead", "order"})
_WHOLE_RECORD: Final = "*"
_ACTORS: Final = (("e", "event"), ("r", "run"), ("u", "user"), ("dl", "delivery"))


def document(
    entity: str, row: Mapping[str, Any], connection_names: Mapping[int, str]
) -> dict[str, Any]:
    """A stored row as its JSON-ready document.

    `row` holds the entity's columns; a contact's may bring `phones` and `emails`. Columns that are
    absent come out as null. `connection_names` is {connection id: name}.
    """
    found: dict[str, Any] = {
        "id": row.get("id"),
        "connection": connection_names.get(row.get("connection_id") or 0),
    }
    if entity != "stock":
        found["external_id"] = row.get("external_id")
    for name in FIELDS[entity]:
        value = plain(row.get(name))
        found[name] = (value or []) if name in _LISTS else value
    if entity in OF_CONTACT:
        found["contact_id"] = row.get("contact_id")
    if entity == "message":
        found["thread_key"] = row.get("thread_key")
    if entity == "task":
        found |= {name: plain(row.get(name)) for name in OF_TASK}
    if entity in STAGED:
        found["stage"] = row.get("stage")
    if entity == "order":
        found["lines"] = [_line(line) for line in found["lines"]]
        found["differs"] = [kind for kind in str(row.get("differs") or "").split(",") if kind]
    if entity == "contact":
        _add_contact(found, row)
    if entity == "stock":
        return {**found, **_of_level(row)}
    for name in ("created_at", "updated_at", "deleted_at"):
        found[name] = plain(row.get(name))
    found["origins"] = _origins(row.get("origins") or {})
    found["extra"] = plain(row.get("extra") or {})
    return found


def is_low(row: Mapping[str, Any]) -> bool:
    """Whether a stock level is at its threshold or below."""
    free = row.get("quantity") if row.get("available") is None else row.get("available")
    minimum = row.get("low_threshold")
    return minimum is not None and free is not None and free <= minimum


def _of_level(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the hub itself knows of a stock level."""
    return {
        "product_id": row.get("product_id"),
        "is_owner": row.get("is_owner", True),
        "low_threshold": plain(row.get("low_threshold")),
        "is_low": is_low(row),
        "run_id": row.get("run_id"),
        "event_id": row.get("event_id"),
        "updated_at": plain(row.get("updated_at")),
        "removed_at": plain(row.get("removed_at")),
    }


def plain(value: Any) -> Any:
    """A value as JSON has it: decimals as text, times RFC 3339 UTC ending in Z."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: line.get(name) for name in ORDER_LINE}


def _add_contact(found: dict[str, Any], row: Mapping[str, Any]) -> None:
    for name, one in (("phones", "phone"), ("emails", "email")):
        first = [found[one]] if found[one] else []
        found[name] = list(dict.fromkeys(first + found[name]))
    found["last_activity_at"] = plain(row.get("last_activity_at"))
    found["merged_into_id"] = row.get("merged_into_id")


def _origins(origins: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Who set each field: {field: {event | run | user | delivery: id, at: time}}."""
    shown = {}
    for name, origin in origins.items():
        if name == _WHOLE_RECORD:
            continue
        at = origin.get("at")
        entry: dict[str, Any] = {word: origin[key] for key, word in _ACTORS if origin.get(key)}
        if entry.get("user", 1) < 1:
            # Set through an API token: a person's word, but no user's.
            entry["user"] = None
        entry["at"] = plain(datetime.fromisoformat(at)) if at else None
        shown[name] = entry
    return shown
