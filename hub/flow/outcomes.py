"""What a try at a delivery leaves behind, beside its own row: state, postponement, a log line."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, update

from hub.flow.retry import Decision
from hub.sdk.errors import NotCalled
from hub.sdk.records import Receipt
from hub.store import leases
from hub.store.connections import Configured, set_state
from hub.store.database import utc_now
from hub.store.models import deliveries
from hub.store.store import Store

REPLY_SAMPLE = 2000
log = logging.getLogger("hub.deliveries")


def attempt_of(
    row: Row[Any], decision: Decision, receipt: Receipt, started: datetime, now: datetime
) -> dict[str, Any]:
    """The attempt's row: which try it was, how it ended, what the destination said."""
    return {
        "subject": "delivery",
        "subject_id": row.id,
        "number": row.attempts + 1,
        "outcome": "succeeded" if decision.status == "delivered" else "failed",
        "step": "deliver",
        "started_at": started,
        "duration_ms": int((now - started).total_seconds() * 1000),
        "error_code": decision.code or None,
        "error_message": decision.message or None,
        "status_code": receipt.status_code,
        "reply": receipt.reply[:REPLY_SAMPLE] or None,
    }


def note_state(
    db: Connection, configured: Configured, decision: Decision, error: Exception | None
) -> None:
    """A refusal asks for an admin; the first success after it lets everything go again."""
    if decision.pause_connection:
        set_state(db, configured.id, "needs_attention", decision.message)
    elif error is None and configured.state == "needs_attention":
        set_state(db, configured.id, "active")


def put_off(store: Store, lease: leases.Lease, row: Row[Any], refused: NotCalled) -> None:
    """Nothing was sent: no attempt, and the retry schedule is not used up by it."""
    with store.database.write() as db:
        leases.fence(db, lease, healthy=True)
        db.execute(
            update(deliveries)
            .where(deliveries.c.id == row.id)
            .values(
                due_at=utc_now() + timedelta(seconds=refused.after or 1),
                error_code=refused.code,
                error_message=refused.message,
            )
        )
    log.info("delivery put off", extra={"delivery": row.id, "reason": refused.message})


def log_attempt(
    configured: Configured, row: Row[Any], decision: Decision, attempt: Mapping[str, Any]
) -> None:
    """One canonical line per attempt."""
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
