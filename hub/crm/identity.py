"""Who is this? Contacts by binding, then phone, then e-mail; merge and un-merge.

Several candidates: the most recently active one, and a possible duplicate for a person to judge;
never a silent third contact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from hub.crm.fold import Stamp, fold
from hub.sdk.errors import Rejected
from hub.store.database import utc_now
from hub.store.models import (
    bindings,
    contact_points,
    contacts,
    identity_claims,
    leads,
    merges,
    possible_duplicates,
    timeline,
)
from hub.store.models import calls as calls_table
from hub.store.models import deals as deals_table
from hub.store.models import messages as messages_table
from hub.store.models import orders as orders_table
from hub.store.models import tasks as tasks_table
from hub.store.store import Store
from hub.store.working_set import WorkingSet

POINT_FIELDS = {"phone": "phone", "phones": "phone", "email": "email", "emails": "email"}
OWNED = {
    "leads": leads,
    "deals": deals_table,
    "orders": orders_table,
    "calls": calls_table,
    "messages": messages_table,
    "tasks": tasks_table,
    "timeline": timeline,
}


class MergeError(Rejected):
    """These contacts cannot be merged or separated."""

    code = "merge"


def points_of(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The phones and e-mails among contact fields, as (kind, value), phones first."""
    found: list[tuple[str, str]] = []
    for name, kind in POINT_FIELDS.items():
        value = fields.get(name)
        values: Iterable[Any] = value if isinstance(value, list | tuple) else [value]
        found.extend((kind, str(one)) for one in values if one)
    return list(dict.fromkeys(found))


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
    known = {
        name: value
        for name, value in fields.items()
        if name in contacts.c and name not in {"external_id", "id"}
    }
    changed = fold(row, known, stamp, keep_filled=True)
    # The record-level origin serves whole-state sources; a contact is known only in pieces.
    visible = {name: value for name, value in changed.items() if name != "origins"}
    if row["last_activity_at"] is None or seen_at > row["last_activity_at"]:
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
        line = str(word or "").strip().lower()
        if line and line not in lines:
            lines.append(line)
    return "\n".join(lines)


def merge(store: Store, kept_id: int, merged_id: int, actor: str) -> int:
    """Merge one contact into another; returns the merge's id. Nothing is deleted.

    MergeError when they are the same, unknown or already merged.
    """
    if kept_id == merged_id:
        raise MergeError("a contact cannot be merged with itself")
    with store.database.write() as db:
        rows = {
            row["id"]: dict(row)
            for row in db.execute(
                select(contacts)
                .where(contacts.c.id.in_([kept_id, merged_id]))
                .order_by(contacts.c.id)
                .with_for_update()
            ).mappings()
        }
        if len(rows) != 2:
            raise MergeError("there is no such contact")
        if any(row["merged_into_id"] for row in rows.values()):
            raise MergeError("the contact is merged already")
        now = utc_now()
        moved: dict[str, Any] = {}
        for name, table in OWNED.items():
            ids = list(db.scalars(select(table.c.id).where(table.c.contact_id == merged_id)))
            moved[name] = ids
            db.execute(update(table).where(table.c.id.in_(ids)).values(contact_id=kept_id))
        moved["points"] = _move_points(db, kept_id, merged_id)
        moved["bindings"] = list(
            db.scalars(
                select(bindings.c.id).where(
                    bindings.c.entity == "contact", bindings.c.record_id == merged_id
                )
            )
        )
        db.execute(
            update(bindings).where(bindings.c.id.in_(moved["bindings"])).values(record_id=kept_id)
        )
        moved["kept"] = _fill_gaps(db, rows[kept_id], rows[merged_id], now)
        db.execute(
            update(contacts)
            .where(contacts.c.id == merged_id)
            .values(merged_into_id=kept_id, updated_at=now)
        )
        pair = (min(kept_id, merged_id), max(kept_id, merged_id))
        db.execute(
            update(possible_duplicates)
            .where(possible_duplicates.c.contact_id == pair[0])
            .where(possible_duplicates.c.other_id == pair[1])
            .values(status="merged")
        )
        done = db.execute(
            insert(merges)
            .values(kept_id=kept_id, merged_id=merged_id, moved=moved, actor=actor, created_at=now)
            .returning(merges.c.id)
        )
        return int(done.scalar_one())


def _move_points(db: Any, kept_id: int, merged_id: int) -> list[list[Any]]:
    columns = (contact_points.c.id, contact_points.c.kind, contact_points.c.value)
    own = {
        (row.kind, row.value)
        for row in db.execute(select(*columns).where(contact_points.c.contact_id == kept_id))
    }
    moved = []
    for row in db.execute(select(*columns).where(contact_points.c.contact_id == merged_id)).all():
        moved.append([row.kind, row.value, (row.kind, row.value) in own])
        if (row.kind, row.value) in own:
            db.execute(contact_points.delete().where(contact_points.c.id == row.id))
        else:
            db.execute(
                update(contact_points)
                .where(contact_points.c.id == row.id)
                .values(contact_id=kept_id)
            )
    db.execute(
        update(identity_claims)
        .where(identity_claims.c.contact_id == merged_id)
        .values(contact_id=kept_id)
    )
    return moved


_GAP_FIELDS = ("name", "phone", "email", "company_name", "position", "inn", "city", "address")


def _fill_gaps(
    db: Any, kept: Mapping[str, Any], other: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Fill the kept contact's empty fields; returns what they were, for the undo."""
    values: dict[str, Any] = {
        name: other[name] for name in _GAP_FIELDS if not kept[name] and other[name]
    }
    origins = dict(kept["origins"] or {})
    origins.update({name: (other["origins"] or {}).get(name, {"v": ""}) for name in values})
    values["origins"] = origins
    lines = [*kept["search_text"].split("\n"), *other["search_text"].split("\n")]
    values["search_text"] = "\n".join(dict.fromkeys(line for line in lines if line))
    moments = [row["last_activity_at"] for row in (kept, other) if row["last_activity_at"]]
    db.execute(
        update(contacts)
        .where(contacts.c.id == kept["id"])
        .values(**values, last_activity_at=max(moments, default=None), updated_at=now)
    )
    return {name: kept[name] for name in values}


def unmerge(store: Store, merge_id: int, actor: str) -> None:
    """Undo a merge: what it moved goes back. MergeError when there is nothing to undo."""
    with store.database.write() as db:
        done = db.execute(select(merges).where(merges.c.id == merge_id).with_for_update()).first()
        if done is None or done.undone_at is not None:
            raise MergeError("there is no such merge to undo")
        later = db.scalar(select(contacts.c.merged_into_id).where(contacts.c.id == done.kept_id))
        if later:
            raise MergeError("the kept contact was merged later; undo that merge first")
        now = utc_now()
        for name, table in OWNED.items():
            db.execute(
                update(table)
                .where(table.c.id.in_(done.moved[name]))
                .values(contact_id=done.merged_id)
            )
        _return_points(db, done.kept_id, done.merged_id, done.moved["points"])
        db.execute(
            update(bindings)
            .where(bindings.c.id.in_(done.moved["bindings"]))
            .values(record_id=done.merged_id)
        )
        db.execute(
            update(contacts)
            .where(contacts.c.id == done.kept_id)
            .values(**done.moved["kept"], updated_at=now)
        )
        db.execute(
            update(contacts)
            .where(contacts.c.id == done.merged_id)
            .values(merged_into_id=None, updated_at=now)
        )
        db.execute(update(merges).where(merges.c.id == merge_id).values(undone_at=now, actor=actor))
        pair = (min(done.kept_id, done.merged_id), max(done.kept_id, done.merged_id))
        db.execute(
            update(possible_duplicates)
            .where(possible_duplicates.c.contact_id == pair[0])
            .where(possible_duplicates.c.other_id == pair[1])
            .values(status="open")
        )


def _return_points(db: Any, kept_id: int, merged_id: int, points: list[list[Any]]) -> None:
    for kind, value, both_had in points:
        if both_had:
            db.execute(insert(contact_points).values(contact_id=merged_id, kind=kind, value=value))
            continue
        for table in (contact_points, identity_claims):
            db.execute(
                update(table)
                .where(table.c.contact_id == kept_id)
                .where(table.c.kind == kind, table.c.value == value)
                .values(contact_id=merged_id)
            )
