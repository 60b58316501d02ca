"""Contacts' phones and e-mails, notes on them, merges and possible duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, select

from hub.store.database import Database
from hub.store.lists.among import among
from hub.store.lists.paging import ListPage, Order, Row, fetch_page
from hub.store.models import contact_points, contacts, merges, notes, possible_duplicates

_NOTE = [
    notes.c[name] for name in ("id", "contact_id", "text", "author", "created_at", "updated_at")
]


def add_points(db: Connection, rows: Sequence[Row]) -> None:
    """Give contact rows their `phones` and `emails`, in the order they became known."""
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    query = (
        select(contact_points.c.contact_id, contact_points.c.kind, contact_points.c.value)
        .where(among(db, contact_points.c.contact_id, [row["id"] for row in rows]))
        .order_by(contact_points.c.id)
    )
    for contact_id, kind, value in db.execute(query) if rows else ():
        found[(contact_id, kind)].append(value)
    for row in rows:
        row["phones"] = found[(row["id"], "phone")]
        row["emails"] = found[(row["id"], "email")]


def list_merges(
    database: Database, contact_id: int | None = None, limit: int = 50, cursor: str | None = None
) -> ListPage:
    """Merges with `kept_name` and `merged_name`; of one contact, or all."""
    query = _merges()
    if contact_id is not None:
        query = query.where((merges.c.kept_id == contact_id) | (merges.c.merged_id == contact_id))
    with database.read() as db:
        return fetch_page(db, query, Order(merges.c.id), limit, cursor)


@cache
def _merges() -> Select[Any]:
    kept, merged = contacts.alias("kept"), contacts.alias("merged")
    return (
        select(
            merges.c.id,
            merges.c.kept_id,
            merges.c.merged_id,
            merges.c.actor,
            merges.c.created_at,
            merges.c.undone_at,
            kept.c.name.label("kept_name"),
            merged.c.name.label("merged_name"),
        )
        .join(kept, kept.c.id == merges.c.kept_id)
        .join(merged, merged.c.id == merges.c.merged_id)
    )


def list_notes(
    database: Database, contact_id: int, limit: int = 50, cursor: str | None = None
) -> ListPage:
    """Notes on a client, the newest first, without those taken back."""
    query = select(*_NOTE).where(notes.c.contact_id == contact_id, notes.c.deleted_at.is_(None))
    with database.read() as db:
        return fetch_page(db, query, Order(notes.c.id), limit, cursor)


def get_note(database: Database, note_id: int) -> Row:
    """One note."""
    with database.read() as db:
        return dict(db.execute(select(*_NOTE).where(notes.c.id == note_id)).mappings().one())


def list_duplicates(
    database: Database, status: str = "open", limit: int = 50, cursor: str | None = None
) -> ListPage:
    """Possible duplicates with `contact_name` and `other_name`; status open, merged, dismissed."""
    one, other = contacts.alias("one"), contacts.alias("other")
    query = (
        select(
            possible_duplicates,
            one.c.name.label("contact_name"),
            other.c.name.label("other_name"),
        )
        .join(one, one.c.id == possible_duplicates.c.contact_id)
        .join(other, other.c.id == possible_duplicates.c.other_id)
    )
    if status:
        query = query.where(possible_duplicates.c.status == status)
    with database.read() as db:
        return fetch_page(db, query, Order(possible_duplicates.c.id), limit, cursor)
