"""The whole way of one event, shown: parsed and mapped anew with today's code, nothing stored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from hub.flow.map import Mappings
from hub.flow.parse import load_events, parse_event
from hub.mapping.model import MappedRecord
from hub.mapping.preview import FieldTrace
from hub.sdk.errors import HubError
from hub.sdk.records import SourceRecord
from hub.store.store import Store


@dataclass(frozen=True)
class RecordView:
    """One source record, how each field was mapped, and what came out."""

    source: SourceRecord
    trace: Sequence[FieldTrace]
    mapped: MappedRecord | None
    error: str = ""


@dataclass(frozen=True)
class EventView:
    """What parse and map make of an event."""

    records: Sequence[RecordView]
    parse_error: str = ""
    #: How long each step took just now, in milliseconds.
    parse_ms: float = 0.0
    map_ms: float = 0.0


def inspect_event(store: Store, event_id: int) -> EventView:
    """Parse and map one stored event without storing anything; errors are part of the view."""
    with store.database.read() as db:
        found = load_events(db, [event_id])
    if not found:
        return EventView([], "there is no such event")
    configured = store.catalog.by_id(found[0].connection_id)
    if configured is None:
        return EventView([], "the connection cannot be used")
    began = time.perf_counter()
    try:
        sources = parse_event(configured, found[0])
        parsed = time.perf_counter()
        mappings = Mappings(configured)
    except HubError as error:
        return EventView([], error.message)
    # Mapped once before it is explained: explaining takes much longer, and is not on the way.
    mapped = _mapping_seconds(mappings, sources)
    views = [_view(mappings, one) for one in sources if isinstance(one, SourceRecord)]
    return EventView(views, "", (parsed - began) * 1000, mapped * 1000)


def _mapping_seconds(mappings: Mappings, sources: Sequence[object]) -> float:
    began = time.perf_counter()
    for one in sources:
        if isinstance(one, SourceRecord):
            with suppress(HubError):
                mappings.apply(one)
    return time.perf_counter() - began


def _view(mappings: Mappings, source: SourceRecord) -> RecordView:
    try:
        return RecordView(source, mappings.explain(source), mappings.apply(source))
    except HubError as error:
        return RecordView(source, mappings.explain(source), None, error.message)
