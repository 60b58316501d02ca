"""Steps parse and map together, for a batch: pure work, done outside any transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from hub.crm.fold import Stamp
from hub.flow import wanted
from hub.flow.map import Mappings
from hub.flow.parse import StoredEvent, parse_event
from hub.mapping.model import MappedRecord
from hub.sdk.errors import ConfigError, HubError
from hub.sdk.records import WantedRun
from hub.store.connections import Configured
from hub.store.database import utc_now


@dataclass
class Prepared:
    """An event parsed and mapped, or the error that stopped it."""

    stored: StoredEvent
    records: list[MappedRecord] = field(default_factory=list)
    #: Streams that this event says to read again; then it has no records.
    wanted: Sequence[str] = ()
    error: BaseException | None = None
    step: str = "parse"
    started_at: datetime = field(default_factory=utc_now)

    @cached_property
    def stamp(self) -> Stamp:
        """Who says it: without a version of its own, an event is as new as its arrival."""
        at = self.stored.received_at
        return Stamp(at.isoformat(), at, self.stored.connection_id, event_id=self.stored.id)


def prepare(configured: Configured, stored: Sequence[StoredEvent]) -> list[Prepared]:
    """Parse and map; errors stay with their event."""
    try:
        mappings: Mappings | None = Mappings(configured)
        broken: HubError | None = None
    except HubError as error:
        mappings, broken = None, error
    prepared = []
    for event in stored:
        one = Prepared(event)
        prepared.append(one)
        try:
            sources = parse_event(configured, event)
            if sources and type(sources[0]) is WantedRun:
                one.wanted = wanted.streams_of(configured, sources)
                continue
            one.step = "map"
            if mappings is None:
                raise broken or ConfigError()
            one.records = [mappings.apply(source) for source in sources]
            one.step = "upsert"
        except Exception as error:
            one.error = error
    return prepared
