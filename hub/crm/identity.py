"""Who is this? Contacts by binding, then phone, then e-mail.

Several candidates: the most recently active one, and a possible duplicate for a person to judge;
never a silent third contact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from hub.crm.fold import Stamp, fold
from hub.store.models import contacts
from hub.store.spelling import plain_letters
from hub.store.working_set import WorkingSet

POINT_FIELDS = {"phone": "phone", "phones": "phone", "email": "email", "emails": "email"}
#: The columns of a contact that its fields fill.
KNOWN = frozenset(contacts.c.keys()) - {"external_id", "id"}


def points_of(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The phones and e-mails among contact fields, as (kind, value), phones first."""
    found: dict[tuple[str, str], None] = {}
    for name, kind in POINT_FIELDS.items():
        value = fields.get(name)
        if not value:
            continue
        values: Iterable[Any] = value if isinstance(value, list | tuple) else (value,)
        for one in values:
            if one:
                found[(kind, str(one))] = None
    return list(found)


def resolve_contact(
    ws: WorkingSet, fields: Mapping[str, Any], stamp: Stamp, seen_at: datetime
) -> int | None:
    """Find or make the contact these fields tell of; None when they identify nobody."""
    external_id = str(fields.get("external_id") or "")
    points = points_of(fields)
    connection_id = stamp.connection_id or 0
    bound = ws.bound(connection_id, "contact", external_id) if external_id else None
    bound = _kept(ws, bound) if bound is not None else None
    if bound is None and not points and not external_id:
        return None
    holders = _holders(ws, points)
    if bound is not None:
        chosen = bound
    elif holders:
        chosen = max(holders, key=lambda key: _activity(ws, key))
    else:
        chosen = ws.create(
            "contact",
            {"connection_id": stamp.connection_id, "external_id": external_id or None},
        )
    for other in holders - {chosen}:
        ws.suspect(chosen, other, "shared_contact_point", stamp.event_id)
    if external_id:
        ws.bind(connection_id, "contact", external_id, chosen)
    for kind, value in points:
        ws.add_point(chosen, kind, value)
    _fold_contact(ws, chosen, fields, stamp, seen_at)
    return chosen


def _holders(ws: WorkingSet, points: list[tuple[str, str]]) -> set[int]:
    found: set[int] = set()
    for kind, value in points:
        found |= {_kept(ws, key) for key in ws.contacts_with(kind, value)}
    return found


def _kept(ws: WorkingSet, contact_id: int) -> int:
    """Follow merges to the contact that was kept."""
    for _ in range(20):
        into = ws.row("contact", contact_id).get("merged_into_id")
        if not into:
            return contact_id
        contact_id = int(into)
    return contact_id


def _activity(ws: WorkingSet, contact_id: int) -> tuple[str, int]:
    active = ws.row("contact", contact_id).get("last_activity_at")
    return (active.isoformat() if active else "", -contact_id)


def _fold_contact(
    ws: WorkingSet, contact_id: int, fields: Mapping[str, Any], stamp: Stamp, seen_at: datetime
) -> None:
    row = ws.row("contact", contact_id)
    known = {name: value for name, value in fields.items() if name in KNOWN}
    changed = fold(row, known, stamp, keep_filled=True)
    # The record-level origin serves whole-state sources; a contact is known only in pieces.
    visible = {name: value for name, value in changed.items() if name != "origins"}
    active = row["last_activity_at"]
    if active is None or (stamp.is_dated and seen_at > active):
        changed["last_activity_at"] = seen_at
    search = search_text(str(row.get("search_text") or ""), fields)
    if search != row.get("search_text"):
        changed["search_text"] = search
    if not changed:
        return
    before = {name: row.get(name) for name in visible}
    created = not row["origins"] and row["created_at"] == ws.now
    ws.change("contact", contact_id, changed)
    if visible or created:
        ws.log_change(
            {
                "entity": "contact",
                "record_id": contact_id,
                "action": "created" if created else "updated",
                "event_id": stamp.event_id,
                "run_id": stamp.run_id,
                "user_id": stamp.user_id,
                "fields": {name: [before[name], value] for name, value in visible.items()},
            }
        )


def search_text(text: str, fields: Mapping[str, Any]) -> str:
    """What a contact is found by: the text so far with the names, phones and mails added."""
    words = [fields.get("name"), fields.get("company_name"), fields.get("inn")]
    words += [value for _, value in points_of(fields)]
    lines = text.split("\n") if text else []
    for word in words:
        line = plain_letters(str(word).strip()) if word else ""
        if line and line not in lines:
            lines.append(line)
    return "\n".join(lines)
