"""The parts of a mapping: rows, sections, the document, and the record that comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from hub.mapping.transforms.registry import MISSING, sample
from hub.sdk import entities
from hub.sdk.errors import ConfigError, PayloadError

KEEP: Final = "keep"
#: Keys of a document that hold one row each, and the kind that row gives.
ID_ROWS: Final = ("external_id", "version", "occurred_at")
SECTIONS: Final = ("contact", "company")
EXTRA: Final = "extra."


@dataclass(frozen=True)
class Row:
    """One row: a target field and where its value comes from.

    `steps` are (transform, argument); MISSING stands for a const or default that is not given.
    """

    target: str
    paths: tuple[str, ...] = ()
    const: Any = MISSING
    steps: tuple[tuple[str, Any], ...] = ()
    default: Any = MISSING
    choices: Mapping[str, Any] | None = None
    otherwise: Any = KEEP
    each: str = ""
    rows: tuple[Row, ...] = ()
    only: str = ""
    required: bool = False
    when: str = ""

    @property
    def path(self) -> str:
        """The row's source as one text for people."""
        if self.each:
            return self.each
        return " | ".join(self.paths) if self.paths else "const"


@dataclass(frozen=True)
class Section:
    """The contact or company a record is about."""

    rows: tuple[Row, ...]
    when: str = ""


@dataclass(frozen=True, eq=False)
class MappingDocument:
    """A checked mapping. Two documents with the same content are equal.

    `source` is the document as plain data, `content` its canonical text, `place` the file or the
    connection it came from.
    """

    name: str
    entity: str
    fields: tuple[Row, ...]
    external_id: Row | None = None
    version: Row | None = None
    occurred_at: Row | None = None
    contact: Section | None = None
    company: Section | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    content: str = ""
    place: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MappingDocument) and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)

    def as_dict(self) -> dict[str, Any]:
        """The document as plain data, ready to be shown or written as YAML."""
        return dict(self.source)


@dataclass(slots=True)
class MappedRecord:
    """A record in the hub's own form.

    A key is absent from `fields` when the source says nothing of it and None when the source says
    it is empty. `contact` and `company` are None when nothing is known. `only_create` and
    `only_update` name fields (`contact.phone` for a section's) written only then.
    """

    entity: str
    external_id: str = ""
    version: str = ""
    part: str = ""
    occurred_at: datetime | None = None
    deleted: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    contact: dict[str, Any] | None = None
    company: dict[str, Any] | None = None
    only_create: frozenset[str] = frozenset()
    only_update: frozenset[str] = frozenset()
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Problem:
    """Something wrong (`error`) or doubtful (`warning`) in a mapping, and where.

    `line` and `column` count from 1; 0 when the document did not come from a file.
    """

    key: str
    message: str
    place: str = ""
    line: int = 0
    column: int = 0
    severity: str = "error"

    def __str__(self) -> str:
        where = self.place
        if self.line:
            where = f"{where}:{self.line}:{self.column}"
        return ": ".join(part for part in (where, self.key, self.message) if part)


class MappingConfigError(ConfigError):
    """The mapping cannot be used as it stands; `problems` lists what is wrong and where."""

    code = "mapping_config"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        more = f" (and {len(problems) - 10} more)" if len(problems) > 10 else ""
        super().__init__("; ".join(str(problem) for problem in problems[:10]) + more)


class MappingError(PayloadError):
    """A required field cannot be filled from this record; mend the mapping, then replay."""

    code = "mapping"

    def __init__(self, entity: str, target: str, path: str, value: Any, reason: str) -> None:
        self.entity, self.target, self.path, self.reason = entity, target, path, reason
        self.sample = "" if value is MISSING or value is None else sample(value)
        self.remedy = "mend this row of the mapping or the sender's data, then replay the event"
        said = f" (value «{self.sample}»)" if self.sample and self.sample not in reason else ""
        super().__init__(f"{entity}.{target} from {path}: {reason}{said}; {self.remedy}")


def field_kinds(entity: str) -> Mapping[str, str]:
    """The fields of an entity and their kinds; empty for an unknown entity."""
    return entities.ENTITIES.get(entity, {})


def section_kinds(section: str) -> dict[str, str]:
    """The fields a contact or company section may fill; the binding is text."""
    return {"external_id": entities.TEXT, **entities.ENTITIES[section]}


def line_kinds(entity: str, target: str) -> Mapping[str, str]:
    """The fields inside an `each`: fixed for an order's lines, free (empty) for other lists."""
    return entities.ORDER_LINE if (entity, target) == ("order", "lines") else {}
