"""What became of one event's records after it was stored: their deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select, tuple_

from hub.store.database import Database
from hub.store.lists.paging import Row, as_dicts
from hub.store.models import connections, deliveries

MOST = 50


def deliveries_of(database: Database, event: Mapping[str, Any]) -> list[Row]:
    """Deliveries of the records that the event changed, made since, oldest first; with
    `connection`, the destination. Of a record that changed again only the newest state is sent:
    then `event_id` is the later event's."""
    records = {(one["entity"], one["record_id"]) for one in event["changes"]}
    if not records:
        return []
    query = (
        select(deliveries, connections.c.name.label("connection"))
        .join(connections, connections.c.id == deliveries.c.connection_id)
        .where(tuple_(deliveries.c.entity, deliveries.c.record_id).in_(sorted(records)))
        .where(deliveries.c.changed_at >= event["received_at"])
        .order_by(deliveries.c.id)
        .limit(MOST)
    )
    with database.read() as db:
        rows = as_dicts(db.execute(query).mappings())
    own = [row for row in rows if row["event_id"] == event["id"]]
    return own or _first_of_each(rows)


def _first_of_each(rows: Iterable[Row]) -> list[Row]:
    found: dict[Any, Row] = {}
    for row in rows:
        found.setdefault((row["connection_id"], row["entity"], row["record_id"]), row)
    return list(found.values())
