"""Step deliver: bring each change to its destination, the newest state of a record."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from hub.crm.documents import document
from hub.flow.drain import policy_of
from hub.flow.retry import Decision, decide
from hub.queues import queues_for
from hub.sdk.errors import ConfigError, Rejected, RetryLater
from hub.sdk.records import Change, Receipt
from hub.store import leases
from hub.store.connections import Configured, set_state
from hub.store.database import insert_for, utc_now
from hub.store.models import ENTITY_TABLES, attempts, bindings, deliveries
from hub.store.outbox import OPEN_STATUSES
from hub.store.store import Store

LEASE_SECONDS = 120.0
BATCH = 50
REPLY_SAMPLE = 2000
log = logging.getLogger("hub.deliveries")


def deliver(store: Store, destination_id: int, max_seconds: float = 60.0) -> int:
    """Make the due deliveries of one destination; returns how many were tried."""
    configured = store.catalog.by_id(destination_id)
    if configured is None or configured.state == "paused":
        return 0
    name = f"deliver-{destination_id}"
    lease = leases.acquire(store.database, name, leases.owner_name(), LEASE_SECONDS)
    if lease is None:
        return 0
    tried, until = 0, time.monotonic() + max_seconds
    try:
        while time.monotonic() < until:
            due = _due(store, configured)
            if not due:
                break
            for row in due:
                tried += 1
                if not _one(store, configured, lease, row):
                    return tried
    except leases.LeaseLostError:
        log.warning("lease lost", extra={"connection": configured.name})
    finally:
        leases.release(store.database, lease)
    return tried


def destinations_due(store: Store) -> list[int]:
    """Destinations that are not paused and have a delivery due."""
    with store.database.read() as db:
        query = (
            select(deliveries.c.connection_id)
            .where(deliveries.c.status.in_(("pending", "waiting")))
            .where(deliveries.c.due_at <= utc_now())
            .distinct()
        )
        due = set(db.scalars(query))
    return [item.id for item in store.catalog.all() if item.id in due and item.state != "paused"]


def _due(store: Store, configured: Configured) -> list[Row[Any]]:
    """What is due. A destination that refused our credentials is only probed with what it refused,
    on that delivery's own retry schedule."""
    probing = configured.state == "needs_attention"
    with store.database.read() as db:
        query = (
            select(deliveries)
            .where(deliveries.c.connection_id == configured.id)
            .where(deliveries.c.status.in_(("waiting",) if probing else ("pending", "waiting")))
            .where(deliveries.c.due_at <= utc_now())
            .order_by(deliveries.c.due_at, deliveries.c.id)
            .limit(1 if probing else BATCH)
        )
        return list(db.execute(query))


def _one(store: Store, configured: Configured, lease: leases.Lease, row: Row[Any]) -> bool:
    """Try one delivery. False when the destination as a whole should rest: it refused us, or it
    cannot be reached and every further try would cost the same time-out."""
    started = utc_now()
    receipt, error = Receipt(), None
    try:
        change, binding = _change(store, row)
        push = configured.connector.push
        if push is None:
            raise ConfigError(f"{configured.connection.connector} cannot receive changes")
        receipt = push(configured.connection, change, binding)
    except Exception as caught:
        error = caught
    now, number = utc_now(), row.attempts + 1
    decision = (
        Decision("delivered", "", "")
        if error is None
        else decide(error, number, now, policy_of(store))
    )
    attempt = {
        "subject": "delivery",
        "subject_id": row.id,
        "number": number,
        "outcome": "succeeded" if error is None else "failed",
        "step": "deliver",
        "started_at": started,
        "duration_ms": int((now - started).total_seconds() * 1000),
        "error_code": decision.code or None,
        "error_message": decision.message or None,
        "status_code": receipt.status_code,
        "reply": receipt.reply[:REPLY_SAMPLE] or None,
    }
    with store.database.write() as db:
        leases.fence(db, lease, healthy=True)
        _settle(db, row, decision, number, now)
        db.execute(insert(attempts).values(attempt))
        if error is None and receipt.external_id:
            _bind(db, configured.id, row, receipt.external_id)
        if decision.pause_connection:
            set_state(db, configured.id, "needs_attention", decision.message)
        elif error is None and configured.state == "needs_attention":
            set_state(db, configured.id, "active")
    _log(configured, row, decision, attempt)
    unreachable = isinstance(error, RetryLater) and error.detail == "transport"
    return not (decision.pause_connection or unreachable)


def _log(
    configured: Configured, row: Row[Any], decision: Decision, attempt: Mapping[str, Any]
) -> None:
    log.log(
        logging.INFO if attempt["outcome"] == "succeeded" else logging.WARNING,
        "delivery %s",
        decision.status,
        extra={
            "delivery": row.id,
            "connection": configured.name,
            "entity": row.entity,
            "attempt": attempt["number"],
            "status": decision.status,
            "error_code": decision.code,
            "duration_ms": attempt["duration_ms"],
        },
    )


def _settle(db: Connection, row: Row[Any], decision: Decision, number: int, now: Any) -> None:
    """Write the outcome. A record that changed meanwhile stays due, with its newest state."""
    # A destination that has no use for the change has it as good as delivered.
    status = "delivered" if decision.status == "ignored" else decision.status
    values: dict[str, Any] = {
        "status": status,
        "attempts": number,
        "due_at": decision.retry_at,
        "finished_at": None if status == "waiting" else now,
        "error_code": decision.code or None,
        "error_message": decision.message or None,
    }
    done = db.execute(
        update(deliveries)
        .where(deliveries.c.id == row.id, deliveries.c.generation == row.generation)
        .values(values)
    )
    if done.rowcount == 0:
        again = now if decision.retry_at is None else decision.retry_at
        db.execute(
            update(deliveries)
            .where(deliveries.c.id == row.id)
            .values(status="pending", attempts=0, due_at=again)
        )


def _bind(db: Connection, destination_id: int, row: Row[Any], external_id: str) -> None:
    statement = insert_for(db, bindings).values(
        connection_id=destination_id,
        entity=row.entity,
        external_id=external_id,
        record_id=row.record_id,
    )
    db.execute(statement.on_conflict_do_nothing())


def _change(store: Store, row: Row[Any]) -> tuple[Change, str | None]:
    """The record's newest state, as the API shows it, and its id in the destination."""
    table = ENTITY_TABLES[row.entity]
    with store.database.read() as db:
        record = db.execute(select(table).where(table.c.id == row.record_id)).mappings().first()
        binding = db.scalar(
            select(bindings.c.external_id).where(
                bindings.c.connection_id == row.connection_id,
                bindings.c.entity == row.entity,
                bindings.c.record_id == row.record_id,
            )
        )
    if record is None:
        raise Rejected("the record is gone")
    names = {item.id: item.name for item in store.catalog.all()}
    fields: Mapping[str, Any] = document(row.entity, dict(record), names)
    return (
        Change(
            entity=row.entity,
            record_id=row.record_id,
            fields=fields,
            event_type=row.event_type,
            changed_at=row.changed_at,
            # A new state is a new message; a repeat of the same state keeps its id.
            delivery_key=f"{row.delivery_key}_{row.generation}",
            deleted=row.is_deleted,
        ),
        binding,
    )


def replay_delivery(store: Store, delivery_id: int, actor: str) -> None:
    """Make a dead or delivered delivery run again; Rejected when it is still under way."""
    now = utc_now()
    with store.database.write() as db:
        row = db.execute(select(deliveries).where(deliveries.c.id == delivery_id)).first()
        if row is None:
            raise Rejected("there is no such delivery")
        if row.status in OPEN_STATUSES:
            raise Rejected("the delivery is still open")
        newer = db.scalar(
            select(deliveries.c.id).where(
                deliveries.c.connection_id == row.connection_id,
                deliveries.c.entity == row.entity,
                deliveries.c.record_id == row.record_id,
                deliveries.c.status.in_(OPEN_STATUSES),
            )
        )
        if newer:
            raise Rejected(f"delivery {newer} of the same record is open and newer")
        db.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id)
            .values(
                status="pending",
                due_at=now,
                attempts=0,
                finished_at=None,
                generation=deliveries.c.generation + 1,
            )
        )
    log.info("delivery replayed", extra={"delivery": delivery_id, "actor": actor})
    queues_for(store.settings).ring_deliveries(row.connection_id)
