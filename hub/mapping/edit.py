"""A mapping as the rows of an editor, and the rows as a mapping again.

What a person did not touch comes back exactly as it was written; what cannot be shown in a row's
fields (a fourth transform, say) stays in its `raw`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub.mapping.model import ID_ROWS, KEEP, SECTIONS, Problem
from hub.mapping.spelling import full, normal, steps_of
from hub.mapping.transforms import TRANSFORMS

FROM, CONST, EACH = "from", "const", "each"
FIELDS: Final = "fields"
#: The rows of a list stand in a section of their own: `fields/lines`.
BELOW: Final = "fields/"
STEPS: Final = 3
MOST_ROWS: Final = 300


@dataclass(frozen=True)
class EditRow:
    """One row as the editor shows it; all texts as typed."""

    section: str
    target: str
    kind: str = FROM
    source: str = ""
    more: str = ""
    steps: tuple[tuple[str, str], ...] = ()
    default: str = ""
    choices: str = ""
    otherwise: str = ""
    only: str = ""
    required: str = ""
    when: str = ""
    raw: str = ""

    @property
    def place(self) -> str:
        """Its place in the document, as problems name it."""
        if not self.section:
            return self.target
        if self.section.startswith(BELOW):
            return f"{FIELDS}.{self.section.removeprefix(BELOW)}.{FIELDS}.{self.target}"
        return f"{self.section}.{self.target}"

    @property
    def traced_as(self) -> str:
        """How a trace names its value: `phone`, `contact.phone`, `lines[0].sku`."""
        if self.section.startswith(BELOW):
            return f"{self.section.removeprefix(BELOW)}[0].{self.target}"
        return self.target if self.section in ("", FIELDS) else f"{self.section}.{self.target}"

    @property
    def is_bare(self) -> bool:
        """Whether nothing is said beyond the source and one transform."""
        said = (self.more, self.default, self.choices, self.only, self.required, self.when)
        return not any(said) and len(self.steps) < 2

    def padded_steps(self) -> list[tuple[str, str]]:
        """The steps, filled up with empty ones to as many as the editor shows."""
        return [*self.steps[:STEPS], *[("", "")] * (STEPS - len(self.steps))]


def rows_of(source: Mapping[str, Any]) -> list[EditRow]:
    """The rows of a document, its ids first, the rows of a list after their list."""
    rows = [_row("", name, source[name]) for name in ID_ROWS if name in source]
    below: list[EditRow] = []
    for target, spec in (source.get(FIELDS) or {}).items():
        rows.append(_row(FIELDS, target, spec))
        if isinstance(spec, Mapping) and EACH in spec:
            nested = spec.get(FIELDS) or {}
            below += [_row(f"{BELOW}{target}", name, one) for name, one in nested.items()]
    for section in SECTIONS:
        specs = source.get(section) or {}
        below += [_row(section, name, one) for name, one in specs.items() if name != "when"]
    return rows + below


def section_whens(source: Mapping[str, Any]) -> dict[str, str]:
    """The conditions of the sections that have one."""
    return {
        name: str(source[name]["when"])
        for name in SECTIONS
        if isinstance(source.get(name), Mapping) and source[name].get("when")
    }


def _row(section: str, target: str, spec: Any) -> EditRow:
    raw = orjson.dumps(spec).decode()
    said = full(spec)
    paths = said.get(FROM)
    listed = paths if isinstance(paths, list) else [paths] if paths is not None else []
    kind = EACH if EACH in said else CONST if CONST in said else FROM
    first = str(listed[0]) if listed else ""
    source = {EACH: str(said.get(EACH)), CONST: _text(said.get(CONST)), FROM: first}[kind]
    return EditRow(
        section,
        target,
        kind,
        source,
        "\n".join(str(one) for one in listed[1:]),
        tuple((name, "" if one is None else str(one)) for name, one in steps_of(said)),
        _text(said.get("default")),
        "\n".join(f"{key} = {_text(value)}" for key, value in (said.get("choices") or {}).items()),
        _text(said.get("otherwise", "")),
        str(said.get("only") or ""),
        "yes" if said.get("required") else "",
        str(said.get("when") or ""),
        raw,
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def document_of(
    rows: Sequence[EditRow], whens: Mapping[str, str], entity: str, head: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """The document that these rows say, and what is wrong with them as rows.

    `head`: the document they began with, whose `entity` is kept.
    """
    document: dict[str, Any] = {"entity": head.get("entity", entity)}
    problems: list[Problem] = []
    nested: dict[str, dict[str, Any]] = {}
    for row in rows[:MOST_ROWS]:
        if not row.target:
            if row.source.strip():
                problems.append(Problem("", "choose the field that this row fills"))
            continue
        group = _group(document, nested, row.section)
        if row.target in group:
            problems.append(Problem(row.place, "this field has a row already"))
            continue
        group[row.target] = _spec(row)
    fields = document.get(FIELDS) or {}
    for target, below in nested.items():
        if isinstance(fields.get(target), dict) and EACH in fields[target]:
            fields[target][FIELDS] = below
    for section, condition in whens.items():
        if condition.strip() and section in document:
            document[section] = {"when": condition.strip(), **document[section]}
    document.setdefault(FIELDS, {})
    return document, problems


def _group(
    document: dict[str, Any], nested: dict[str, dict[str, Any]], section: str
) -> dict[str, Any]:
    if not section:
        return document
    if section.startswith(BELOW):
        return nested.setdefault(section.removeprefix(BELOW), {})
    found: dict[str, Any] = document.setdefault(section, {})
    return found


def _spec(row: EditRow) -> Any:
    """The row as it is written in a file; the raw one where nothing was changed."""
    raw = orjson.loads(row.raw) if row.raw else None
    former = _row(row.section, row.target, raw) if row.raw else None
    before = full(raw) if row.raw else {}
    spec: dict[str, Any] = {}
    if row.kind == EACH:
        spec[EACH] = row.source.strip()
    elif row.kind == CONST:
        same = former is not None and former.kind == CONST and former.source == row.source
        spec[CONST] = before[CONST] if same else row.source
    else:
        paths = [one.strip() for one in (row.source, *row.more.splitlines()) if one.strip()]
        spec[FROM] = paths if len(paths) > 1 else (paths[0] if paths else "")
    if row.kind != EACH:
        _add_shape(spec, row, former, before)
    for name, value in (("only", row.only), ("when", row.when.strip())):
        if value:
            spec[name] = value
    if row.required:
        spec["required"] = True
    if row.kind == EACH:
        return {**spec, FIELDS: before.get(FIELDS) or {}}
    return _as_written(raw, spec) if row.raw else _short(spec)


def _add_shape(
    spec: dict[str, Any], row: EditRow, former: EditRow | None, before: Mapping[str, Any]
) -> None:
    steps = [_step(name, argument) for name, argument in row.steps if name]
    if former is not None and len(former.steps) > STEPS and row.steps == former.steps[:STEPS]:
        steps = [_step(name, argument) for name, argument in former.steps]
    if steps:
        spec["as"] = steps[0] if len(steps) == 1 else steps
    if row.choices.strip():
        same = former is not None and former.choices.split() == row.choices.split()
        spec["choices"] = before["choices"] if same else _choices(row.choices)
        if row.otherwise not in ("", KEEP):
            kept = former is not None and former.otherwise == row.otherwise
            spec["otherwise"] = before.get("otherwise", row.otherwise) if kept else row.otherwise
    if row.default:
        same = former is not None and former.default == row.default
        spec["default"] = before["default"] if same else row.default


def _step(name: str, argument: str) -> Any:
    known = TRANSFORMS.get(name)
    takes = known is None or known.check is not None
    return {name: argument} if takes and argument else name


def _choices(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if name.strip() and equals:
            typed = {"true": True, "false": False, "": None}
            found[name.strip()] = typed.get(value.strip(), value.strip())
    return found


def _short(spec: dict[str, Any]) -> Any:
    return spec[FROM] if list(spec) == [FROM] and isinstance(spec[FROM], str) else spec


def _as_written(raw: Any, spec: dict[str, Any]) -> Any:
    """The raw row when it says the same as the spec, whatever its spelling."""
    return raw if normal(raw) == normal(spec) else _short(spec)


def row_of_problem(rows: Iterable[EditRow], key: str) -> int | None:
    """The number of the row that a problem is about: the one with the longest fitting place."""
    best: tuple[int, int] | None = None
    for number, row in enumerate(rows):
        place = row.place
        if row.target and (key == place or key.startswith(f"{place}.")):
            best = max(best or (0, 0), (len(place), number))
    return best[1] if best else None
