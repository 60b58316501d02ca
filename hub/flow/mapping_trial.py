"""A mapping that is being edited, tried on real events: one live, many in slices. Nothing stored.

A slice is bounded in events and in time, so a request never works for long; whoever shows it asks
for the next one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub.flow.parse import load_events, parse_event
from hub.mapping.compiler import CompiledMapping, compile_mapping
from hub.mapping.model import MappingDocument
from hub.mapping.preview import Difference, FieldTrace, compare, explain
from hub.mapping.transforms import MISSING, MappingContext
from hub.sdk import payload
from hub.sdk.errors import HubError, PayloadError
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event, RawRequest
from hub.store.connections import Configured
from hub.store.database import utc_now
from hub.store.lists import samples
from hub.store.lists.paging import Row
from hub.store.store import Store
from hub.store.threads import short_ref

LOOKED_AT: Final = 60
SHOWN: Final = 20
SLICE_EVENTS: Final = 50
SLICE_SECONDS: Final = 0.7
LISTED: Final = 20
MAX_PASTED: Final = 400_000


@dataclass(frozen=True)
class Sample:
    """An event that a mapping can be tried on: it holds records of the entity."""

    event: Row
    records: int
    title: str = ""


@dataclass(frozen=True)
class Trial:
    """What a mapping makes of one record. `fields`: the whole result; `before`: today's result."""

    trace: Sequence[FieldTrace] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Changed:
    """A record that the edited mapping would fill differently."""

    event_id: int
    external_id: str
    record_id: int
    #: (field, what is stored, what today's mapping gives, what the edited one gives)
    fields: Sequence[tuple[str, Any, Any, Any]]


@dataclass(frozen=True)
class Slice:
    """What some events came to. `before` is where the next slice begins; 0: there is no more."""

    events: int = 0
    fine: int = 0
    failing: Sequence[tuple[int, str, bool]] = ()
    without: int = 0
    changed: Sequence[Changed] = ()
    before: int = 0


def context_of(configured: Configured) -> MappingContext:
    """What transforms of this connection know."""
    connection = configured.connection
    return MappingContext(connection.timezone, connection.phone_region, connection.settings)


def recent(store: Store, configured: Configured, entity: str) -> list[Sample]:
    """The latest events that hold records of this entity, newest first."""
    rows = samples.newest_events(store.database, configured.id, LOOKED_AT)
    with store.database.read() as db:
        stored = {one.id: one for one in load_events(db, [row["id"] for row in rows])}
    found = []
    for row in rows:
        sources = _sources(configured, stored.get(row["id"]), entity)
        if sources:
            found.append(Sample(row, len(sources), _title(sources[0])))
        if len(found) >= SHOWN:
            break
    return found


def _title(source: SourceRecord) -> str:
    """Something by which a person knows the record again."""
    words = ("subject", "name", "number", "title", "phone", "sku", "email")
    data = source.data
    said = [str(data[name]) for name in words if isinstance(data.get(name), str | int)]
    return " · ".join(said[:2])[:80] or source.external_id


def _sources(configured: Configured, stored: Any, entity: str) -> list[SourceRecord]:
    if stored is None:
        return []
    try:
        found = parse_event(configured, stored)
    except HubError:
        return []
    return [one for one in found if isinstance(one, SourceRecord) and one.entity == entity]


def source_of_event(
    store: Store, configured: Configured, event_id: int, entity: str, place: int = 0
) -> SourceRecord | None:
    """The record of this entity in a stored event of the connection; None when it has none."""
    with store.database.read() as db:
        found = load_events(db, [event_id])
    if not found or found[0].connection_id != configured.id:
        return None
    sources = _sources(configured, found[0], entity)
    return sources[min(place, len(sources) - 1)] if sources else None


def source_of_text(configured: Configured, text: str, entity: str) -> SourceRecord:
    """A pasted body as the connector would read it, else pasted JSON as the record's own data.

    PayloadError tells why it is neither.
    """
    if len(text) > MAX_PASTED:
        raise PayloadError("the text is too long")
    body = text.strip().encode()
    if not body:
        raise PayloadError("paste a sample, or choose an event")
    parse = configured.connector.parse
    kind = {"{": "application/json", "[": "application/json", "<": "application/xml"}.get(
        body[:1].decode("latin-1"), "application/x-www-form-urlencoded"
    )
    if parse is not None:
        event = Event(RawRequest(body, (("Content-Type", kind),)), utc_now())
        try:
            for one in parse(event, configured.connection):
                if isinstance(one, SourceRecord) and one.entity == entity:
                    return one
        except (HubError, RecursionError):
            pass
    data = payload.load_json(body)
    if isinstance(data, list) and data:
        data = data[0]
    if not isinstance(data, dict):
        raise PayloadError('a sample is a JSON object: {"name": …}')
    return SourceRecord(entity, "", data)


def try_one(
    configured: Configured,
    document: MappingDocument,
    today: MappingDocument | None,
    source: SourceRecord,
) -> Trial:
    """The edited mapping over one record, row by row, beside what today's mapping gives."""
    context = context_of(configured)
    trace = explain(document, source, context)
    before = {one.target: one.result for one in (explain(today, source, context) if today else ())}
    try:
        record = compile_mapping(document).apply(source, context)
    except HubError as error:
        return Trial(trace, before, error.message)
    return Trial(trace, before, "", record.warnings)


def try_slice(
    store: Store,
    configured: Configured,
    document: MappingDocument,
    today: MappingDocument | None,
    before: int,
    most: int,
) -> Slice:
    """Both mappings over the next events, newest first, at most `most` and for a moment only."""
    until = time.monotonic() + SLICE_SECONDS
    rows = samples.newest_events(store.database, configured.id, min(most, SLICE_EVENTS), before)
    with store.database.read() as db:
        stored = {one.id: one for one in load_events(db, [row["id"] for row in rows])}
    trial = _SliceOf(configured, document, today)
    last = 0
    for row in rows:
        last = int(row["id"])
        trial.take(stored.get(last))
        if time.monotonic() > until:
            break
    is_end = not rows or (last == rows[-1]["id"] and len(rows) < min(most, SLICE_EVENTS))
    return trial.result(store, 0 if is_end else last)


class _SliceOf:
    """Counts what the events of one slice come to."""

    def __init__(
        self, configured: Configured, document: MappingDocument, today: MappingDocument | None
    ) -> None:
        self.configured, self.document, self.today = configured, document, today
        self.context = context_of(configured)
        self.compiled: CompiledMapping = compile_mapping(document)
        self.events = self.fine = self.without = 0
        self.failing: list[tuple[int, str, bool]] = []
        self.changed: dict[str, tuple[int, Sequence[Difference]]] = {}

    def take(self, stored: Any) -> None:
        """One event: fine when every record of it is."""
        self.events += 1
        sources = [
            one for one in _sources(self.configured, stored, self.document.name) if not one.deleted
        ]
        if not sources:
            self.without += 1
            return
        failed, is_new = "", False
        for source in sources:
            found = compare(self.today, self.document, source, self.context)
            if found.error_after:
                failed, is_new = found.error_after, found.newly_fails
            elif found.differences and len(self.changed) < LISTED:
                key = self._key(source) or stored.key
                self.changed.setdefault(key, (stored.id, found.differences))
        if failed:
            self.failing.append((stored.id, failed, is_new))
        else:
            self.fine += 1

    def _key(self, source: SourceRecord) -> str:
        try:
            return self.compiled.apply(source, self.context).external_id
        except HubError:
            return ""

    def result(self, store: Store, before: int) -> Slice:
        """The counts, and the changed records as they are stored now."""
        keys = {key: short_ref(key) for key in self.changed if key}
        entity = self.document.entity
        known = samples.stored_records(
            store.database, self.configured.id, entity, list(keys.values())
        )
        changed = []
        for key, (event_id, differences) in self.changed.items():
            row = known.get(keys.get(key, ""), {})
            fields = [(one.target, _stored(row, one.target), one.before, one.after)
                      for one in differences]  # fmt: skip
            changed.append(Changed(event_id, key, int(row.get("id") or 0), fields))
        return Slice(self.events, self.fine, self.failing, self.without, changed, before)


def _stored(row: Mapping[str, Any], target: str) -> Any:
    if target.startswith("extra."):
        return (row.get("extra") or {}).get(target.removeprefix("extra."), MISSING)
    return row.get(target, MISSING)
