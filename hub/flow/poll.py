"""Step poll: a sync run reads a stream page by page; the cursor moves with the rows it covers."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from hub.flow import stock_out, sync_run, tell, uploads
from hub.flow.drain import policy_of
from hub.flow.retry import decide
from hub.queues import queues_for
from hub.schedules import next_run
from hub.sdk.errors import ConfigError, HubError, NotCalled, Rejected
from hub.sdk.traffic import Urgency
from hub.store import exchanges, leases, stock_items
from hub.store.connections import Configured, set_state
from hub.store.cursors import count_failure, set_turn
from hub.store.database import utc_now
from hub.store.models import cursors, sync_runs
from hub.store.store import Store

OPEN = ("queued", "running")
log = logging.getLogger("hub.sync")


def request_run(store: Store, connection_name: str, stream: str, trigger: str) -> int:
    """Ask for a run of a stream; returns its id, or that of one already queued.

    ConfigError when there is no such connection or stream, or nothing to ask.
    """
    configured = store.catalog.require(connection_name)
    if configured.connector.read is None and configured.connector.push_stock is None:
        raise ConfigError(f"{configured.connection.connector} has nothing to poll")
    configured.stream(stream)
    with store.database.write() as db:
        waiting = db.scalar(
            select(sync_runs.c.id).where(
                sync_runs.c.connection_id == configured.id,
                sync_runs.c.stream == stream,
                sync_runs.c.status == "queued",
                sync_runs.c.upload.is_(None),
            )
        )
        run_id = (
            waiting
            or db.execute(
                insert(sync_runs)
                .values(
                    connection_id=configured.id,
                    stream=stream,
                    trigger=trigger,
                    status="queued",
                    created_at=utc_now(),
                )
                .returning(sync_runs.c.id)
            ).scalar_one()
        )
    queues_for(store.settings).ring_run(run_id)
    return int(run_id)


def approve_run(store: Store, run_id: int, actor: str) -> int:
    """Let a held snapshot through: a new run that accepts as few rows as the held one had.

    Returns the new run's id. Rejected when the run is not held.
    """
    with store.database.write() as db:
        held = db.execute(select(sync_runs).where(sync_runs.c.id == run_id)).first()
        if held is None or held.status != "held":
            raise Rejected("only a held run can be approved")
        db.execute(
            update(sync_runs)
            .where(sync_runs.c.id == run_id)
            .values(status="failed", approved_by=actor)
        )
        done = db.execute(
            insert(sync_runs)
            .values(
                connection_id=held.connection_id,
                stream=held.stream,
                trigger="person",
                status="queued",
                created_at=utc_now(),
                approved_by=actor,
                accepted_rows=held.rows_read,
            )
            .returning(sync_runs.c.id)
        )
        new_id = int(done.scalar_one())
    queues_for(store.settings).ring_run(new_id)
    return new_id


def run_sync(store: Store, run_id: int) -> str:
    """Carry out a queued run; returns its final status, or empty when another worker has it."""
    with store.database.read() as db:
        run = db.execute(select(sync_runs).where(sync_runs.c.id == run_id)).first()
    if run is None or run.status not in OPEN:
        return ""
    configured = store.catalog.by_id(run.connection_id)
    if configured is None:
        return _fail(store, run_id, ConfigError("the connection cannot be used"), None, run.stream)
    if configured.state == "paused":
        return ""
    if run.upload and not _is_next(store, run):
        return ""
    name = lease_name(run)
    seconds = leases.seconds_of(store.settings, "sync")
    lease = leases.acquire(store.database, name, leases.owner_name(), seconds)
    if lease is None:
        return ""
    try:
        status = sync_run.SyncRun(store, configured.at(Urgency.BULK), run, lease).carry_out()
    except leases.LeaseLostError:
        return ""
    except Exception as error:
        return _fail(store, run_id, error, configured, run.stream, lease)
    finally:
        leases.release(store.database, lease)
        tell.topic(store, "runs", [run_id])
        if run.upload:
            _ring_next(store, run)
    if status == "succeeded":
        tell.stream(store, configured.stream(run.stream).entity)
        _tell_shops(store, configured, run_id)
    if not run.upload:
        plan_next(store, configured, run.stream, utc_now())
    return status


def _tell_shops(store: Store, configured: Configured, run_id: int) -> None:
    """Shops that count this connection's stock are told of what a run changed in it."""
    with store.database.read() as db:
        run = db.execute(select(sync_runs).where(sync_runs.c.id == run_id)).one()
    if run.rows_created or run.rows_changed or run.rows_removed:
        # The stock page's own rows; the run is over, nobody waits for them.
        priority = stock_out.priority_of(store)
        stock_items.catch_up(store.database, priority, since=run.started_at)
        for shop in stock_out.after_run(store, configured, run.stream):
            request_run(store, shop, stock_out.STREAM, "change")


def lease_name(run: Row[Any]) -> str:
    """What a run must hold: its stream, or the uploads of its connection, which share a memory."""
    return f"sync-{run.connection_id}-{uploads.MEMORY if run.upload else run.stream}"


def _is_next(store: Store, run: Row[Any]) -> bool:
    """Whether no older upload of the connection is still to be read: they are read in order."""
    with store.database.read() as db:
        return exchanges.open_upload_runs(db, run.connection_id)[:1] == [run.id]


def _ring_next(store: Store, run: Row[Any]) -> None:
    """The upload after this one need not wait for the sweep."""
    with store.database.read() as db:
        waiting = exchanges.open_upload_runs(db, run.connection_id)
    if waiting:
        queues_for(store.settings).ring_run(waiting[0])


def system_of(store: Store, run_id: int) -> str:
    """The name of what an open run polls, for the workers' fairness; empty when there is none."""
    with store.database.read() as db:
        run = db.execute(select(sync_runs).where(sync_runs.c.id == run_id)).first()
    if run is None or run.status not in OPEN:
        return ""
    return lease_name(run)


def due_schedule(configured: Configured) -> dict[str, str]:
    """When each stream is due: as configured; stock out by the connector's own rule, if any
    connection's stock counts."""
    wanted = configured.connection.settings.get("stock_from")
    streams = configured.connector.manifest.streams if wanted else ()
    own = {item.name: item.schedule for item in streams if item.direction == "out"}
    return {**own, **configured.schedule}


def plan_next(
    store: Store,
    configured: Configured,
    stream: str,
    now: datetime,
    not_before: datetime | None = None,
) -> None:
    """Set when the stream is due again; a stream without a schedule never is."""
    rule = due_schedule(configured).get(stream, "")
    due = next_run(rule, now, configured.connection.timezone) if rule else None
    if due is not None and not_before is not None:
        # A poll that failed has its next turn; what a shop waits for is tried again before.
        due = not_before if stream == stock_out.STREAM else max(due, not_before)
    with store.database.write() as db:
        set_turn(db, configured.id, stream, due)


def _fail(
    store: Store,
    run_id: int,
    error: Exception,
    configured: Configured | None,
    stream: str,
    lease: leases.Lease | None = None,
) -> str:
    """Write the failure down, unless the run is another worker's by now."""
    now = utc_now()
    with store.database.read() as db:
        failures = 0
        if configured is not None:
            failures = (
                db.scalar(
                    select(cursors.c.failures).where(
                        cursors.c.connection_id == configured.id, cursors.c.stream == stream
                    )
                )
                or 0
            )
    decision = decide(error, failures + 1, now, policy_of(store))
    message = error.message if isinstance(error, HubError) else decision.message
    values = {
        "status": "failed",
        "finished_at": now,
        "error_code": decision.code or "error",
        "error_message": message,
    }
    try:
        with store.database.write() as db:
            if lease is not None:
                leases.fence(db, lease)
            db.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(values))
            if configured is not None and decision.pause_connection:
                set_state(db, configured.id, "needs_attention", message)
    except leases.LeaseLostError:
        return ""
    if configured is not None:
        plan_next(store, configured, stream, now, decision.retry_at)
        with store.database.write() as db:
            # A host that was left alone did not fail once more.
            count_failure(db, configured.id, stream, failures + (type(error) is not NotCalled))
    log.warning(
        "sync failed",
        extra={"run": run_id, "stream": stream, "error_code": decision.code, "error": message},
    )
    return "failed"
