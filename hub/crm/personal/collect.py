"""All that the hub holds of one person, as plain data to take away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from hub.crm.documents import plain
from hub.crm.personal.person import OWNED, Person, chunks
from hub.crm.personal.request import Holdings
from hub.store.lists.events import get_event
from hub.store.models import (
    ENTITY_TABLES,
    bindings,
    changes,
    connections,
    contact_points,
    contacts,
    deliveries,
    timeline,
)
from hub.store.store import Store

Row = dict[str, Any]
#: Raw events that one file holds; a person with more has written a novel.
MAX_EVENTS = 5000


def everything(db: Connection, holdings: Holdings) -> dict[str, list[Row]]:
    """{what: rows}, every column of every record of theirs, JSON-able."""
    person, ids = holdings.work.person, holdings.work.person.contact_ids
    found = {
        "contacts": _rows(db, contacts, "id", ids),
        "contact_points": _rows(db, contact_points, "contact_id", ids),
    }
    for entity in OWNED:
        found[f"{entity}s"] = _rows(
            db, ENTITY_TABLES[entity], "id", holdings.work.records.get(entity, [])
        )
    found["timeline"] = _rows(db, timeline, "contact_id", ids)
    for name, table in (("changes", changes), ("deliveries", deliveries)):
        found[name] = [
            row
            for entity, some in _by_entity(person, holdings.work.records)
            for row in _about(db, table, entity, some)
        ]
    found["external_ids"] = _external_ids(db, person, holdings.work.records)
    return {name: plain(rows) for name, rows in found.items() if rows}


def raw_events(store: Store, event_ids: Sequence[int]) -> Iterator[Row]:
    """The raw events with what was tried, the connections' secrets masked."""
    for event_id in event_ids[:MAX_EVENTS]:
        bare = get_event(store.database, event_id)
        if bare is None:
            continue
        configured = store.catalog.by_id(bare["connection_id"])
        hidden: list[str] = []
        if configured is not None:
            secrets = configured.connection.secrets
            hidden = [value for name in secrets for value in secrets.all(name)]
        event = get_event(store.database, event_id, hidden)
        if event is not None:
            yield event


def _by_entity(
    person: Person, records: Mapping[str, Sequence[int]]
) -> list[tuple[str, Sequence[int]]]:
    return [
        (entity, some)
        for entity, ids in (("contact", person.contact_ids), *records.items())
        for some in chunks(ids)
    ]


def _rows(db: Connection, table: Table, column: str, ids: Sequence[int]) -> list[Row]:
    return [
        dict(row)
        for some in chunks(ids)
        for row in db.execute(
            select(table).where(table.c[column].in_(some)).order_by(table.c.id)
        ).mappings()
    ]


def _about(db: Connection, table: Table, entity: str, ids: Sequence[int]) -> list[Row]:
    query = select(table).where(table.c.entity == entity, table.c.record_id.in_(ids))
    return [dict(row) for row in db.execute(query.order_by(table.c.id)).mappings()]


def _external_ids(
    db: Connection, person: Person, records: Mapping[str, Sequence[int]]
) -> list[Row]:
    """By which ids other systems know them and their records."""
    found = []
    for entity, ids in _by_entity(person, records):
        query = (
            select(
                connections.c.name.label("connection"),
                bindings.c.entity,
                bindings.c.record_id,
                bindings.c.external_id,
            )
            .join(connections, connections.c.id == bindings.c.connection_id)
            .where(bindings.c.entity == entity, bindings.c.record_id.in_(ids))
        )
        found += [dict(row) for row in db.execute(query).mappings()]
    return found
