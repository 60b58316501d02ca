"""A worker's looks at a connection: what is open, and whose turn it is."""

from __future__ import annotations

from typing import Final

from hub.flow.parse import StoredEvent, open_events, take
from hub.store import leases
from hub.store.connections import Configured
from hub.store.database import utc_now
from hub.store.store import Store
from hub.store.taking import Wanted

MAX_BATCH_BYTES: Final = 16 * 1024 * 1024
DEFAULT_BATCH: Final = 100
#: Events that a look reads while another worker may hold the lease.
LOOK: Final = 10


def first(store: Store, connection_id: int) -> tuple[list[StoredEvent], leases.Lease | None]:
    """The first look after a ring: the next open events, and the lease if it is free and there are
    any. Nothing when the connection is paused."""
    if active(store, connection_id) is None:
        return [], None
    wanted = Wanted(
        connection_id,
        min(LOOK, batch_size(store)),
        MAX_BATCH_BYTES,
        _lease_name(connection_id),
        leases.owner_name(),
        leases.seconds_of(store.settings, "drain"),
    )
    seen, lease = take(store.database, wanted, utc_now())
    if lease is not None and not seen:
        # What was open when the lease was taken is not there any more.
        leases.release(store.database, lease)
    return seen, lease


def again(store: Store, connection_id: int) -> list[StoredEvent]:
    """The look after a turn. Most likely nothing is left, so it only reads: on SQLite who takes a
    lease takes the write lock."""
    return claim(store, connection_id, min(LOOK, batch_size(store)))


def claim(store: Store, connection_id: int, size: int) -> list[StoredEvent]:
    """The next open events in order of arrival, as many as fit in memory; none when paused."""
    if active(store, connection_id) is None:
        return []
    with store.database.read() as db:
        return open_events(db, connection_id, utc_now(), size, MAX_BATCH_BYTES)


def acquire(store: Store, connection_id: int) -> leases.Lease | None:
    """The lease for draining this connection; None when another worker has it."""
    seconds = leases.seconds_of(store.settings, "drain")
    name = _lease_name(connection_id)
    return leases.acquire(store.database, name, leases.owner_name(), seconds)


def active(store: Store, connection_id: int) -> Configured | None:
    """The connection, unless it is paused or gone."""
    configured = store.catalog.by_id(connection_id)
    return None if configured is None or configured.state == "paused" else configured


def batch_size(store: Store) -> int:
    """How many events one transaction takes, at most (`events.batch_size`)."""
    return int(store.settings.option("events.batch_size", DEFAULT_BATCH))


def _lease_name(connection_id: int) -> str:
    return f"drain-{connection_id}"
