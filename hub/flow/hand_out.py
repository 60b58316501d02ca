"""Step deliver, for destinations that fetch their changes: handed out, then confirmed by them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert

from hub.flow import deliver
from hub.flow.drain import policy_of
from hub.flow.outcomes import attempt_of, log_attempt, note_state
from hub.flow.retry import Decision, decide
from hub.sdk.errors import HubError
from hub.sdk.records import Change, Receipt
from hub.store import exchanges
from hub.store.connections import Configured
from hub.store.database import insert_for, utc_now
from hub.store.models import attempts, bindings
from hub.store.store import Store

#: The deliveries behind handed-out changes, by the changes' own keys.
Rows = Mapping[str, Row[Any]]
DELIVERED = Decision("delivered", "", "")


def hand_out(
    store: Store,
    configured: Configured,
    session_id: str,
    entity: str,
    limit: int,
    now: datetime,
) -> tuple[list[Change], Rows]:
    """The newest states of what the destination must learn, and the deliveries behind them.

    Each record is bound to its key in the destination now: what comes back under that key is the
    same record, whether the hand-out was confirmed or not.
    """
    with store.database.read() as db:
        due = exchanges.due_deliveries(db, configured.id, entity, limit, now)
    rows: dict[str, Row[Any]] = {}
    changes: list[Change] = []
    for one in due:
        try:
            row, change = deliver.newest(store, one)
        except HubError as error:
            settle(store, configured, one, utc_now(), error)
            continue
        rows[change.delivery_key] = row
        changes.append(change)
    with store.database.write() as db:
        given = [(row.id, row.generation) for row in rows.values()]
        exchanges.remember_hand_outs(db, session_id, given, now)
        for change in changes:
            _bind(db, configured.id, change)
    return changes, rows


def settle(
    store: Store, configured: Configured, row: Row[Any], started: datetime, error: HubError
) -> None:
    """A delivery that cannot be handed out: it fails as a push that raised would."""
    now = utc_now()
    decision = decide(error, row.attempts + 1, now, policy_of(store))
    attempt = attempt_of(row, decision, Receipt(), started, now)
    with store.database.write() as db:
        deliver.settle(db, row, decision, now)
        db.execute(insert(attempts).values(attempt))
    log_attempt(configured, row, decision, attempt)


def confirm(store: Store, configured: Configured, session_id: str, now: datetime) -> int:
    """The destination has what this session was handed; returns how many deliveries are made.

    A record that changed since stays due with its newest state; what another session confirmed
    first is made already.
    """
    done = []
    with store.database.write() as db:
        for row in exchanges.handed_out(db, session_id):
            receipt = Receipt(external_id=record_key(row.entity, row.record_id))
            attempt = attempt_of(row, DELIVERED, receipt, row.handed_at, now)
            deliver.settle(db, row, DELIVERED, now)
            db.execute(insert(attempts).values(attempt))
            done.append((row, attempt))
        exchanges.forget_hand_outs(db, session_id)
        if done:
            note_state(db, configured, DELIVERED, None)
    if configured.state == "needs_attention":
        store.catalog.forget()
    for row, attempt in done:
        log_attempt(configured, row, DELIVERED, attempt)
    return len(done)


def record_key(entity: str, record_id: int) -> str:
    """A record's name in every destination, the same over all changes and tries."""
    return f"uzel-{entity}-{record_id}"


def _bind(db: Connection, destination_id: int, change: Change) -> None:
    values = {
        "connection_id": destination_id,
        "entity": change.entity,
        "external_id": record_key(change.entity, change.record_id),
        "record_id": change.record_id,
    }
    db.execute(insert_for(db, bindings).values(values).on_conflict_do_nothing())
