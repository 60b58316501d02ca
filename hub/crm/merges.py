"""Merging two contacts that are one person, and undoing it. Nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from hub.sdk.errors import Rejected
from hub.store.database import utc_now
from hub.store.models import (
    bindings,
    calls,
    contact_points,
    contacts,
    deals,
    identity_claims,
    leads,
    merges,
    messages,
    orders,
    possible_duplicates,
    tasks,
    timeline,
)
from hub.store.store import Store

#: What belongs to a contact and moves with it.
OWNED = {
    "leads": leads,
    "deals": deals,
    "orders": orders,
    "calls": calls,
    "messages": messages,
    "tasks": tasks,
    "timeline": timeline,
}


class MergeError(Rejected):
    """These contacts cannot be merged or separated."""

    code = "merge"


def merge(store: Store, kept_id: int, merged_id: int, actor: str) -> int:
    """Merge one contact into another; returns the merge's id. Nothing is deleted.

    MergeError when they are the same, unknown or already merged.
    """
    if kept_id == merged_id:
        raise MergeError("a contact cannot be merged with itself")
    with store.database.write() as db:
        kept, merged = _both(db, kept_id, merged_id)
        now = utc_now()
        moved: dict[str, Any] = {name: _move(db, name, kept_id, merged_id) for name in OWNED}
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
        moved["kept"] = _fill_gaps(db, kept, merged, now)
        db.execute(
            update(contacts)
            .where(contacts.c.id == merged_id)
            .values(merged_into_id=kept_id, updated_at=now)
        )
        _set_suspicion(db, kept_id, merged_id, "merged")
        done = db.execute(
            insert(merges)
            .values(kept_id=kept_id, merged_id=merged_id, moved=moved, actor=actor, created_at=now)
            .returning(merges.c.id)
        )
        return int(done.scalar_one())


def _both(db: Connection, kept_id: int, merged_id: int) -> tuple[dict[str, Any], dict[str, Any]]:
    query = (
        select(contacts)
        .where(contacts.c.id.in_([kept_id, merged_id]))
        .order_by(contacts.c.id)
        .with_for_update()
    )
    rows = {row["id"]: dict(row) for row in db.execute(query).mappings()}
    if len(rows) != 2:
        raise MergeError("there is no such contact")
    if any(row["merged_into_id"] for row in rows.values()):
        raise MergeError("the contact is merged already")
    return rows[kept_id], rows[merged_id]


def _move(db: Connection, name: str, kept_id: int, merged_id: int) -> list[int]:
    table = OWNED[name]
    ids = list(db.scalars(select(table.c.id).where(table.c.contact_id == merged_id)))
    db.execute(update(table).where(table.c.id.in_(ids)).values(contact_id=kept_id))
    return ids


def _set_suspicion(db: Connection, one: int, other: int, status: str) -> None:
    db.execute(
        update(possible_duplicates)
        .where(possible_duplicates.c.contact_id == min(one, other))
        .where(possible_duplicates.c.other_id == max(one, other))
        .values(status=status)
    )


def _move_points(db: Connection, kept_id: int, merged_id: int) -> list[list[Any]]:
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
    db: Connection, kept: Mapping[str, Any], other: Mapping[str, Any], now: datetime
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
        _set_suspicion(db, done.kept_id, done.merged_id, "open")


def _return_points(db: Connection, kept_id: int, merged_id: int, points: list[list[Any]]) -> None:
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
