"""Compiles a mapping once and applies it to many records.

Each row becomes a `CompiledRow`: getters, transforms and the field's own coercion, resolved
beforehand. For the workers the rows are written out as one Python function (`codegen`); the
preview runs them one by one with a trace.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from hub.mapping.codegen import compile_rows
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
from hub.mapping.row import CompiledRow, Trace
from hub.mapping.transforms import MISSING, MappingContext, TransformError, as_text, is_empty
from hub.mapping.transforms.times import time as read_time
from hub.mapping.values import id_text
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
        self._fields = compile_rows(self.rows)

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
        found = self._fields(data, context, warnings)
        if "external_id" in found:
            found["external_id"] = found["external_id"] or ""
        for value in found.values():
            if value:
                return found
        return None


class CompiledMapping:
    """A mapping ready to run; build it with `compile_mapping`.

    `apply` maps a source record whole. `fields(data, context, warnings)` gives only the entity's
    own fields of one row, without ids, extra values, contact or company, and allocates nothing
    else: for bulk rows.
    """

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
        self.fields = compile_rows(self.rows)
        self._extra = compile_rows(self.extra, len(EXTRA)) if self.extra else None
        self.sections = [
            _CompiledSection(name, section)
            for name, section in (("contact", document.contact), ("company", document.company))
            if section is not None
        ]
        self.external_id = self._id_row(document.external_id)
        self.version = self._id_row(document.version)
        self.occurred_at = self._id_row(document.occurred_at, TIME)
        self._ids = compile_rows(
            [row for row in (self.external_id, self.version, self.occurred_at) if row is not None]
        )
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

        The ids are the mapping's, else as the connector gave them. Raises MappingError when a
        required field stays empty or an id is unusable. A field that is not required and fails
        becomes None and a warning.
        """
        data = source.data if isinstance(source.data, dict) else dict(source.data)
        warnings: list[str] = []
        ids = self._ids(data, context, warnings)
        record = MappedRecord(
            self.entity,
            self._external_id(ids, source),
            self._version(ids, source, context, warnings),
            source.part,
            _moment(ids, source),
            source.deleted,
            warnings=warnings,
        )
        if source.deleted:
            return record
        record.fields = self.fields(data, context, warnings)
        if self._extra is not None:
            record.extra = self._extra(data, context, warnings)
        for section in self.sections:
            setattr(record, section.name, section.apply(data, context, warnings))
        record.only_create, record.only_update = self.only_create, self.only_update
        return record

    def _external_id(self, ids: dict[str, Any], source: SourceRecord) -> str:
        """By the mapping, else as the connector gave it."""
        given = ids.get("external_id", MISSING)
        try:
            return id_text(given) or id_text(source.external_id)
        except TransformError as error:
            path = self.external_id.row.path if self.external_id else "the source record"
            raise MappingError(self.entity, "external_id", path, given, str(error)) from error

    def _version(
        self,
        ids: dict[str, Any],
        source: SourceRecord,
        context: MappingContext,
        warnings: list[str],
    ) -> str:
        if self.version is None:
            return source.version
        try:
            return version_text(ids.get("version"), context) or source.version
        except TransformError as error:
            warnings.append(f"version from {self.version.row.path}: {error}")
            return source.version

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


def _moment(ids: dict[str, Any], source: SourceRecord) -> datetime | None:
    moment: datetime | None = ids.get("occurred_at") or source.occurred_at
    if moment is None or moment.tzinfo is UTC:
        return moment
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


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
