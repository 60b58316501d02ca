"""The whole way of one event, shown: parsed and mapped anew with today's code, nothing stored."""

from __future__ import annotations

from collections.abc import Sequence
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


def inspect_event(store: Store, event_id: int) -> EventView:
    """Parse and map one stored event without storing anything; errors are part of the view."""
    with store.database.read() as db:
        found = load_events(db, [event_id])
    if not found:
        return EventView([], "there is no such event")
    configured = store.catalog.by_id(found[0].connection_id)
    if configured is None:
        return EventView([], "the connection cannot be used")
    try:
        sources = parse_event(configured, found[0])
        mappings = Mappings(configured)
    except HubError as error:
        return EventView([], error.message)
    return EventView([_view(mappings, one) for one in sources if isinstance(one, SourceRecord)])


def _view(mappings: Mappings, source: SourceRecord) -> RecordView:
    try:
        return RecordView(source, mappings.explain(source), mappings.apply(source))
    except HubError as error:
        return RecordView(source, mappings.explain(source), None, error.message)
