"""One row of a mapping, compiled: read, transform, choose, coerce."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.mapping.model import KEEP, MappingError, Row
from hub.mapping.paths import Getter, compile_condition, compile_path
from hub.mapping.transforms import (
    MISSING,
    TRANSFORMS,
    MappingContext,
    Transform,
    TransformError,
    is_empty,
)
from hub.mapping.values import (
    ELEMENT_TRANSFORM,
    KIND_TRANSFORM,
    as_is,
    as_json,
    as_list,
    choice_key,
    hollow,
    id_field,
    line_items,
)
from hub.sdk import entities

Coerce = Callable[[Any, Any, MappingContext], Any]

TRACED_LINES = 20


@dataclass(slots=True)
class Trace:
    """What happened to one field on its way: the path that won, its value, each step's value."""

    path: str = ""
    raw: Any = MISSING
    steps: list[tuple[str, Any]] = field(default_factory=list)
    lines: list[tuple[str, Trace, Any]] = field(default_factory=list)


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
        self.coerce: Coerce = as_is if typed else as_json
        self.elementwise = ELEMENT_TRANSFORM.get(row.target) if kind == entities.JSON else None
        if kind == entities.JSON:
            self.coerce = as_list
        elif kind == entities.TEXT and row.target.endswith("external_id"):
            self.coerce = id_field
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
                raw = self.read(data, trace)
                value = self.value(raw, context, warnings, trace)
        except TransformError as error:
            if self.row.required:
                raise self.error(raw, str(error)) from error
            warnings.append(f"{self.target} from {self.row.path}: {error}")
            return None
        if self.row.required and (value is MISSING or value is None):
            raise self.error(raw, "the field is required and the source has no value")
        return value

    def error(self, raw: Any, reason: str) -> MappingError:
        """The error that names this row."""
        return MappingError(self.owner, self.target, self.row.path, raw, reason)

    def read(self, data: Any, trace: Trace | None) -> Any:
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
                if not hollow(value):
                    found, path, failure = value, name, None
                    break
                found = value if found is MISSING else found
        if trace is not None:
            trace.path, trace.raw = path, found
        if failure is not None and found is MISSING:
            raise failure
        return found

    def value(
        self, value: Any, context: MappingContext, warnings: list[str], trace: Trace | None
    ) -> Any:
        """The raw value transformed, chosen, coerced; TransformError for rubbish."""
        if is_empty(value):
            value = MISSING if value is MISSING else None
        else:
            for step, argument in self.steps:
                value = self.step(step, argument, value, context, warnings)
                if trace is not None:
                    trace.steps.append((step.name, value))
                if is_empty(value):
                    value = MISSING if value is MISSING else None
                    break
            else:
                if self.choices is not None:
                    value = self.choose(value)
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

    def step(
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

    def choose(self, value: Any) -> Any:
        """The value's choice; without one what `otherwise` says."""
        chosen = (self.choices or {}).get(choice_key(value), MISSING)
        return self.otherwise(value) if chosen is MISSING else chosen

    def otherwise(self, value: Any) -> Any:
        """What stands for a value that no choice names."""
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
        items = line_items(items)
        if not isinstance(items, list):
            return items
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
