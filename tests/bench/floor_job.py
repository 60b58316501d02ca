"""The floor's RQ job, as one writes it by hand: one event, one transaction, SQLAlchemy Core.

It does for one event of a call what the hub does for a batch: read the event, parse and map it,
find or make the contact by phone, add to the call what this message says, put it on the timeline,
keep what was changed and by which event, mark the event done. It lacks what the hub has besides:
leases, replays, origins of single fields, merges, destinations.

In a module of its own: RQ imports a job by name, never from `__main__`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import phonenumbers
from sqlalchemy import Connection, Engine, insert, select, update

from hub.store.database import Database, insert_for, utc_now
from hub.store.models import (
    bindings,
    calls,
    changes,
    contact_points,
    contacts,
    event_bodies,
    events,
    timeline,
)

STATES = {"Appeared": "started_at", "Connected": "answered_at", "Disconnected": "ended_at"}


@cache
def engine(url: str) -> Engine:
    """This process's engine."""
    return Database(url).engine


def handle(url: str, event_id: int) -> None:
    """One event, in a transaction of its own."""
    with engine(url).connect().execution_options(uzel_write=True) as db, db.begin():
        event = db.execute(
            select(events.c.connection_id, event_bodies.c.body)
            .join(event_bodies, event_bodies.c.event_id == events.c.id)
            .where(events.c.id == event_id, events.c.status == "received")
        ).first()
        if event is None:
            return
        message = json.loads(parse_qs(event.body.decode())["json"][0])
        phone = e164(message["from"]["number"])
        contact_id = contact_of(db, event.connection_id, phone)
        store_call(db, event.connection_id, event_id, message, phone, contact_id)
        now = utc_now()
        db.execute(
            update(events)
            .where(events.c.id == event_id)
            .values(status="done", finished_at=now, attempts=events.c.attempts + 1)
        )


def e164(text: str) -> str:
    """A phone as E.164."""
    number = phonenumbers.parse(text if text.startswith("+") else f"+{text}", "RU")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def contact_of(db: Connection, connection_id: int, phone: str) -> int:
    """The contact with this phone, found or made."""
    found = db.scalar(
        select(contact_points.c.contact_id).where(
            contact_points.c.kind == "phone", contact_points.c.value == phone
        )
    )
    if found is not None:
        return int(found)
    now = utc_now()
    made = db.execute(
        insert(contacts)
        .values(connection_id=connection_id, phone=phone, created_at=now, updated_at=now)
        .returning(contacts.c.id)
    ).scalar_one()
    db.execute(insert(contact_points).values(contact_id=made, kind="phone", value=phone))
    return int(made)


def store_call(
    db: Connection,
    connection_id: int,
    event_id: int,
    message: dict[str, Any],
    phone: str,
    contact_id: int,
) -> None:
    """The call's row, and what is told of it."""
    now, external_id = utc_now(), message["entry_id"]
    call_id = db.scalar(
        select(bindings.c.record_id).where(
            bindings.c.connection_id == connection_id,
            bindings.c.entity == "call",
            bindings.c.external_id == external_id,
        )
    )
    said = what_it_says(message) | {"contact_id": contact_id, "updated_at": now}
    action = "created" if call_id is None else "updated"
    if call_id is None:
        values = {"connection_id": connection_id, "external_id": external_id, "created_at": now,
                  "from_number": phone, "direction": "in", **said}  # fmt: skip
        call_id = db.execute(insert(calls).values(values).returning(calls.c.id)).scalar_one()
        db.execute(
            insert(bindings).values(
                connection_id=connection_id,
                entity="call",
                external_id=external_id,
                record_id=call_id,
            )
        )
    else:
        db.execute(update(calls).where(calls.c.id == call_id).values(said))
    tell(db, connection_id, event_id, int(call_id), action, said)


def tell(
    db: Connection,
    connection_id: int,
    event_id: int,
    call_id: int,
    action: str,
    said: dict[str, Any],
) -> None:
    """The call's timeline entry, and what this event changed."""
    now = utc_now()
    shown = {name: str(value) for name, value in said.items()}
    entry = {"contact_id": said["contact_id"], "kind": "call", "record_id": call_id,
             "occurred_at": now, "connection_id": connection_id, "event_id": event_id,
             "summary": shown}  # fmt: skip
    db.execute(
        insert_for(db, timeline)
        .values(entry)
        .on_conflict_do_update(
            index_elements=["kind", "record_id"], set_={"summary": shown, "event_id": event_id}
        )
    )
    db.execute(
        insert(changes).values(
            entity="call",
            record_id=call_id,
            event_id=event_id,
            action=action,
            fields=shown,
            at=now,
        )
    )


def what_it_says(message: dict[str, Any]) -> dict[str, Any]:
    """The call's columns that this message knows."""
    if "call_state" in message:
        moment = datetime.fromtimestamp(message["timestamp"], UTC)
        return {STATES[message["call_state"]]: moment}
    return {
        "status": "answered" if message["talk_time"] else "missed",
        "line_number": message["line_number"],
        "extension": message["to"]["extension"],
        "started_at": datetime.fromtimestamp(message["create_time"], UTC),
        "ended_at": datetime.fromtimestamp(message["end_time"], UTC),
        "talk_seconds": message["end_time"] - message["talk_time"],
    }
