"""Step parse: an event's bytes become source records, in the vendor's terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from hub.sdk.errors import Ignored, PayloadError
from hub.sdk.request import Event, RawRequest
from hub.store import emptied, event_rows, leases, taking
from hub.store.connections import Configured
from hub.store.database import Database

GONE: Final = {
    emptied.ERASED: "the raw request was erased together with a person's data",
    emptied.EXPIRED: "the raw request is gone: it was older than hub.yml lets them be kept",
}


@dataclass(frozen=True)
class StoredEvent:
    """An event as the inbox keeps it."""

    id: int
    connection_id: int
    key: str
    attempts: int
    event: Event
    #: Grows with every replay: what was read before one was asked for does not count.
    generation: int = 0

    @property
    def received_at(self) -> datetime:
        """When the hub received it."""
        return self.event.received_at


def load_events(db: Connection, ids: Iterable[int]) -> list[StoredEvent]:
    """The events with their raw bodies, in the order of their ids."""
    return [_stored(row) for row in event_rows.read_events(db, list(ids))]


def open_events(
    db: Connection, connection_id: int, now: datetime, limit: int, most_bytes: int
) -> list[StoredEvent]:
    """The events of a connection to take up now, as `event_rows.open_events` chooses them."""
    return list(map(_stored, event_rows.open_events(db, connection_id, now, limit, most_bytes)))


def take(
    database: Database, wanted: taking.Wanted, now: datetime
) -> tuple[list[StoredEvent], leases.Lease | None]:
    """The events of a connection to take up now and its lease, as `taking.take` gives them."""
    rows, lease = taking.take(database, wanted, now)
    return list(map(_stored, rows)), lease


def _stored(row: dict[str, Any]) -> StoredEvent:
    request = RawRequest(
        body=bytes(row["body"]),
        headers=tuple((name, value) for name, value in row["headers"]),
        method=row["method"],
        path=row["path"],
        query=row["query"],
        remote_addr=row["remote_addr"],
    )
    event = Event(request, row["received_at"], row["type"], row["id"])
    return StoredEvent(
        row["id"],
        row["connection_id"],
        row["event_key"],
        row["attempts"],
        event,
        row["generation"],
    )


def parse_event(configured: Configured, stored: StoredEvent) -> list[Any]:
    """Source records of one event, or WantedRuns only. Ignored or PayloadError when it has none."""
    if stored.event.request.method in emptied.MARKS:
        raise Ignored(GONE[stored.event.request.method])
    parse = configured.connector.parse
    if parse is None:
        raise PayloadError(f"{configured.connection.connector} takes no webhooks")
    try:
        records = list(parse(stored.event, configured.connection))
    except RecursionError as error:
        raise PayloadError("the payload is nested too deeply") from error
    if not records and configured.connector.read_upload is None:
        # The pieces of an upload carry none by themselves; a sync run reads the whole.
        raise Ignored("the event carries no records")
    return records
