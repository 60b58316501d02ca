"""Events that ask for a run: the wish is written in the transaction that marks them done.

So a notice that was accepted leads to a run whatever dies in between: the sweep rings for a queued
run as for any other. Many notices before the run begins are one run.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import SQLAlchemyError

from hub.queues import queues_for
from hub.sdk.errors import Ignored
from hub.store.connections import Configured
from hub.store.models import sync_runs
from hub.store.store import Store

if TYPE_CHECKING:
    from hub.flow.prepare import Prepared

log = logging.getLogger(__name__)


def streams_of(configured: Configured, asked: Sequence[Any]) -> list[str]:
    """The streams to read again; Ignored when this connection polls none of them."""
    known = configured.stream_names()
    names = [run.stream for run in asked]
    found = sorted({name for name in names if name in known})
    if not found:
        raise Ignored(f"this connection does not poll: {', '.join(sorted(set(names)))}")
    return found


def want(db: Connection, connection_id: int, prepared: Sequence[Prepared], now: datetime) -> None:
    """Queue a run of every stream that these events ask for, unless one is queued already."""
    streams = {name for one in prepared if one.wanted for name in one.wanted}
    if not streams:
        return
    queued = set(db.scalars(_queued(connection_id)))
    rows = [
        {
            "connection_id": connection_id,
            "stream": name,
            "trigger": "event",
            "status": "queued",
            "created_at": now,
        }
        for name in sorted(streams - queued)
    ]
    if rows:
        db.execute(insert(sync_runs), rows)


def ring(store: Store, connection_id: int, prepared: Sequence[Prepared]) -> None:
    """Say that runs are wanted, after the commit; the sweep says it again if nobody heard.

    Raises nothing: what it would stop is done already.
    """
    if not any(one.wanted for one in prepared):
        return
    try:
        with store.database.read() as db:
            waiting = db.scalars(_queued(connection_id).with_only_columns(sync_runs.c.id)).all()
        for run_id in waiting:
            queues_for(store.settings).ring_run(run_id)
    except (SQLAlchemyError, OSError) as error:
        log.info("the sweep will ring for the runs: %s", error)


def _queued(connection_id: int) -> Any:
    return select(sync_runs.c.stream).where(
        sync_runs.c.connection_id == connection_id, sync_runs.c.status == "queued"
    )
