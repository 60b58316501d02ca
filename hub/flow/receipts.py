"""What a destination said in return becomes part of the store: its ids, and its word on fields."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.sql.schema import Table

from hub.crm.derived import SILENT, derive
from hub.crm.fold import WHOLE, Stamp, fold
from hub.flow.sinks import sinks_for
from hub.sdk.entities import ENTITIES
from hub.sdk.records import Receipt
from hub.store import outbox
from hub.store.connections import Configured
from hub.store.database import insert_for
from hub.store.models import ENTITY_TABLES, bindings, changes
from hub.store.outbox import Duty
from hub.store.store import Store
from hub.store.threads import short_ref

log = logging.getLogger("hub.deliveries")


def keep_receipt(
    db: Connection,
    store: Store,
    destination: Configured,
    row: Row[Any],
    receipt: Receipt,
    now: datetime,
) -> None:
    """Keep what a delivery's receipt says, in the delivery's transaction.

    To call before the delivery's own row is written: a drain locks a record first and its
    deliveries after, and so does this.
    """
    if receipt.fields:
        _write_back(db, store, destination, row, receipt.fields, now)
    given = [(row.entity, row.record_id, receipt.external_id), *receipt.bindings]
    for entity, record_id, external_id in given:
        if external_id and record_id:
            _bind(db, destination.id, entity, record_id, short_ref(external_id), now)


def _write_back(
    db: Connection,
    store: Store,
    destination: Configured,
    delivery: Row[Any],
    given: Mapping[str, Any],
    now: datetime,
) -> None:
    """Set fields as the destination's word, and owe every other destination the new state."""
    entity, record_id = delivery.entity, delivery.record_id
    table = ENTITY_TABLES[entity]
    row = _locked(db, table, record_id)
    known = {name: value for name, value in given.items() if name in ENTITIES[entity]}
    if row is None or not known:
        return
    stamp = Stamp(now.isoformat(), now, destination.id, delivery_id=delivery.id)
    changed = derive(entity, row, fold(row, known, stamp))
    # Not the record's own news: a deletion that its source reports meanwhile is not outdated by it.
    whole = (row.get("origins") or {}).get(WHOLE)
    origins = {name: item for name, item in changed.get("origins", {}).items() if name != WHOLE}
    changed["origins"] = origins if whole is None else {**origins, WHOLE: whole}
    said = {name: [row[name], value] for name, value in changed.items() if name not in SILENT}
    db.execute(
        update(table)
        .where(table.c.id == record_id)
        .values(**changed, **({"updated_at": now} if said else {}))
    )
    if not said:
        return
    _log(db, entity, record_id, delivery.id, "updated", said, now)
    duties = [
        Duty(sink.connection_id, entity, record_id, f"{entity}.updated", delivery.event_id)
        for sink in sinks_for(destination, store.catalog.all())
        if not sink.entities or entity in sink.entities
    ]
    outbox.add(db, duties, now)


def _bind(
    db: Connection,
    destination_id: int,
    entity: str,
    record_id: int,
    external_id: str,
    now: datetime,
) -> None:
    """Bind the destination's id to our record.

    A poll may have seen what we made before this transaction, and taken it for a record of its
    own: that one gives way. What is bound to a record of another source stays as it is.
    """
    key = {"connection_id": destination_id, "entity": entity, "external_id": external_id}
    statement = insert_for(db, bindings).values(**key, record_id=record_id)
    if db.scalar(statement.on_conflict_do_nothing().returning(bindings.c.id)):
        return
    held = select(bindings).filter_by(**key)
    holder = db.execute(held).one()
    if holder.record_id == record_id:
        return
    table = ENTITY_TABLES[entity]
    other = _locked(db, table, holder.record_id)
    own = other is not None and (other["connection_id"], other["external_id"]) == (
        destination_id,
        external_id,
    )
    if entity != "order" or not own:
        log.warning("bound to another record", extra={"entity": entity, "record": record_id})
        return
    db.execute(update(bindings).where(bindings.c.id == holder.id).values(record_id=record_id))
    gone = {"deleted_at": now, "updated_at": now}
    db.execute(update(table).where(table.c.id == holder.record_id).values(gone))
    said = {"deleted_at": [None, now]}
    _log(db, entity, holder.record_id, None, "updated", said, now)


def _locked(db: Connection, table: Table, record_id: int) -> dict[str, Any] | None:
    query = select(table).where(table.c.id == record_id).with_for_update()
    row = db.execute(query).mappings().first()
    return None if row is None else dict(row)


def _log(
    db: Connection,
    entity: str,
    record_id: int,
    delivery_id: int | None,
    action: str,
    said: Mapping[str, Any],
    now: datetime,
) -> None:
    db.execute(
        insert(changes).values(
            entity=entity,
            record_id=record_id,
            delivery_id=delivery_id,
            action=action,
            fields=dict(said),
            at=now,
        )
    )
