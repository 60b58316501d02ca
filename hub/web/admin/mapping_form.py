"""The editor's form: read from a request, and laid out for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from werkzeug.datastructures import MultiDict

from hub.flow.connection_text import dump
from hub.mapping.edit import (
    BELOW,
    EACH,
    FIELDS,
    MOST_ROWS,
    STEPS,
    EditRow,
    document_of,
    rows_of,
    section_whens,
)
from hub.mapping.model import (
    ID_ROWS,
    SECTIONS,
    MappingConfigError,
    MappingDocument,
    Problem,
    field_kinds,
    section_kinds,
)
from hub.mapping.places import load_yaml, plain
from hub.mapping.schema import build_document
from hub.sdk.entities import JSON, ORDER_LINE
from hub.web.words import field_label

COLUMNS: Final = (
    "section", "target", "kind", "source", "more", "default", "choices", "otherwise", "only",
    "required", "when", "raw",
)  # fmt: skip
MAX_YAML: Final = 200_000


@dataclass(frozen=True)
class Draft:
    """A mapping being edited. `source` None: the text is no mapping; `document` None: it has
    problems."""

    rows: Sequence[EditRow]
    whens: Mapping[str, str]
    source: Mapping[str, Any] | None
    document: MappingDocument | None
    problems: Sequence[Problem] = ()
    text: str = ""
    mode: str = "rows"


@dataclass(frozen=True)
class Group:
    """A section of the page: its rows with their numbers in the form."""

    name: str
    target: str = ""
    when: str = ""
    rows: Sequence[tuple[int, EditRow]] = field(default_factory=list)


def draft_of(source: Mapping[str, Any], entity: str) -> Draft:
    """A document as a draft that nobody has changed."""
    return _judged(rows_of(source), section_whens(source), dict(source), entity, [], "", "rows")


def read_draft(form: MultiDict[str, str], entity: str) -> Draft:
    """The draft that the form holds: rows, or a text."""
    if form.get("mode") == "yaml":
        return _from_text(form.get("yaml", "").replace("\0", ""), entity)
    columns = {name: form.getlist(f"row.{name}") for name in COLUMNS}
    steps = [
        (form.getlist(f"row.as{number}"), form.getlist(f"row.arg{number}"))
        for number in range(1, STEPS + 1)
    ]
    rows = []
    for number in range(min(len(columns["section"]), MOST_ROWS)):
        values = {
            name: texts[number].replace("\0", "").replace("\r\n", "\n")
            for name, texts in columns.items()
            if number < len(texts)
        }
        chosen = tuple(
            (names[number], arguments[number] if number < len(arguments) else "")
            for names, arguments in steps
            if number < len(names) and names[number]
        )
        if len(values.get("raw", "")) > MAX_YAML or not _is_json(values.get("raw", "")):
            values["raw"] = ""
        values["target"] = values.get("target", "").strip()
        rows.append(EditRow(steps=chosen, **values))
    whens = {name: form.get(f"when.{name}", "") for name in SECTIONS}
    source, problems = document_of(rows, whens, entity, {"entity": form.get("entity", entity)})
    return _judged(rows, whens, source, entity, problems, "", "rows")


def _is_json(text: str) -> bool:
    try:
        return not text or orjson.loads(text) is not None
    except orjson.JSONDecodeError:
        return False


def _from_text(text: str, entity: str) -> Draft:
    try:
        loaded = load_yaml(text[:MAX_YAML].encode(), "yaml")
    except MappingConfigError as error:
        return Draft([], {}, None, None, error.problems, text, "yaml")
    simple = plain(loaded)
    if not isinstance(simple, dict):
        problem = Problem("", "a mapping is {fields: {…}, contact: {…}, …}")
        return Draft([], {}, None, None, [problem], text, "yaml")
    try:
        document = build_document(loaded, entity, "yaml")
    except MappingConfigError as error:
        rows = rows_of(simple) if _is_shaped(simple) else []
        return Draft(rows, {}, simple if rows else None, None, error.problems, text, "yaml")
    return Draft(rows_of(simple), section_whens(simple), simple, document, [], text, "yaml")


def _is_shaped(simple: Mapping[str, Any]) -> bool:
    return all(isinstance(simple.get(name) or {}, Mapping) for name in (FIELDS, *SECTIONS))


def _judged(
    rows: Sequence[EditRow],
    whens: Mapping[str, str],
    source: dict[str, Any],
    entity: str,
    problems: Sequence[Problem],
    text: str,
    mode: str,
) -> Draft:
    document = None
    try:
        document = build_document(source, entity, "mapping")
    except MappingConfigError as error:
        problems = [*problems, *error.problems]
    text = text or dump(source)
    return Draft(rows, whens, source, None if problems else document, problems, text, mode)


def sections_of(draft: Draft, entity: str) -> list[Group]:
    """The page's sections in order: ids, fields, lists, the client, the company."""
    numbered = list(enumerate(draft.rows))
    names = ["", FIELDS]
    for _number, row in numbered:
        if row.section == FIELDS and row.kind == EACH:
            names.append(f"{BELOW}{row.target}")
        elif row.section.startswith(BELOW) and row.section not in names:
            names.append(row.section)
    names += [] if entity in SECTIONS else list(SECTIONS)
    return [
        Group(
            name,
            name.removeprefix(BELOW) if name.startswith(BELOW) else "",
            draft.whens.get(name, ""),
            [(number, row) for number, row in numbered if row.section == name],
        )
        for name in dict.fromkeys(names)
    ]


def choices_of(entity: str) -> dict[str, list[tuple[str, Any]]]:
    """{section: [(field, its name in words)]} for the choice of a row's field."""
    named = {
        "": list(ID_ROWS),
        FIELDS: list(field_kinds(entity)),
        "contact": list(section_kinds("contact")),
        "company": list(section_kinds("company")),
        BELOW: list(ORDER_LINE),
    }
    return {
        section: [(name, field_label(name)) for name in names] for section, names in named.items()
    }


def takes_list(entity: str, target: str) -> bool:
    """Whether a field holds a list, so that `each` may fill it."""
    return field_kinds(entity).get(target) == JSON
