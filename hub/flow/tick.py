"""The sweep: every few seconds it rings for what no doorbell told of, and starts what is due."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, select, update

from hub.crm.task_rules import within
from hub.flow import call_backs, poll, watch
from hub.flow.deliver import destinations_due
from hub.queues import queues_for
from hub.schedules import next_run
from hub.store import facts, leases, replay_jobs
from hub.store.connections import Configured
from hub.store.cursors import first_turn
from hub.store.database import utc_now
from hub.store.event_rows import has_status
from hub.store.models import connections, cursors, events, sync_runs
from hub.store.models import leases as leases_table
from hub.store.store import Store

SETTLED = "calls_settled_at"
log = logging.getLogger(__name__)


def tick(
    store: Store, lease: leases.Lease | None = None, keeper: watch.Watch | None = None
) -> None:
    """One sweep, and with a `keeper` the look for troubles when it is time to.

    Safe to run twice at once: every step is a no-op the second time.

    Prolongs the lease of the scheduler that sweeps; LeaseLostError when another has it by now.
    """
    queues = queues_for(store.settings)
    with store.database.read() as db:
        waiting = connections_due(db)
    for connection_id in waiting:
        queues.ring(connection_id)
    for destination in destinations_due(store):
        queues.ring_deliveries(destination)
    _settle_calls(store)
    _recover_runs(store)
    _start_due_streams(store)
    _ring_replays(store)
    watch.ring_chores(store)
    if keeper is not None:
        keeper.keep(store, lease)
    with store.database.write() as db:
        if lease is not None:
            leases.fence(db, lease, healthy=True)
        facts.set_fact(db, watch.HEARTBEAT, utc_now().isoformat())


def _settle_calls(store: Store) -> None:
    """Missed calls of which nobody says that they are over, once nothing more came of them."""
    now = utc_now()
    with store.database.read() as db:
        last = facts.get_fact(db, SETTLED)
    after = datetime.fromisoformat(last) if last else now - within(store.settings)
    if now - after < 2 * call_backs.QUIET:
        return
    done = call_backs.sweep(store, after)
    with store.database.write() as db:
        facts.set_fact(db, SETTLED, done.isoformat())


def connections_due(db: Connection) -> set[int]:
    """Connections with an event to take up now."""
    # Connection by connection: a backlog of a million events is not walked through to name one.
    own = events.c.connection_id == connections.c.id
    fresh = select(connections.c.id).where(exists().where(own, has_status("received")))
    late = (
        select(events.c.connection_id)
        .where(has_status("waiting"), events.c.retry_at <= utc_now())
        .distinct()
    )
    return {int(key) for query in (fresh, late) for key in db.scalars(query)}


def _recover_runs(store: Store) -> None:
    """Ring again for queued runs; a running one whose worker died is queued again."""
    with store.database.read() as db:
        rows = db.execute(select(sync_runs).where(sync_runs.c.status.in_(poll.OPEN))).all()
        now = utc_now()
        held = {
            row.name
            for row in db.execute(select(leases_table).where(leases_table.c.owner != ""))
            if leases.is_held(row, now)
        }
    queues = queues_for(store.settings)
    for row in rows:
        if poll.lease_name(row) in held:
            continue
        if row.status == "queued" or _queue_again(store, row):
            queues.ring_run(row.id)


def _ring_replays(store: Store) -> None:
    """Ring for replays of many events that nobody works on."""
    with store.database.read() as db:
        waiting = replay_jobs.open_ids(db)
    for job_id in waiting:
        queues_for(store.settings).ring_replay(job_id)


def _queue_again(store: Store, run: Row[Any]) -> bool:
    """A run whose worker is gone waits and says so; False when it has gone on meanwhile."""
    with store.database.write() as db:
        done = db.execute(
            update(sync_runs)
            .where(sync_runs.c.id == run.id, sync_runs.c.status == "running")
            .where(sync_runs.c.started_at == run.started_at)
            .values(status="queued")
        )
    return done.rowcount == 1


def _start_due_streams(store: Store) -> None:
    for configured in store.catalog.all():
        code = configured.connector
        if configured.state == "paused" or (code.read is None and code.push_stock is None):
            continue
        for stream, rule in poll.due_schedule(configured).items():
            if _take_turn(store, configured, stream, rule):
                poll.request_run(store, configured.name, stream, "schedule")


def _take_turn(store: Store, configured: Configured, stream: str, rule: str) -> bool:
    """Whether this sweep is the one that starts the stream now. A new stream starts at once."""
    now = utc_now()
    with store.database.read() as db:
        row = db.execute(
            select(cursors.c.next_run_at).where(
                cursors.c.connection_id == configured.id, cursors.c.stream == stream
            )
        ).first()
    due = next_run(rule, now, configured.connection.timezone)
    if row is None:
        with store.database.write() as db:
            return first_turn(db, configured.id, stream, due)
    if row.next_run_at is not None and row.next_run_at > now:
        return False
    with store.database.write() as db:
        taken = db.execute(
            update(cursors)
            .where(cursors.c.connection_id == configured.id, cursors.c.stream == stream)
            .where(cursors.c.next_run_at.is_not_distinct_from(row.next_run_at))
            .values(next_run_at=due)
        )
    return taken.rowcount == 1
