"""Compiles a mapping once and applies it to many records.

Each row becomes a `CompiledRow`: getters, transforms and the field's own coercion, resolved
beforehand. The same code serves the workers and, with a trace, the preview.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from hub.mapping.model import (
    EXTRA,
    MappedRecord,
    MappingDocument,
    MappingError,
    Row,
    Section,
    field_kinds,
    line_kinds,
    section_kinds,
)
from hub.mapping.paths import compile_condition
from hub.mapping.row import CompiledRow, Trace, id_text
from hub.mapping.transforms import MISSING, MappingContext, TransformError, as_text, is_empty
from hub.mapping.transforms.times import time as read_time
from hub.sdk.entities import TIME
from hub.sdk.records import SourceRecord

_PADDED = 20

#: A traced row: (target, trace, result, error).
Traced = tuple[str, Trace, Any, str]


def version_text(value: Any, context: MappingContext) -> str:
    """A version that sorts as text: times as ISO in UTC, numbers padded with zeros.

    Other text stays as it is; nothing is «». Raises TransformError for lists and objects.
    """
    if is_empty(value):
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    text = as_text(value)
    if text.isascii() and text.isdigit():
        return text.zfill(_PADDED)
    try:
        moment = read_time(text, None, context)
    except TransformError:
        return text
    return "" if moment is None else version_text(moment, context)


class _CompiledSection:
    """The contact or company a record is about."""

    def __init__(self, name: str, section: Section) -> None:
        kinds = section_kinds(name)
        self.name = name
        self.when = compile_condition(section.when) if section.when else None
        self.rows = [
            CompiledRow(row, kinds[row.target], name, line_kinds(name, row.target))
            for row in section.rows
        ]

    def holds(self, data: Any, warnings: list[str]) -> bool:
        """Whether the section's own condition is met."""
        try:
            return self.when is None or self.when(data)
        except TransformError as error:
            warnings.append(f"{self.name}.when: {error}")
            return False

    def apply(
        self, data: Any, context: MappingContext, warnings: list[str]
    ) -> dict[str, Any] | None:
        """The section's fields; None when not one has a value."""
        if not self.holds(data, warnings):
            return None
        found = {}
        for row in self.rows:
            value = row.run(data, context, warnings)
            if value is not MISSING:
                found[row.target] = value
        if "external_id" in found:
            found["external_id"] = found["external_id"] or ""
        return found if any(value for value in found.values()) else None


class CompiledMapping:
    """A mapping ready to run; build it with `compile_mapping`."""

    def __init__(self, document: MappingDocument) -> None:
        self.document = document
        entity = self.entity = document.entity
        kinds = field_kinds(entity)
        rows = [
            CompiledRow(row, kinds.get(row.target), entity, line_kinds(entity, row.target))
            for row in document.fields
        ]
        self.rows = [row for row in rows if not row.target.startswith(EXTRA)]
        self.extra = [row for row in rows if row.target.startswith(EXTRA)]
        self.sections = [
            _CompiledSection(name, section)
            for name, section in (("contact", document.contact), ("company", document.company))
            if section is not None
        ]
        self.external_id = self._id_row(document.external_id)
        self.version = self._id_row(document.version)
        self.occurred_at = self._id_row(document.occurred_at, TIME)
        self.only_create = self._only("create")
        self.only_update = self._only("update")

    def _id_row(self, row: Row | None, kind: str | None = None) -> CompiledRow | None:
        return None if row is None else CompiledRow(row, kind, self.entity, {}, typed=True)

    def _only(self, moment: str) -> frozenset[str]:
        named = [(row.target, row) for row in (*self.rows, *self.extra)]
        for section in self.sections:
            named += [(f"{section.name}.{row.target}", row) for row in section.rows]
        return frozenset(name for name, row in named if row.only == moment)

    def apply(self, source: SourceRecord, context: MappingContext) -> MappedRecord:
        """Map one source record; of a deleted one only its ids.

        Raises MappingError when a required field stays empty or an id is unusable. A field that
        is not required and fails becomes None and a warning.
        """
        data = source.data if isinstance(source.data, dict) else dict(source.data)
        record = MappedRecord(self.entity, part=source.part, deleted=source.deleted)
        self._identify(record, source, data, context)
        if source.deleted:
            return record
        warnings, fields = record.warnings, record.fields
        for row in self.rows:
            value = row.run(data, context, warnings)
            if value is not MISSING:
                fields[row.target] = value
        for row in self.extra:
            value = row.run(data, context, warnings)
            if value is not MISSING:
                record.extra[row.target[len(EXTRA) :]] = value
        for section in self.sections:
            setattr(record, section.name, section.apply(data, context, warnings))
        record.only_create, record.only_update = self.only_create, self.only_update
        return record

    def _identify(
        self, record: MappedRecord, source: SourceRecord, data: Any, context: MappingContext
    ) -> None:
        """Fill external id, version and time: by the mapping, else as the connector gave them."""
        given: Any = MISSING
        try:
            if self.external_id is not None:
                given = self.external_id.run(data, context, record.warnings)
            record.external_id = id_text(given) or id_text(source.external_id)
        except TransformError as error:
            path = self.external_id.row.path if self.external_id else "the source record"
            raise MappingError(self.entity, "external_id", path, given, str(error)) from error
        record.version = source.version
        if self.version is not None:
            try:
                value = self.version.run(data, context, record.warnings)
                record.version = version_text(value, context) or source.version
            except TransformError as error:
                record.warnings.append(f"version from {self.version.row.path}: {error}")
        moment = source.occurred_at
        if self.occurred_at is not None:
            moment = self.occurred_at.run(data, context, record.warnings) or None
            moment = source.occurred_at if moment is None or moment is MISSING else moment
        if moment is not None:
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        record.occurred_at = moment

    def trace(self, source: SourceRecord, context: MappingContext) -> list[Traced]:
        """Run every row by itself, keeping each step; errors are kept, not raised."""
        data = source.data if isinstance(source.data, dict) else dict(source.data)
        ids = (self.external_id, self.version, self.occurred_at)
        traced = [_trace(row.target, row, data, context) for row in ids if row is not None]
        traced += [_trace(row.target, row, data, context) for row in (*self.rows, *self.extra)]
        for section in self.sections:
            if section.holds(data, []):
                traced += [
                    _trace(f"{section.name}.{row.target}", row, data, context)
                    for row in section.rows
                ]
        return traced


def _trace(target: str, row: CompiledRow, data: Any, context: MappingContext) -> Traced:
    trace, warnings = Trace(), list[str]()
    result, error = MISSING, ""
    try:
        result = row.run(data, context, warnings, trace)
    except MappingError as failure:
        error = failure.reason
    return target, trace, result, error or "; ".join(warnings)


@lru_cache(maxsize=512)
def compile_mapping(document: MappingDocument) -> CompiledMapping:
    """The compiled form of a mapping; the same content is compiled once."""
    return CompiledMapping(document)
