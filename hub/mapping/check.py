"""Doubts about mappings that are well formed: what `hub mappings check` reports."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from hub.mapping.loader import MAPPINGS, load_file
from hub.mapping.model import (
    EXTRA,
    ID_ROWS,
    MappingConfigError,
    MappingDocument,
    Problem,
    Row,
    field_kinds,
    line_kinds,
    section_kinds,
)
from hub.mapping.transforms import MISSING, TRANSFORMS, MappingContext, TransformError
from hub.mapping.values import KIND_TRANSFORM
from hub.sdk import entities

#: An entity's fields without which its records are of little use; of a group one is enough.
ESSENTIAL: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "contact": (("phone", "email", "phones", "emails", "external_id"),),
    "company": (("name", "legal_name"),),
    "lead": (("title", "comment", "channel"),),
    "order": (("number", "external_id"), ("status",)),
    "product": (("name", "sku"),),
    "stock": (("sku", "product_external_id", "product_name"), ("quantity", "available")),
    "call": (("direction",), ("from_number", "to_number")),
    "message": (("from_address", "to_address"), ("text", "subject")),
    "task": (("title",),),
}
#: Fields that take only certain words.
WORDS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("call", "direction"): entities.CALL_DIRECTIONS,
    ("call", "status"): entities.CALL_STATUSES,
    ("call", "outcome"): entities.CALL_STATUSES,
    ("call", "leg_state"): entities.CALL_LEG_STATES,
    ("message", "kind"): entities.MESSAGE_KINDS,
}
#: Results of a last transform that a kind cannot take.
MISFITS: Final = {
    entities.TIME: {"number", "boolean"},
    entities.MONEY: {"time", "boolean"},
    entities.QUANTITY: {"time", "boolean"},
    entities.INTEGER: {"time", "boolean"},
    entities.BOOLEAN: {"time"},
    entities.PHONE: {"time", "boolean"},
    entities.EMAIL: {"time", "boolean", "number"},
}
IDENTIFIES: Final = ("phone", "phones", "email", "emails", "external_id", "inn")


def check_document(
    document: MappingDocument, settings: Collection[str] | None = None
) -> list[Problem]:
    """What is doubtful in a mapping that loads; `settings` are the names that lookups may use."""
    return list(_problems(document, settings))


def check_shipped(root: Path = MAPPINGS) -> list[Problem]:
    """Every problem of every shipped mapping, errors of loading included."""
    found: list[Problem] = []
    for path in sorted(root.glob("*/*.yml")):
        if path.name.endswith(".out.yml"):
            continue
        try:
            place = f"{path.parent.name}/{path.name}"
            found += check_document(load_file(path, place, path.stat().st_mtime_ns))
        except MappingConfigError as error:
            found += error.problems
    return found


def _problems(document: MappingDocument, settings: Collection[str] | None) -> Iterator[Problem]:
    def problem(key: str, message: str, severity: str = "warning") -> Problem:
        return Problem(key, message, document.place, severity=severity)

    kinds = field_kinds(document.entity)
    named = [(row.target, row, kinds.get(row.target, "")) for row in document.fields]
    filled = {row.target for row in document.fields}
    filled |= {key for key in ID_ROWS if getattr(document, key) is not None}
    for name, section in (("contact", document.contact), ("company", document.company)):
        for row in section.rows if section else ():
            named.append((f"{name}.{row.target}", row, section_kinds(name)[row.target]))
    for name, row, kind in named:
        for message, severity in _row_problems(document.entity, row, kind, settings):
            yield problem(name, message, severity)
    for group in ESSENTIAL.get(document.entity, ()):
        if not filled & set(group):
            yield problem("fields", f"nothing fills {' or '.join(group)}")
    if document.contact and not any(row.target in IDENTIFIES for row in document.contact.rows):
        yield problem("contact", f"nothing identifies the person: {', '.join(IDENTIFIES)}")


def _row_problems(
    entity: str, row: Row, kind: str, settings: Collection[str] | None
) -> Iterator[tuple[str, str]]:
    if row.steps and not row.choices and not row.target.startswith(EXTRA):
        last = TRANSFORMS[row.steps[-1][0]]
        if last.gives in MISFITS.get(kind, ()):
            yield f"{last.name} gives a {last.gives}, this field is a {kind}", "error"
    for key, value in (("const", row.const), ("default", row.default)):
        wrong = "" if key == "const" and row.steps else _misfit(value, kind)
        if wrong:
            yield f"{key}: {wrong}", "error"
    words = WORDS.get((entity, row.target))
    if words:
        given = [*(row.choices or {}).values(), row.default, row.const]
        given += [] if row.otherwise in ("keep", "null") else [row.otherwise]
        for value in given:
            if value is not MISSING and value is not None and value not in words:
                yield f"«{value}» is none of {', '.join(words)}", "error"
    for name, argument in row.steps:
        if name == "lookup" and settings is not None:
            table = str(argument).split(".")[1]
            if table not in settings:
                yield f"the connector has no setting «{table}»", "error"
    for below in row.rows:
        lines = line_kinds(entity, row.target)
        for message, severity in _row_problems("", below, lines.get(below.target, ""), settings):
            yield f"{below.target}: {message}", severity


def _misfit(value: Any, kind: str) -> str:
    """Why a constant cannot be this kind; empty when it can."""
    transform = KIND_TRANSFORM.get(kind)
    if value is MISSING or value is None or value == "" or transform is None:
        return ""
    try:
        TRANSFORMS[transform].function(value, None, MappingContext())
    except TransformError as error:
        return str(error)
    return ""
