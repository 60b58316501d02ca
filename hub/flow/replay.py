"""Step replay: a person makes events run again from a named step; safe any number of times.

Parse and map are pure, so starting at parse, map or upsert walks the same way with today's code
and mapping (hub/decisions/0004). Starting at deliver changes no record: it sends the event's
records out again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, insert, select, update

from hub.flow.parse import GONE
from hub.flow.sinks import sinks_for
from hub.queues import queues_for
from hub.sdk.errors import Rejected
from hub.store import audit, emptied, outbox, replay_jobs
from hub.store.database import utc_now
from hub.store.models import changes, events, replays
from hub.store.store import Store

STEPS = ("parse", "map", "upsert", "deliver")
MAX_EVENTS = 10_000
CHUNK = 500
log = logging.getLogger("hub.replay")


def replay_events(
    store: Store, event_ids: Sequence[int], step: str, actor: str, reason: str
) -> int:
    """Make events run again; returns the replay's id. Rejected for a wrong step or event."""
    if step not in STEPS:
        raise Rejected(f"there is no step «{step}»; there are: {', '.join(STEPS)}")
    ids = sorted(set(event_ids))
    if not 0 < len(ids) <= MAX_EVENTS:
        raise Rejected(f"a replay takes 1 to {MAX_EVENTS} events, not {len(ids)}")
    with store.database.write() as db:
        _refuse_gone(db, ids, step)
        touched = reopen(db, ids, step)
        subject = str(ids[0]) if len(ids) == 1 else f"{len(ids)} events"
        replay_id = note(db, len(ids), step, actor, reason, subject)
        replay_jobs.note_events(db, replay_id, ids)
    ring(store, ids, step, touched)
    log.info("replay", extra={"replay": replay_id, "events": len(ids), "step": step})
    return replay_id


def _refuse_gone(db: Connection, ids: Sequence[int], step: str) -> None:
    """Rejected where none of the events has a raw request that could run."""
    if step == "deliver":
        return
    gone = emptied.marks_of(db, ids[:CHUNK])
    if len(gone) == len(ids):
        raise Rejected(GONE[gone[ids[0]]])


def ring(store: Store, ids: Sequence[int], step: str, touched: Collection[int]) -> None:
    """Set off what events that were opened again have to go through."""
    queues = queues_for(store.settings)
    if step == "deliver":
        for destination in _send_again(store, ids):
            queues.ring_deliveries(destination)
        return
    for connection_id in touched:
        queues.ring(connection_id)


def reopen(db: Connection, ids: Sequence[int], step: str) -> set[int]:
    """Open the events again; returns whose they are. Rejected when one is unknown.

    Those whose raw request is gone stay as they are: there is nothing to run.
    """
    touched: set[int] = set()
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        rows = db.execute(
            select(events.c.id, events.c.connection_id).where(events.c.id.in_(chunk))
        ).all()
        if missing := sorted(set(chunk) - {row.id for row in rows}):
            raise Rejected(f"there is no event {missing[0]}")
        touched |= {row.connection_id for row in rows}
        if step != "deliver":
            gone = emptied.marks_of(db, chunk)
            db.execute(
                update(events)
                .where(events.c.id.in_([key for key in chunk if key not in gone]))
                .values(
                    status="received",
                    # A worker that has the event in its hands now must not mark it done.
                    generation=events.c.generation + 1,
                    retry_at=None,
                    finished_at=None,
                    error_code=None,
                    error_message=None,
                    attempts=0,
                    deaths=0,
                )
            )
    return touched


def note(db: Connection, count: int, step: str, actor: str, reason: str, subject: str) -> int:
    """Remember who made what run again, and why; returns the replay's id."""
    now = utc_now()
    done = db.execute(
        insert(replays)
        .values(created_at=now, step=step, reason=reason, event_count=count)
        .returning(replays.c.id)
    )
    replay_id = int(done.scalar_one())
    details = {"step": step, "reason": reason, "replay": replay_id}
    audit.record(db, actor, "replay", "event", subject, details)
    return replay_id


def _send_again(store: Store, ids: Sequence[int]) -> set[int]:
    """Owe every destination the records these events touched."""
    duties: dict[tuple[int, str, int], outbox.Duty] = {}
    everyone = store.catalog.all()
    with store.database.write() as db:
        rows = db.execute(
            select(
                changes.c.entity, changes.c.record_id, changes.c.event_id, events.c.connection_id
            )
            .join(events, events.c.id == changes.c.event_id)
            .where(changes.c.event_id.in_(list(ids)))
        ).all()
        for row in rows:
            origin = store.catalog.by_id(row.connection_id)
            if origin is None:
                continue
            for sink in sinks_for(origin, everyone):
                if sink.entities and row.entity not in sink.entities:
                    continue
                duty = outbox.Duty(
                    sink.connection_id,
                    row.entity,
                    row.record_id,
                    f"{row.entity}.updated",
                    row.event_id,
                )
                duties[(sink.connection_id, row.entity, row.record_id)] = duty
        outbox.add(db, list(duties.values()), utc_now())
    return {key[0] for key in duties}
