"""Where the streams of a connection stand, and reading one again from a moment on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from hub.flow import poll
from hub.schedules import check_rule, next_run
from hub.sdk.errors import ConfigError, Rejected
from hub.store import audit
from hub.store.connections import Configured
from hub.store.cursors import forget_answers, move_cursor
from hub.store.database import utc_now
from hub.store.models import cursors, sync_runs
from hub.store.store import Store

SHOWN_TURNS = 5


@dataclass(frozen=True)
class Position:
    """A stream's cursor: what the next run begins with."""

    stream: str
    cursor: Mapping[str, Any]
    updated_at: datetime | None
    next_run_at: datetime | None
    fresh_at: datetime | None


@dataclass(frozen=True)
class Reread:
    """What reading again will do: the cursor it begins with; `whole`: from the very beginning."""

    stream: str
    cursor: Mapping[str, Any]
    whole: bool


def positions(store: Store, configured: Configured) -> dict[str, Position]:
    """Where each stream of the connection stands; a stream that never ran is not there."""
    with store.database.read() as db:
        rows = db.execute(select(cursors).where(cursors.c.connection_id == configured.id))
        return {
            row.stream: Position(
                row.stream, row.cursor, row.updated_at, row.next_run_at, row.fresh_at
            )
            for row in rows
        }


def plan(store: Store, configured: Configured, stream: str, since: datetime | None) -> Reread:
    """What would be done, nothing changed. ConfigError when there is no such stream."""
    configured.stream(stream)
    if configured.connector.read is None:
        raise ConfigError("this stream is not read by the hub")
    at = configured.connector.cursor_since
    if since is None or at is None:
        return Reread(stream, {}, True)
    known = positions(store, configured).get(stream)
    found = at(configured.connection, stream, known.cursor if known else {}, since)
    return Reread(stream, found or {}, found is None)


def reread(
    store: Store,
    configured: Configured,
    stream: str,
    since: datetime | None,
    actor: str,
    why: str,
) -> int:
    """Set the cursor back and ask for a run; returns the run. Rejected while a run is under way.

    Rows that are known already change nothing: what is read again is compared, not added.
    """
    wanted = plan(store, configured, stream, since)
    with store.database.write() as db:
        running = db.scalar(
            select(sync_runs.c.id).where(
                sync_runs.c.connection_id == configured.id,
                sync_runs.c.stream == stream,
                sync_runs.c.status == "running",
            )
        )
        if running is not None:
            raise Rejected("a run of this stream is under way: wait until it ends")
        move_cursor(db, configured.id, stream, wanted.cursor)
        forget_answers(db, configured.id)
        details = {
            "stream": stream,
            "since": since.isoformat() if since else "",
            "reason": why,
        }
        audit.record(db, actor, "read again", "connection", configured.name, details)
    return poll.request_run(store, configured.name, stream, "person")


def turns(rule: str, configured: Configured, now: datetime | None = None) -> list[datetime]:
    """When a stream with this rule would run next; ConfigError when it cannot be understood."""
    check_rule(rule, "schedule")
    moment, found = now or utc_now(), []
    for _turn in range(SHOWN_TURNS):
        moment = next_run(rule, moment, configured.connection.timezone)
        found.append(moment)
    return found
