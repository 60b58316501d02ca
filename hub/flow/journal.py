"""What became of each event of a batch: its status, its attempt, the counters, the log line."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.flow.prepare import Prepared
from hub.flow.retry import Decision, Policy, decide
from hub.store import bulk, event_rows
from hub.store.connections import Configured
from hub.store.models import attempts, connections, event_counts, events

log = logging.getLogger("hub.events")
DONE = Decision("done", "", "")
_MARKED = (
    "status", "attempts", "retry_at", "finished_at", "error_code", "error_message", "deaths",
)  # fmt: skip
_TRIED = (
    "subject", "subject_id", "number", "outcome", "step", "started_at", "duration_ms",
    "error_code", "error_message",
)  # fmt: skip
_COUNTED = (
    "ON CONFLICT (connection_id, hour, status)"
    " DO UPDATE SET count = event_counts.count + excluded.count"
)


def record(
    db: Connection,
    configured: Configured,
    results: Sequence[tuple[Prepared, BaseException | None]],
    policy: Policy,
    now: datetime,
) -> None:
    """Mark the events of a batch in the transaction that holds their effects."""
    marks: list[dict[str, Any]] = []
    tries: list[dict[str, Any]] = []
    statuses: Counter[str] = Counter()
    done: list[int] = []
    for one, error in results:
        number = one.stored.attempts + 1
        decision = DONE if error is None else decide(error, number, now, policy)
        statuses[decision.status] += 1
        if error is None:
            done.append(one.stored.id)
        else:
            marks.append(_mark(one, decision, number, now))
        tries.append(_attempt(one, decision, number, now))
        _log(configured, one, decision, tries[-1])
    event_rows.mark_done(db, done, now)
    bulk.update_rows(db, events, _MARKED, marks)
    bulk.insert_rows(db, attempts, _TRIED, tries)
    _count(db, configured, statuses, results, now)


def _mark(one: Prepared, decision: Decision, number: int, now: datetime) -> dict[str, Any]:
    return {
        "id": one.stored.id,
        "status": decision.status,
        "attempts": number,
        "retry_at": decision.retry_at,
        "finished_at": None if decision.status == "waiting" else now,
        "error_code": decision.code or None,
        "error_message": decision.message or None,
        "deaths": 0,
    }


def _attempt(one: Prepared, decision: Decision, number: int, now: datetime) -> dict[str, Any]:
    return {
        "subject": "event",
        "subject_id": one.stored.id,
        "number": number,
        "outcome": "failed" if decision.status in {"waiting", "dead"} else "succeeded",
        "step": one.step,
        "started_at": one.started_at,
        "duration_ms": int((now - one.started_at).total_seconds() * 1000),
        "error_code": decision.code or None,
        "error_message": decision.message or None,
    }


def _count(
    db: Connection,
    configured: Configured,
    statuses: Counter[str],
    results: Sequence[tuple[Prepared, BaseException | None]],
    now: datetime,
) -> None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    rows = [
        {"connection_id": configured.id, "hour": hour, "status": status, "count": count}
        for status, count in sorted(statuses.items())
    ]
    names = ("connection_id", "hour", "status", "count")
    bulk.insert_rows(db, event_counts, names, rows, _COUNTED)
    newest = max(one.stored.received_at for one, _ in results)
    bulk.update_rows(
        db, connections, ("last_event_at",), [{"last_event_at": newest, "id": configured.id}]
    )


def _log(
    configured: Configured, one: Prepared, decision: Decision, attempt: dict[str, Any]
) -> None:
    level = logging.WARNING if attempt["outcome"] == "failed" else logging.INFO
    if not log.isEnabledFor(level):
        return
    log.log(
        level,
        "event %s",
        decision.status,
        extra={
            "event": one.stored.id,
            "connection": configured.name,
            "type": one.stored.event.type,
            "status": decision.status,
            "attempt": attempt["number"],
            "step": one.step,
            "duration_ms": attempt["duration_ms"],
            "error_code": decision.code,
            "records": len(one.records),
        },
    )
