"""What may be wrong with a hub, looked for every few seconds: cheap questions, each by an index."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, func, literal_column, select

from hub.flow.due import OPEN
from hub.queues import QUEUES, queues_for, workers_alive
from hub.schedules import expected_period
from hub.sdk.errors import HubError
from hub.store.connections import Configured
from hub.store.incidents import CRITICAL, WARNING, Finding
from hub.store.models import (
    connections,
    cursors,
    deliveries,
    events,
    reconciliations,
    rejections,
    sync_runs,
)
from hub.store.store import Store
from hub.traffic.roads import breakers

SAMPLES = 3
GIGABYTE = 1024**3
#: Share and size of free space below which the disk is short, and below which it is nearly full.
LOW_SHARE, LOW_BYTES = 0.10, 2 * GIGABYTE
FULL_SHARE, FULL_BYTES = 0.03, GIGABYTE // 2
QUEUE_SECONDS, QUEUE_CRITICAL_SECONDS = 120, 900
DELIVERY_SECONDS = 1800
FAILURES_IN_A_ROW = 3
REFUSED_MINUTES = 15


@dataclass
class Look:
    """One look at a hub at one moment."""

    store: Store
    db: Connection
    now: datetime

    @cached_property
    def configured(self) -> list[Configured]:
        """Connections that can be used."""
        return list(self.store.catalog.all())

    @cached_property
    def titles(self) -> dict[int, str]:
        """What people call each connection."""
        query = select(connections.c.id, connections.c.name, connections.c.title)
        return {row.id: row.title or row.name for row in self.db.execute(query)}


Check = Callable[[Look], Iterator[Finding]]


def look(store: Store, now: datetime) -> list[Finding]:
    """Everything that is wrong now."""
    with store.database.read() as db:
        seen = Look(store, db, now)
        return [finding for check in CHECKS for finding in check(seen)]


def dead_letters(look: Look) -> Iterator[Finding]:
    """Events that will not be tried again."""
    dead = events.c.status == literal_column("'dead'")
    query = select(events.c.connection_id, events.c.error_code, func.count()).where(dead)
    for key, code, count in look.db.execute(
        query.group_by(events.c.connection_id, events.c.error_code)
    ):
        newest = look.db.execute(
            select(events.c.id, events.c.error_message)
            .where(events.c.connection_id == key, dead, events.c.error_code == code)
            .order_by(events.c.id.desc())
            .limit(SAMPLES)
        ).all()
        message = newest[0].error_message if newest else ""
        yield Finding(
            "dead_events", WARNING, code or "", key, look.titles.get(key, ""), count,
            (message or "")[:1000], [row.id for row in newest],
        )  # fmt: skip


def dead_deliveries(look: Look) -> Iterator[Finding]:
    """Changes that a destination was not told of."""
    dead = deliveries.c.status == literal_column("'dead'")
    query = (
        select(
            deliveries.c.connection_id,
            deliveries.c.error_code,
            func.count(),
            func.max(deliveries.c.id),
            func.max(deliveries.c.error_message),
        )
        .where(dead)
        .group_by(deliveries.c.connection_id, deliveries.c.error_code)
    )
    for key, code, count, newest, message in look.db.execute(query):
        yield Finding(
            "dead_deliveries", WARNING, code or "", key, look.titles.get(key, ""), count,
            (message or "")[:1000], [newest],
        )  # fmt: skip


def connection_states(look: Look) -> Iterator[Finding]:
    """Connections that wait for an admin: refused keys, wrong settings."""
    query = select(connections.c.id, connections.c.state_reason).where(
        connections.c.state == "needs_attention"
    )
    for key, reason in look.db.execute(query):
        yield Finding("attention", CRITICAL, "auth", key, look.titles[key], message=reason)
    broken = look.store.catalog.broken()
    if not broken:
        return
    ids = {
        row.name: row.id for row in look.db.execute(select(connections.c.id, connections.c.name))
    }
    for name, message in broken.items():
        if name in ids:
            key = ids[name]
            yield Finding("broken", CRITICAL, "config", key, look.titles[key], message=message)


def open_breakers(look: Look) -> Iterator[Finding]:
    """Hosts that are left alone because they failed too often."""
    for key, found in breakers(look.store.settings).items():
        for one in found:
            if key in look.titles:
                yield Finding(
                    "breaker", WARNING, one.host, key, look.titles[key], one.failures, one.reason
                )


def streams(look: Look) -> Iterator[Finding]:
    """Streams whose last runs failed, wait for a person, or that have not been read for long."""
    factor = float(look.store.settings.option("stock.stale_after_periods", 3))
    rows = {(row.connection_id, row.stream): row for row in look.db.execute(select(cursors))}
    for configured in look.configured:
        if configured.state == "paused":
            continue
        for stream in configured.stream_names():
            row = rows.get((configured.id, stream))
            if row is not None:
                yield from _stream(look, configured, stream, row, factor)


def _stream(
    look: Look, configured: Configured, stream: str, row: Any, factor: float
) -> Iterator[Finding]:
    title = f"{look.titles[configured.id]} ({stream})"
    last = look.db.execute(
        select(
            sync_runs.c.id, sync_runs.c.status, sync_runs.c.error_message, sync_runs.c.held_reason
        )
        .where(sync_runs.c.connection_id == configured.id, sync_runs.c.stream == stream)
        .order_by(sync_runs.c.id.desc())
        .limit(1)
    ).first()
    if last is not None and last.status == "held":
        reason = last.held_reason or ""
        yield Finding("run_held", CRITICAL, stream, configured.id, title, 1, reason, [last.id])
        return
    if row.failures >= FAILURES_IN_A_ROW:
        message = (last.error_message or "") if last is not None else ""
        samples = [last.id] if last is not None else []
        yield Finding(
            "run_failed", WARNING, stream, configured.id, title, row.failures, message, samples
        )
        return
    period = _period(configured, stream, look.now) * factor
    if period and row.fresh_at and (look.now - row.fresh_at).total_seconds() > max(period, 120):
        yield Finding("stale", WARNING, stream, configured.id, title)


def _period(configured: Configured, stream: str, now: datetime) -> float:
    rule = configured.schedule.get(stream) or configured.stream(stream).schedule
    if not rule:
        return 0.0
    try:
        return expected_period(rule, now, configured.connection.timezone)
    except (HubError, ValueError):
        return 0.0


def old_work(look: Look) -> Iterator[Finding]:
    """Events and deliveries that wait although nothing keeps them."""
    for configured in look.configured:
        if configured.state == "paused":
            continue
        waited = _oldest_event(look, configured.id)
        if waited > QUEUE_SECONDS:
            severity = CRITICAL if waited > QUEUE_CRITICAL_SECONDS else WARNING
            yield Finding("queue_old", severity, "", configured.id, look.titles[configured.id])
        late = _oldest_delivery(look, configured.id)
        if late > DELIVERY_SECONDS and configured.state == "active":
            yield Finding("delivery_old", WARNING, "", configured.id, look.titles[configured.id])


def _oldest_event(look: Look, connection_id: int) -> float:
    at = look.db.scalar(
        select(events.c.received_at)
        .where(
            events.c.connection_id == connection_id,
            events.c.status == literal_column("'received'"),
        )
        .order_by(events.c.id)
        .limit(1)
    )
    return (look.now - at).total_seconds() if at else 0.0


def _oldest_delivery(look: Look, connection_id: int) -> float:
    at = look.db.scalar(
        select(deliveries.c.due_at)
        .where(
            deliveries.c.connection_id == connection_id,
            OPEN,
            deliveries.c.due_at.is_not(None),
        )
        .order_by(deliveries.c.due_at)
        .limit(1)
    )
    return (look.now - at).total_seconds() if at else 0.0


def machine(look: Look) -> Iterator[Finding]:
    """The disk, Redis and the workers."""
    usage = shutil.disk_usage(look.store.settings.home)
    share = usage.free / max(1, usage.total)
    if (share < LOW_SHARE and usage.free < 5 * LOW_BYTES) or usage.free < LOW_BYTES:
        nearly_full = (share < FULL_SHARE and usage.free < LOW_BYTES) or usage.free < FULL_BYTES
        left = f"{usage.free / GIGABYTE:.1f} GB"
        yield Finding("disk", CRITICAL if nearly_full else WARNING, subject=left)
    queues = queues_for(look.store.settings)
    alive = workers_alive(queues)
    if not alive and not queues.is_up():
        yield Finding("redis", CRITICAL)
    for name in QUEUES:
        if alive and not alive.get(name):
            yield Finding("workers", CRITICAL, name, subject=name)


def unexplained(look: Look) -> Iterator[Finding]:
    """Records of the last days that the other side has and the hub could not get."""
    since = (look.now - timedelta(days=3)).date().isoformat()
    query = (
        select(
            reconciliations.c.connection_id,
            func.sum(reconciliations.c.unexplained),
            func.max(reconciliations.c.day),
        )
        .where(reconciliations.c.day >= since, reconciliations.c.unexplained > 0)
        .group_by(reconciliations.c.connection_id)
    )
    for key, count, day in look.db.execute(query):
        yield Finding(
            "unexplained", WARNING, "", key, look.titles.get(key, ""), int(count), str(day)
        )


def refused(look: Look) -> Iterator[Finding]:
    """Requests to a known connection that are being turned away."""
    since = look.now - timedelta(minutes=REFUSED_MINUTES)
    ids = {configured.name: configured.id for configured in look.configured}
    query = select(rejections).where(
        rejections.c.connection_name.in_(list(ids)), rejections.c.last_at >= since
    )
    worst: dict[tuple[str, str], Any] = {}
    for row in look.db.execute(query).mappings():
        place = (row["connection_name"], row["cause"])
        if place not in worst or row["last_at"] > worst[place]["last_at"]:
            worst[place] = row
    for (name, cause), row in worst.items():
        key = ids[name]
        title, number = look.titles[key], row["count"]
        yield Finding("refused", WARNING, cause, key, title, number, row["message"])


CHECKS: tuple[Check, ...] = (
    dead_letters, dead_deliveries, connection_states, open_breakers, streams, old_work, machine,
    unexplained, refused,
)  # fmt: skip
