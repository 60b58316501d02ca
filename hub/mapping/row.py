"""One row of a mapping, compiled: read, transform, choose, coerce."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from hub.mapping.model import KEEP, MappingError, Row
from hub.mapping.paths import Getter, compile_condition, compile_path
from hub.mapping.transforms import (
    MISSING,
    TRANSFORMS,
    MappingContext,
    Transform,
    TransformError,
    as_text,
    is_empty,
    sample,
)
from hub.sdk import entities

Coerce = Callable[[Any, Any, MappingContext], Any]

#: The transform that stands for a field's kind when a row names none.
KIND_TRANSFORM: Final = {
    entities.TEXT: "text",
    entities.LONG_TEXT: "text",
    entities.PHONE: "phone",
    entities.EMAIL: "email",
    entities.MONEY: "money",
    entities.QUANTITY: "quantity",
    entities.TIME: "time",
    entities.INTEGER: "integer",
    entities.BOOLEAN: "boolean",
    entities.PHONE_OR_EXTENSION: "phone_or_extension",
}
#: Lists whose elements have a kind of their own.
ELEMENT_TRANSFORM: Final = {"phones": "phone", "emails": "email"}
MAX_LINES = 10_000
MAX_EXTERNAL_ID = 255
TRACED_LINES = 20


@dataclass(slots=True)
class Trace:
    """What happened to one field on its way: the path that won, its value, each step's value."""

    path: str = ""
    raw: Any = MISSING
    steps: list[tuple[str, Any]] = field(default_factory=list)
    lines: list[tuple[str, Trace, Any]] = field(default_factory=list)


def _as_json(value: Any, argument: Any, context: MappingContext) -> Any:
    """Any value as JSON can hold it: times become ISO text."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def _as_list(value: Any, argument: Any, context: MappingContext) -> list[Any]:
    """A list field: a single value is a list of one."""
    return value if isinstance(value, list) else [value]


def id_text(value: Any, argument: Any = None, context: MappingContext | None = None) -> str:
    """An external id as text: 12 and 12.0 are «12», nothing is «».

    Raises TransformError for lists, objects and what is longer than 255 characters.
    """
    if is_empty(value):
        return ""
    text = choice_key(value)
    if len(text) > MAX_EXTERNAL_ID:
        raise TransformError(f"an external id is longer than {MAX_EXTERNAL_ID} characters")
    return text


def _as_is(value: Any, argument: Any, context: MappingContext) -> Any:
    return value


def _hollow(value: Any) -> bool:
    """No value, or a list without one: the next path of the row is tried."""
    return is_empty(value) or (isinstance(value, list) and all(is_empty(one) for one in value))


def choice_key(value: Any) -> str:
    """A source value as the text choices and ids are written in: 1.0 is «1».

    Raises TransformError for lists and objects.
    """
    if isinstance(value, Decimal | float):
        text = as_text(value)
        return text.rstrip("0").rstrip(".") if "." in text else text
    return as_text(value)


class CompiledRow:
    """One row, ready to run. `typed` keeps a value without a kind as the transforms left it."""

    __slots__ = (
        "choices",
        "coerce",
        "elementwise",
        "getters",
        "lines",
        "only",
        "owner",
        "read_lines",
        "row",
        "steps",
        "target",
        "when",
    )

    def __init__(
        self,
        row: Row,
        kind: str | None,
        owner: str,
        lines: Mapping[str, str],
        *,
        typed: bool = False,
    ) -> None:
        self.row, self.target, self.only, self.owner = row, row.target, row.only, owner
        self.when = compile_condition(row.when) if row.when else None
        self.getters: list[tuple[str, Getter]] = [(path, compile_path(path)) for path in row.paths]
        self.steps: list[tuple[Transform, Any]] = [
            (TRANSFORMS[name], argument) for name, argument in row.steps
        ]
        self.choices = row.choices
        self.coerce: Coerce = _as_is if typed else _as_json
        self.elementwise = ELEMENT_TRANSFORM.get(row.target) if kind == entities.JSON else None
        if kind == entities.JSON:
            self.coerce = _as_list
        elif kind == entities.TEXT and row.target.endswith("external_id"):
            self.coerce = id_text
        elif kind is not None:
            self.coerce = TRANSFORMS[KIND_TRANSFORM[kind]].function
        if self.elementwise and not row.steps:
            self.steps = [(TRANSFORMS[self.elementwise], None)]
        self.read_lines = compile_path(row.each) if row.each else None
        below = f"{owner}.{row.target}"
        self.lines = [CompiledRow(one, lines.get(one.target), below, {}) for one in row.rows]

    def run(
        self, data: Any, context: MappingContext, warnings: list[str], trace: Trace | None = None
    ) -> Any:
        """The field's value, None when it is empty, MISSING when the source says nothing.

        Raises MappingError when a required value is not there or is rubbish; rubbish in other
        fields is None and a warning.
        """
        raw: Any = MISSING
        try:
            if self.when is not None and not self.when(data):
                return MISSING
            if self.read_lines is not None:
                value = self._run_lines(data, context, warnings, trace)
            else:
                raw = self._read(data, trace)
                value = self._value(raw, context, warnings, trace)
        except TransformError as error:
            if self.row.required:
                raise self._error(raw, str(error)) from error
            warnings.append(f"{self.target} from {self.row.path}: {error}")
            return None
        if self.row.required and (value is MISSING or value is None):
            raise self._error(raw, "the field is required and the source has no value")
        return value

    def _error(self, raw: Any, reason: str) -> MappingError:
        return MappingError(self.owner, self.target, self.row.path, raw, reason)

    def _read(self, data: Any, trace: Trace | None) -> Any:
        """The raw value: the constant, or the first path that has one."""
        found, path, failure = self.row.const, "const", None
        if len(self.getters) == 1:
            path, get = self.getters[0]
            found = get(data)
        elif self.getters:
            path = self.row.path
            for name, get in self.getters:
                try:
                    value = get(data)
                except TransformError as error:
                    failure = error
                    continue
                if not _hollow(value):
                    found, path, failure = value, name, None
                    break
                found = value if found is MISSING else found
        if trace is not None:
            trace.path, trace.raw = path, found
        if failure is not None and found is MISSING:
            raise failure
        return found

    def _value(
        self, value: Any, context: MappingContext, warnings: list[str], trace: Trace | None
    ) -> Any:
        if is_empty(value):
            value = MISSING if value is MISSING else None
        else:
            for step, argument in self.steps:
                value = self._step(step, argument, value, context, warnings)
                if trace is not None:
                    trace.steps.append((step.name, value))
                if is_empty(value):
                    value = MISSING if value is MISSING else None
                    break
            else:
                if self.choices is not None:
                    value = self._choose(value)
                    if trace is not None:
                        trace.steps.append(("choices", value))
                if value is not None:
                    value = self.coerce(value, None, context)
        default = self.row.default
        if default is not MISSING and (value is MISSING or value is None):
            value = self.coerce(default, None, context)
            if trace is not None:
                trace.steps.append(("default", value))
        return value

    def _step(
        self,
        step: Transform,
        argument: Any,
        value: Any,
        context: MappingContext,
        warnings: list[str],
    ) -> Any:
        """One transform; those that want single values are applied to each element of a list."""
        if step.takes_list or not isinstance(value, list):
            return step.function(value, argument, context)
        found = []
        for element in value:
            if is_empty(element):
                continue
            try:
                one = step.function(element, argument, context)
            except TransformError as error:
                warnings.append(f"{self.target} from {self.row.path}: {error}")
                continue
            if not is_empty(one):
                found.append(one)
        return found

    def _choose(self, value: Any) -> Any:
        choices = self.choices or {}
        chosen = choices.get(choice_key(value), MISSING)
        if chosen is not MISSING:
            return chosen
        otherwise = self.row.otherwise
        if otherwise == KEEP:
            return value
        return None if otherwise == "null" else otherwise

    def _run_lines(
        self, data: Any, context: MappingContext, warnings: list[str], trace: Trace | None
    ) -> Any:
        """The `each` rows over a list (or a single element, as XML gives it)."""
        assert self.read_lines is not None  # only run() calls this, after its check
        items = self.read_lines(data)
        if trace is not None:
            trace.path, trace.raw = self.row.each, items
        if items is MISSING or items is None or items == "":
            return MISSING if items is MISSING else None
        if isinstance(items, dict):
            items = [items]
        if not isinstance(items, list):
            raise TransformError(f"«{sample(items)}» is no list of lines")
        if len(items) > MAX_LINES:
            raise TransformError(f"more than {MAX_LINES} lines")
        found = []
        for place, item in enumerate(items):
            line = {}
            said: list[str] = []
            for row in self.lines:
                below = Trace() if trace is not None and place < TRACED_LINES else None
                value = row.run(item, context, said, below)
                if value is not MISSING:
                    line[row.target] = value
                if below is not None and trace is not None:
                    trace.lines.append((f"{self.target}[{place}].{row.target}", below, value))
            warnings += [f"{self.target}[{place}].{warning}" for warning in said]
            if line:
                found.append(line)
        return found
