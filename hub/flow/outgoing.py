"""What a destination is told, whether the hub brings it or the destination fetches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from hub.crm.documents import document
from hub.flow import enrich
from hub.sdk.errors import Rejected
from hub.sdk.records import CONTACT_ERASED, Change
from hub.store.store import Store


def change_of(store: Store, row: Row[Any], record: Mapping[str, Any] | None) -> Change:
    """The change that a delivery brings; of an erasure it is the id alone.

    `row` is the delivery, `record` its record's newest state, both as stored. Rejected when the
    record is gone.
    """
    if record is None:
        raise Rejected("the record is gone")
    everyone = store.catalog.all()
    if row.event_type == CONTACT_ERASED:
        return _change(row, {})
    fields = document(row.entity, record, {item.id: item.name for item in everyone})
    destination = next((item for item in everyone if item.id == row.connection_id), None)
    if row.entity == "order" and destination is not None and enrich.takes_orders(destination):
        fields |= enrich.order_fields(store, destination, record, fields["lines"])
    return _change(row, fields)


def _change(row: Row[Any], fields: Mapping[str, Any]) -> Change:
    return Change(
        entity=row.entity,
        record_id=row.record_id,
        fields=fields,
        event_type=row.event_type,
        changed_at=row.changed_at,
        # A new state is a new message; a repeat of the same state keeps its id.
        delivery_key=f"{row.delivery_key}_{row.generation}",
        deleted=row.is_deleted,
        record_key=record_key(row.entity, row.record_id),
    )


def record_key(entity: str, record_id: int) -> str:
    """The key one record has in every destination, over all its changes and tries."""
    return f"uzel-{entity}-{record_id}"
