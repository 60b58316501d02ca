"""What a mapping is tried on: a connection's latest events, and the records they are bound to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from hub.store.database import Database
from hub.store.event_rows import STATUSES, has_status
from hub.store.lists.paging import Row, as_dicts
from hub.store.models import ENTITY_TABLES, bindings, events


def newest_events(database: Database, connection_id: int, limit: int, before: int = 0) -> list[Row]:
    """The connection's latest events, newest first; with `before` those older than that event."""
    found: list[Row] = []
    with database.read() as db:
        # One by one: each has its index, so a quiet connection among busy ones costs no scan.
        for status in STATUSES:
            query = select(events.c.id, events.c.type, events.c.status, events.c.received_at).where(
                events.c.connection_id == connection_id, has_status(status)
            )
            if before:
                query = query.where(events.c.id < before)
            rows = db.execute(query.order_by(events.c.id.desc()).limit(limit))
            found += as_dicts(rows.mappings())
    return sorted(found, key=lambda row: -int(row["id"]))[:limit]


def newest_event_id(database: Database, connection_id: int) -> int:
    """The id of the connection's latest event; 0 when there is none."""
    found = newest_events(database, connection_id, 1)
    return int(found[0]["id"]) if found else 0


def stored_records(
    database: Database, connection_id: int, entity: str, external_ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The records that these external ids are bound to, by external id."""
    table = ENTITY_TABLES.get(entity)
    if table is None or not external_ids:
        return {}
    query = (
        select(bindings.c.external_id.label("bound_id"), table)
        .join(table, table.c.id == bindings.c.record_id)
        .where(
            bindings.c.connection_id == connection_id,
            bindings.c.entity == entity,
            bindings.c.external_id.in_(list(external_ids)[:200]),
        )
    )
    with database.read() as db:
        rows = as_dicts(db.execute(query).mappings())
    return {str(row.pop("bound_id")): row for row in rows}
