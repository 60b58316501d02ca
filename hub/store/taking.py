"""A worker's first look at a connection: its open events and, if there are any, its lease.

On the driver itself, one round trip on PostgreSQL. Nothing is written when nothing is open. The
lease does not wait for the disk: should a crash of the database undo it, the next holder gets the
same token, but not the same owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hub.store.database import Database
from hub.store.event_rows import ASK_OPEN, CHOSEN, COLUMNS, OPEN, SMALL, whole
from hub.store.leases import IF_FREE, SET_TAKEN, Lease
from hub.store.plain import for_sqlite

_TAKE_SQLITE: Final = f"""
{SET_TAKEN} {IF_FREE} AND (
  EXISTS (SELECT 1 FROM events WHERE connection_id = ? AND status = 'received')
  OR EXISTS (SELECT 1 FROM events WHERE connection_id = ? AND status = 'waiting' AND retry_at <= ?)
) RETURNING token, deaths
"""  # noqa: S608  # names of ours
_TAKE_POSTGRES: Final = f"""
WITH {OPEN}, taken AS (
  {SET_TAKEN} FROM (SELECT set_config('synchronous_commit', 'off', true)) AS hasty
  {IF_FREE} AND EXISTS (SELECT 1 FROM chosen JOIN event_bodies ON event_id = open_id)
  RETURNING token, deaths
)
SELECT {COLUMNS}, taken.token, taken.deaths {CHOSEN} LEFT JOIN taken ON true {SMALL}
""".replace("?", "%s")  # noqa: S608  # names of ours


@dataclass(frozen=True)
class Wanted:
    """What a worker asks for: at most `limit` open events with no more than `most_bytes` together,
    but always the first; and the lease of this name for `seconds`."""

    connection_id: int
    limit: int
    most_bytes: int
    name: str
    owner: str
    seconds: float


def take(
    database: Database, wanted: Wanted, now: datetime
) -> tuple[list[dict[str, Any]], Lease | None]:
    """The open events in order of arrival, as `event_rows.open_events` gives them, and the lease:
    None when nothing is open, or the lease is not free. On SQLite what was open may be gone when
    it is read; then there is a lease and no event."""
    until = now + timedelta(seconds=wanted.seconds)
    key, limit = wanted.connection_id, wanted.limit
    lease = (wanted.owner, until, wanted.name)
    opened = (key, limit, key, now, limit, limit)
    if database.is_sqlite:
        rows, taken = _on_sqlite(database, (*lease, key, key, now), (*opened, wanted.most_bytes))
    else:
        given = (*opened, *lease, wanted.most_bytes)
        found = database.write_raw_briefly(lambda db: db.execute(_TAKE_POSTGRES, given).fetchall())
        rows = [row[:-2] for row in found]
        taken = found[0][-2:] if found and found[0][-1] is not None else None
    events = whole(rows, sqlite=database.is_sqlite)
    if taken is None:
        return events, None
    return events, Lease(wanted.name, wanted.owner, taken[0], wanted.seconds, taken[1])


def _on_sqlite(
    database: Database, lease: Sequence[Any], opened: Sequence[Any]
) -> tuple[Sequence[Any], Any]:
    """The lease first: the write lock is not kept while bodies are read."""
    of_lease, of_events = for_sqlite(lease), for_sqlite(opened)
    taken = database.write_raw_briefly(lambda db: db.execute(_TAKE_SQLITE, of_lease).fetchone())
    return database.look_raw(lambda db: db.execute(ASK_OPEN, of_events).fetchall()), taken
