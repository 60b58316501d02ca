"""Merging two contacts that are one person, and undoing it. Nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from hub.crm.documents import plain
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
    notes,
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
    "notes": notes,
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
        moved["claims"] = _move_claims(db, kept_id, merged_id)
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
    kept, merged = _rows(db, kept_id, merged_id)
    if kept["merged_into_id"] or merged["merged_into_id"]:
        raise MergeError("the contact is merged already")
    return kept, merged


def _rows(db: Connection, kept_id: int, merged_id: int) -> tuple[dict[str, Any], dict[str, Any]]:
    query = (
        select(contacts)
        .where(contacts.c.id.in_([kept_id, merged_id]))
        .order_by(contacts.c.id)
        .with_for_update()
    )
    rows = {row["id"]: dict(row) for row in db.execute(query).mappings()}
    if len(rows) != 2:
        raise MergeError("there is no such contact")
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
    return moved


def _move_claims(db: Connection, kept_id: int, merged_id: int) -> list[list[str]]:
    claims = identity_claims
    query = select(claims.c.kind, claims.c.value).where(claims.c.contact_id == merged_id)
    found = [[row.kind, row.value] for row in db.execute(query)]
    db.execute(update(claims).where(claims.c.contact_id == merged_id).values(contact_id=kept_id))
    return found


_GAP_FIELDS = ("name", "phone", "email", "company_name", "position", "inn", "city", "address")


def _fill_gaps(
    db: Connection, kept: Mapping[str, Any], other: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Fill the kept contact's empty fields; returns what the undo needs to know."""
    filled: dict[str, Any] = {
        name: other[name] for name in _GAP_FIELDS if not kept[name] and other[name]
    }
    origins = dict(kept["origins"] or {})
    undo = {
        "before": {name: kept[name] for name in filled},
        "filled": filled,
        "origins": {name: origins[name] for name in filled if name in origins},
        "search_text": kept["search_text"],
        "active": plain(kept["last_activity_at"]),
    }
    origins.update({name: (other["origins"] or {}).get(name, {"v": ""}) for name in filled})
    moments = [row["last_activity_at"] for row in (kept, other) if row["last_activity_at"]]
    db.execute(
        update(contacts)
        .where(contacts.c.id == kept["id"])
        .values(
            **filled,
            origins=origins,
            search_text=_lines(kept["search_text"], other["search_text"]),
            last_activity_at=max(moments, default=None),
            updated_at=now,
        )
    )
    return undo


def preview(kept: Mapping[str, Any], other: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Field by field what a merge would make: {name, kept, other, result, from_other}; of fields
    that either has."""
    found = []
    for name in (*_GAP_FIELDS, "comment", "manager"):
        fills = name in _GAP_FIELDS and not kept[name] and bool(other[name])
        if kept[name] or other[name]:
            result = other[name] if fills else kept[name]
            found.append(
                {
                    "name": name,
                    "kept": kept[name],
                    "other": other[name],
                    "result": result,
                    "from_other": fills,
                }
            )
    return found


def _lines(*texts: str) -> str:
    """The lines of the texts, each once."""
    return "\n".join(dict.fromkeys(line for text in texts for line in text.split("\n") if line))


def _open_gaps(
    db: Connection,
    kept: Mapping[str, Any],
    other: Mapping[str, Any],
    undo: Mapping[str, Any],
    now: datetime,
) -> None:
    """Take out of the kept contact what the merge put in; what came since then stays."""
    origins = dict(kept["origins"] or {})
    values: dict[str, Any] = {}
    for name, value in undo["filled"].items():
        if kept[name] != value:
            continue
        values[name] = undo["before"][name]
        origins.pop(name, None)
        if name in undo["origins"]:
            origins[name] = undo["origins"][name]
    added = set(other["search_text"].split("\n")) - set(undo["search_text"].split("\n"))
    lines = [line for line in kept["search_text"].split("\n") if line not in added]
    if kept["last_activity_at"] == other["last_activity_at"]:
        active = undo["active"]
        values["last_activity_at"] = datetime.fromisoformat(active) if active else None
    db.execute(
        update(contacts)
        .where(contacts.c.id == kept["id"])
        .values(**values, origins=origins, search_text="\n".join(lines), updated_at=now)
    )


def unmerge(store: Store, merge_id: int, actor: str) -> None:
    """Undo a merge: what it moved goes back. MergeError when there is nothing to undo."""
    with store.database.write() as db:
        done = db.execute(select(merges).where(merges.c.id == merge_id).with_for_update()).first()
        if done is None or done.undone_at is not None:
            raise MergeError("there is no such merge to undo")
        kept, merged = _rows(db, done.kept_id, done.merged_id)
        if kept["merged_into_id"]:
            raise MergeError("the kept contact was merged later; undo that merge first")
        now = utc_now()
        for name, table in OWNED.items():
            db.execute(
                update(table)
                .where(table.c.id.in_(done.moved.get(name, [])))
                .values(contact_id=done.merged_id)
            )
        _return_points(db, done.kept_id, done.merged_id, done.moved)
        db.execute(
            update(bindings)
            .where(bindings.c.id.in_(done.moved["bindings"]))
            .values(record_id=done.merged_id)
        )
        _open_gaps(db, kept, merged, done.moved["kept"], now)
        db.execute(
            update(contacts)
            .where(contacts.c.id == done.merged_id)
            .values(merged_into_id=None, updated_at=now)
        )
        db.execute(update(merges).where(merges.c.id == merge_id).values(undone_at=now, actor=actor))
        _set_suspicion(db, done.kept_id, done.merged_id, "open")


def _return_points(db: Connection, kept_id: int, merged_id: int, moved: Mapping[str, Any]) -> None:
    for kind, value, both_had in moved["points"]:
        if both_had:
            db.execute(insert(contact_points).values(contact_id=merged_id, kind=kind, value=value))
        else:
            _give_back(db, contact_points, kept_id, merged_id, kind, value)
    for kind, value in moved["claims"]:
        _give_back(db, identity_claims, kept_id, merged_id, kind, value)


def _give_back(
    db: Connection, table: Table, kept_id: int, merged_id: int, kind: str, value: str
) -> None:
    db.execute(
        update(table)
        .where(table.c.contact_id == kept_id, table.c.kind == kind, table.c.value == value)
        .values(contact_id=merged_id)
    )
