"""Shows a mapping at work on one record, field by field, for the admin pages and the CLI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.mapping.compiler import compile_mapping
from hub.mapping.model import MappedRecord, MappingDocument, MappingError
from hub.mapping.transforms import MISSING, MappingContext
from hub.sdk.records import SourceRecord


@dataclass(frozen=True)
class FieldTrace:
    """How one field got its value.

    `path` is the path that won (all of them when none did), `raw` the source's value, `steps` the
    value after each transform. MISSING as `raw` or `result`: the source says nothing.
    """

    target: str
    path: str
    raw: Any
    steps: Sequence[tuple[str, Any]]
    result: Any
    error: str = ""

    @property
    def absent(self) -> bool:
        """The field is left as it was."""
        return self.result is MISSING


def explain(
    document: MappingDocument, source: SourceRecord, context: MappingContext
) -> list[FieldTrace]:
    """Trace every row of a mapping over one source record; never raises.

    Rows of lines follow their list as `lines[0].sku`, the first 20 lines of them.
    """
    found = []
    for target, trace, result, error in compile_mapping(document).trace(source, context):
        found.append(FieldTrace(target, trace.path, trace.raw, trace.steps, result, error))
        found += [
            FieldTrace(name, below.path, below.raw, below.steps, value)
            for name, below, value in trace.lines
        ]
    return found


@dataclass(frozen=True)
class Difference:
    """One field that two mappings fill differently from the same record."""

    target: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Comparison:
    """What a changed mapping does to one record: changed fields, and errors before and after."""

    differences: Sequence[Difference]
    error_before: str = ""
    error_after: str = ""

    @property
    def newly_fails(self) -> bool:
        """The record was mapped before and would not be any more."""
        return bool(self.error_after) and not self.error_before


def compare(
    before: MappingDocument | None,
    after: MappingDocument | None,
    source: SourceRecord,
    context: MappingContext,
) -> Comparison:
    """Run two mappings over one record and tell what would change; never raises.

    None stands for «no mapping».
    """
    old, error_before = _flat(before, source, context)
    new, error_after = _flat(after, source, context)
    names = dict.fromkeys((*old, *new))
    differences = [
        Difference(name, old.get(name, MISSING), new.get(name, MISSING))
        for name in names
        if old.get(name, MISSING) != new.get(name, MISSING)
    ]
    return Comparison(differences, error_before, error_after)


def _flat(
    document: MappingDocument | None, source: SourceRecord, context: MappingContext
) -> tuple[dict[str, Any], str]:
    if document is None:
        return {}, ""
    try:
        return flat_fields(compile_mapping(document).apply(source, context)), ""
    except MappingError as error:
        return {}, error.message


def flat_fields(record: MappedRecord) -> dict[str, Any]:
    """Everything a mapped record holds, by name: `total`, `extra.source`, `contact.phone`."""
    found: dict[str, Any] = {
        "external_id": record.external_id,
        "version": record.version,
        "occurred_at": record.occurred_at,
        **record.fields,
    }
    found |= {f"extra.{name}": value for name, value in record.extra.items()}
    for section, values in (("contact", record.contact), ("company", record.company)):
        found |= {f"{section}.{name}": value for name, value in (values or {}).items()}
    return found
