"""Step deliver: bring each change to its destination, the newest state of a record."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, insert, or_, select, update

from hub.flow.drain import policy_of
from hub.flow.due import OPEN, due_rows, is_fresh
from hub.flow.outcomes import attempt_of, log_attempt, note_state, put_off
from hub.flow.outgoing import change_of
from hub.flow.receipts import keep_receipt
from hub.flow.retry import Decision, decide
from hub.queues import queues_for
from hub.sdk.errors import ConfigError, NotCalled, Rejected, RetryLater
from hub.sdk.records import Change, Receipt
from hub.sdk.traffic import Urgency
from hub.store import leases
from hub.store.connections import Configured
from hub.store.database import is_away, utc_now
from hub.store.models import ENTITY_TABLES, attempts, bindings, connections, deliveries
from hub.store.outbox import OPEN_STATUSES
from hub.store.store import Store

DONE, REST, PUT_OFF = "done", "rest", "put off"
log = logging.getLogger("hub.deliveries")


@dataclass(frozen=True)
class Turn:
    """One turn of a destination: deliveries tried, whether more are due, the slowest try if any.

    `resting`: it refused us, cannot be reached or must not be called just now.
    """

    tried: int = 0
    more: bool = False
    resting: bool = False
    slowest_seconds: float | None = None


def deliver(store: Store, destination_id: int, max_seconds: float = 60.0) -> int:
    """Make the due deliveries of one destination; returns how many were tried."""
    return turn(store, destination_id, max_seconds).tried


def turn(
    store: Store,
    destination_id: int,
    max_seconds: float,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Turn:
    """Make due deliveries of one destination for some time, and end after a call, never in it."""
    configured = store.catalog.by_id(destination_id)
    if configured is None or configured.state == "paused" or configured.connector.push is None:
        return Turn()
    name = f"deliver-{destination_id}"
    seconds = leases.seconds_of(store.settings, "deliver")
    lease = leases.acquire(store.database, name, leases.owner_name(), seconds)
    if lease is None:
        return Turn()
    tried, slowest, until = 0, None, time.monotonic() + max_seconds
    try:
        for configured, row in _due_one_by_one(store, destination_id):
            if tried and (time.monotonic() >= until or is_stopping()):
                return Turn(tried, more=True, slowest_seconds=slowest)
            started = time.monotonic()
            went = _one(store, configured, lease, row)
            if went != PUT_OFF:
                slowest = max(slowest or 0.0, time.monotonic() - started)
                tried += 1
            if went != DONE:
                return Turn(tried, resting=True, slowest_seconds=slowest)
    except leases.LeaseLostError:
        log.warning("lease lost", extra={"connection": configured.name})
    finally:
        leases.release(store.database, lease)
    return Turn(tried, slowest_seconds=slowest)


def destinations_due(store: Store) -> list[int]:
    """Destinations that are called, are not paused and have a delivery due."""
    if not any(item.connector.push for item in store.catalog.all()):
        return []
    # A destination that refused us is rung for only when it may be probed.
    wanted = exists().where(
        deliveries.c.connection_id == connections.c.id,
        OPEN,
        deliveries.c.due_at <= utc_now(),
        or_(connections.c.state == "active", deliveries.c.status == "waiting"),
    )
    query = select(connections.c.id).where(connections.c.state != "paused", wanted)
    with store.database.read() as db:
        due = set(db.scalars(query))
    # One that fetches its changes itself is not called.
    found = (item for item in store.catalog.all() if item.id in due)
    return [item.id for item in found if item.connector.push is not None]


def _due_one_by_one(store: Store, destination_id: int) -> Iterator[tuple[Configured, Row[Any]]]:
    """What is due, batch after batch, each with the destination as it is by then."""
    while True:
        configured = store.catalog.by_id(destination_id)
        if configured is None or configured.state == "paused":
            return
        due = _due(store, configured)
        for row in due:
            yield configured, row
        if not due:
            return


def _due(store: Store, configured: Configured) -> list[Row[Any]]:
    with store.database.read() as db:
        return due_rows(db, configured)


def _one(store: Store, configured: Configured, lease: leases.Lease, row: Row[Any]) -> str:
    """Try one delivery. Anything but DONE: the destination as a whole should rest. It refused us,
    or it cannot be reached and every further try would cost the same time-out."""
    started = utc_now()
    urgency = Urgency.LIVE if is_fresh(row, started) else Urgency.BULK
    receipt, error = Receipt(), None
    try:
        row, record, binding = _state(store, row)
        change = change_of(store, row, record)
        push = configured.connector.push
        if push is None:
            raise ConfigError(f"{configured.connection.connector} cannot receive changes")
        receipt = push(configured.connection.at(urgency), change, binding)
    except NotCalled as refused:
        put_off(store, lease, row, refused)
        return PUT_OFF
    except Exception as caught:
        if is_away(caught):
            raise
        error = caught
    now, number = utc_now(), row.attempts + 1
    decision = (
        Decision("delivered", "", "")
        if error is None
        else decide(error, number, now, policy_of(store))
    )
    attempt = attempt_of(row, decision, receipt, started, now)
    with store.database.write() as db:
        leases.fence(db, lease, healthy=True)
        if error is None:
            keep_receipt(db, store, configured, row, receipt, now)
        _settle(db, row, decision, number, now)
        db.execute(insert(attempts).values(attempt))
        note_state(db, configured, decision, error)
    if decision.pause_connection or configured.state == "needs_attention":
        store.catalog.forget()
    log_attempt(configured, row, decision, attempt)
    unreachable = isinstance(error, RetryLater) and error.detail == "transport"
    return REST if decision.pause_connection or unreachable else DONE


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


def _state(store: Store, row: Row[Any]) -> tuple[Row[Any], Mapping[str, Any] | None, str | None]:
    """The delivery, its record's newest state and the record's id in the destination.

    Delivery and record are read in one statement, so as of one moment: a record that changed since
    the delivery was found would otherwise go out under its former id, and once more under the next.
    """
    table = ENTITY_TABLES[row.entity]
    with store.database.read() as db:
        found = db.execute(
            select(deliveries, *(column.label(f"record.{column.name}") for column in table.c))
            .join_from(deliveries, table, table.c.id == deliveries.c.record_id, isouter=True)
            .where(deliveries.c.id == row.id)
        ).one()
        binding = db.scalar(
            select(bindings.c.external_id)
            .where(
                bindings.c.connection_id == row.connection_id,
                bindings.c.entity == row.entity,
                bindings.c.record_id == row.record_id,
            )
            # Made anew there after it was lost: the newest id counts.
            .order_by(bindings.c.id.desc())
            .limit(1)
        )
    record = dict(zip(table.c.keys(), tuple(found)[len(deliveries.c) :], strict=True))
    return found, None if record["id"] is None else record, binding


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


def newest(store: Store, row: Row[Any]) -> tuple[Row[Any], Change]:
    """The delivery as it stands now and what its destination must be told, for one that fetches.

    Rejected when the record is gone.
    """
    row, record, _ = _state(store, row)
    return row, change_of(store, row, record)


def settle(db: Connection, row: Row[Any], decision: Decision, now: datetime) -> None:
    """Write the outcome of a delivery that its destination fetched, as of one of ours."""
    _settle(db, row, decision, row.attempts + 1, now)
