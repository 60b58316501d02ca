"""Reconciliations that are asked for: by a person for some days, every night for yesterday."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from hub.flow.reconcile import reconcile
from hub.queues import queues_for
from hub.sdk.errors import ConfigError, HubError, Rejected
from hub.store import leases
from hub.store.connections import Configured
from hub.store.database import utc_now
from hub.store.models import connections, reconcile_jobs
from hub.store.store import Store

OPEN = ("queued", "running")
#: When yesterday is compared, by the connection's clock.
NIGHTLY = time(3, 30)
MAX_DAYS = 92
LEASE_SECONDS = 3600.0
log = logging.getLogger("hub.reconcile")


def request(store: Store, name: str, first: date, last: date, actor: str) -> int:
    """Ask for a comparison of these days, both inclusive; returns the job's id.

    ConfigError when the connection has no history, Rejected for days that make no sense.
    """
    configured = store.catalog.require(name)
    if configured.connector.history is None:
        raise ConfigError(
            f"{configured.connection.connector} has no history to compare with; "
            "a full sync run is its reconciliation"
        )
    if last < first or (last - first).days >= MAX_DAYS:
        raise Rejected(f"choose 1 to {MAX_DAYS} days, the first before the last")
    with store.database.write() as db:
        job_id = _add(db, configured.id, first, last, "person", actor)
    queues_for(store.settings).ring_chores()
    return job_id


def plan_nightly(store: Store, now: datetime) -> None:
    """Once a night: yesterday, for every active connection with a history."""
    for configured in store.catalog.all():
        if configured.connector.history is None or configured.state != "active":
            continue
        local = now.astimezone(configured.connection.timezone)
        if local.time() < NIGHTLY:
            continue
        day = local.date() - timedelta(days=1)
        midnight = datetime.combine(local.date(), time(0), local.tzinfo)
        if _is_older(store, configured.id, midnight) and not _is_planned(store, configured.id, day):
            with store.database.write() as db:
                _add(db, configured.id, day, day, "schedule", "")


def _is_older(store: Store, connection_id: int, midnight: datetime) -> bool:
    """Whether the connection was there yesterday: a newer one has no yesterday to compare."""
    query = select(connections.c.created_at).where(connections.c.id == connection_id)
    with store.database.read() as db:
        created_at = db.scalar(query)
    return created_at is not None and created_at < midnight


def _is_planned(store: Store, connection_id: int, day: date) -> bool:
    query = select(reconcile_jobs.c.id).where(
        reconcile_jobs.c.connection_id == connection_id,
        reconcile_jobs.c.trigger == "schedule",
        reconcile_jobs.c.last_day == day.isoformat(),
    )
    with store.database.read() as db:
        return db.scalar(query.limit(1)) is not None


def _add(
    db: Connection, connection_id: int, first: date, last: date, trigger: str, actor: str
) -> int:
    done = db.execute(
        insert(reconcile_jobs)
        .values(
            connection_id=connection_id,
            first_day=first.isoformat(),
            last_day=last.isoformat(),
            trigger=trigger,
            actor=actor,
            created_at=utc_now(),
        )
        .returning(reconcile_jobs.c.id)
    )
    return int(done.scalar_one())


def open_ids(db: Connection) -> list[int]:
    """Jobs that are not at their end."""
    return list(db.scalars(select(reconcile_jobs.c.id).where(reconcile_jobs.c.status.in_(OPEN))))


def work(store: Store, is_stopping: Callable[[], bool]) -> None:
    """Carry out what is asked for, one connection at a time."""
    with store.database.read() as db:
        ids = open_ids(db)
    for job_id in ids:
        if is_stopping():
            return
        _carry_out(store, job_id)


def _carry_out(store: Store, job_id: int) -> None:
    with store.database.read() as db:
        job = db.execute(select(reconcile_jobs).where(reconcile_jobs.c.id == job_id)).one()
    configured = store.catalog.by_id(job.connection_id)
    name = f"reconcile-{job.connection_id}"
    lease = leases.acquire(store.database, name, leases.owner_name(), LEASE_SECONDS)
    if lease is None:
        return
    try:
        if configured is None:
            raise ConfigError("the connection cannot be used")
        _mark(store, job_id, status="running")
        reconcile(store, configured.name, *_bounds(configured, job))
        _mark(store, job_id, status="done", finished_at=utc_now())
    except Exception as error:
        leases.raise_unless_a_row(error)
        message = (
            error.message if isinstance(error, HubError) else f"{type(error).__name__}: {error}"
        )
        log.warning("reconciliation failed", extra={"job": job_id, "reason": message[:300]})
        _mark(store, job_id, status="failed", error_message=message[:2000], finished_at=utc_now())
    finally:
        leases.release(store.database, lease, healthy=True)


def _bounds(configured: Configured, job: Any) -> tuple[datetime, datetime]:
    zone = configured.connection.timezone
    first, last = date.fromisoformat(job.first_day), date.fromisoformat(job.last_day)
    midnight = time(0, tzinfo=zone)
    return (
        datetime.combine(first, midnight),
        datetime.combine(last + timedelta(days=1), midnight),
    )


def _mark(store: Store, job_id: int, **values: Any) -> None:
    with store.database.write() as db:
        db.execute(update(reconcile_jobs).where(reconcile_jobs.c.id == job_id).values(values))
