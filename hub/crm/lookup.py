"""Questions a sender asks while it waits: «who is this caller?»"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from hub.store.models import contact_points, contacts
from hub.store.store import Store


def look_up(store: Store, kind: str, value: str) -> Mapping[str, Any] | None:
    """The contact with this phone (E.164) or e-mail: {id, name, manager}; None when unknown."""
    with store.database.read() as db:
        row = db.execute(
            select(contacts.c.id, contacts.c.name, contacts.c.manager)
            .join(contact_points, contact_points.c.contact_id == contacts.c.id)
            .where(contact_points.c.kind == kind, contact_points.c.value == value)
            .where(contacts.c.merged_into_id.is_(None), contacts.c.deleted_at.is_(None))
            .order_by(contacts.c.last_activity_at.desc())
            .limit(1)
        ).mappings()
        found = row.first()
    return dict(found) if found else None
