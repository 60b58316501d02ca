"""Writes the rows of a mapping out as one Python function, once; every record runs through it.

The function does what `CompiledRow.run` does, row by row, without its loops and calls: plain names
are looked up directly, and a coercion that its last transform has made needless is left out.
`interpret` is the same work by `CompiledRow.run` itself: for data that is no object, and the
measure that the written function is tested against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from hub.mapping.model import KEEP
from hub.mapping.paths import is_nothing, plain_condition, plain_names
from hub.mapping.row import CompiledRow
from hub.mapping.transforms import (
    MISSING,
    TRANSFORMS,
    MappingContext,
    Transform,
    TransformError,
    as_text,
)
from hub.mapping.values import choice_key, line_items

#: (data, context, warnings) → {target: value}; raises MappingError.
Fields = Callable[[Any, MappingContext, list[str]], dict[str, Any]]

MAX_STEPS = 10
REQUIRED: Final = "the field is required and the source has no value"
#: Transforms whose result a field's own coercion would leave as it is.
SETTLED: Final = {
    TRANSFORMS["text"].function: frozenset(
        {"text", "lower", "upper", "digits", "unescape", "html_to_text", "currency", "email",
         "person_name", "inn", "kpp"}
    ),
    TRANSFORMS["time"].function: frozenset({"time", "time_utc", "unixtime", "unixtime_ms", "date"}),
    TRANSFORMS["money"].function: frozenset({"money", "quantity"}),
    TRANSFORMS["quantity"].function: frozenset({"quantity"}),
    TRANSFORMS["integer"].function: frozenset({"integer"}),
    TRANSFORMS["boolean"].function: frozenset({"boolean"}),
}  # fmt: skip
_EMPTY: Final = "v is None or v is MISSING or (isinstance(v, str) and (not v or v.isspace()))"
#: `as_text`, the usual case without a call: text that holds nothing to clean (`clean_text`).
_TEXT: Final = "(v.strip() if v.__class__ is str and v.isprintable() else as_text(v))"
_CHOICE: Final = "(v.strip() if v.__class__ is str and v.isprintable() else choice_key(v))"


def interpret(
    rows: Sequence[CompiledRow], cut: int, data: Any, context: MappingContext, warnings: list[str]
) -> dict[str, Any]:
    """The rows' values by target (its first `cut` characters left off), one row after another."""
    found = {}
    for row in rows:
        value = row.run(data, context, warnings)
        if value is not MISSING:
            found[row.target[cut:]] = value
    return found


def compile_rows(rows: Sequence[CompiledRow], cut: int = 0) -> Fields:
    """One function for these rows; `cut` is how much of each target its key leaves off."""
    return _Writer(rows, cut).function()


class _Writer:
    """The text of the function, and the values its names stand for."""

    def __init__(self, rows: Sequence[CompiledRow], cut: int) -> None:
        self._names: dict[str, Any] = {
            "MISSING": MISSING,
            "TransformError": TransformError,
            "as_text": as_text,
            "choice_key": choice_key,
            "interpret": interpret,
            "is_nothing": is_nothing,
            "lines": _lines,
            "rows": tuple(rows),
        }
        self._text = [
            "def fields(data, context, warnings):",
            "    if not isinstance(data, dict):",
            f"        return interpret(rows, {cut}, data, context, warnings)",
            "    get, out = data.get, {}",
        ]
        for row in rows:
            self._row(row, row.target[cut:])
        self._put(1, "return out")

    def function(self) -> Fields:
        """The function itself."""
        code = compile("\n".join(self._text), "<mapping>", "exec")
        # The text holds names made here and literals made by repr(): nothing an admin wrote is run.
        exec(code, self._names)  # noqa: S102  # our own text, see above
        made: Fields = self._names["fields"]
        return made

    def _put(self, depth: int, text: str) -> None:
        self._text.append("    " * depth + text)

    def _name(self, value: Any) -> str:
        name = f"k{len(self._names)}"
        self._names[name] = value
        return name

    def _row(self, row: CompiledRow, key: str) -> None:
        if len(row.steps) > MAX_STEPS:
            self._put(1, f"v = {self._name(row.run)}(data, context, warnings)")
            self._put(1, f"if v is not MISSING: out[{key!r}] = v")
            return
        required, depth = row.row.required, 2
        if required:
            self._put(1, "raw = MISSING")
        self._put(1, "try:")
        if row.when is not None:
            self._put(depth, f"if {self._condition(row)}:")
            depth += 1
        if row.read_lines is not None:
            self._read(depth, row.row.each, row.read_lines)
            run = self._name(compile_rows(row.lines))
            self._put(depth, f"v = lines({self._name(row)}, {run}, v, context, warnings)")
        else:
            self._value(depth, row)
        if required:
            error = self._name(row.error)
            self._put(depth, f"if v is MISSING or v is None: raise {error}(raw, {REQUIRED!r})")
        self._put(depth, f"if v is not MISSING: out[{key!r}] = v")
        self._put(1, "except TransformError as error:")
        if required:
            self._put(2, f"raise {self._name(row.error)}(raw, str(error)) from error")
        else:
            said = f"{row.target} from {row.row.path}: "
            self._put(2, f"warnings.append({said!r} + str(error))")
            self._put(2, f"out[{key!r}] = None")

    def _condition(self, row: CompiledRow) -> str:
        name = plain_condition(row.row.when)
        if name is None:
            return f"{self._name(row.when)}(data)"
        nothing = f"is_nothing(get({name.removeprefix('!')!r}))"
        return nothing if name.startswith("!") else f"not {nothing}"

    def _read(self, depth: int, path: str, getter: Callable[[Any], Any]) -> None:
        names = plain_names(path)
        if names is None:
            self._put(depth, f"v = {self._name(getter)}(data)")
            return
        self._put(depth, f"v = get({names[0]!r}, MISSING)")
        for name in names[1:]:
            step = f"v.get({name!r}, MISSING) if isinstance(v, dict) else MISSING"
            self._put(depth, f"v = {step}")

    def _value(self, depth: int, row: CompiledRow) -> None:
        """What `CompiledRow._read` and `_value` do."""
        if len(row.getters) == 1:
            self._read(depth, *row.getters[0])
        elif row.getters:
            self._put(depth, f"v = {self._name(row.read)}(data, None)")
        else:
            self._put(depth, f"v = {self._name(row.row.const)}")
        if row.row.required:
            self._put(depth, "raw = v")
        if row.steps and not row.steps[0][0].takes_list:
            whole = self._name(row.value)
            self._put(depth, f"if isinstance(v, list): v = {whole}(v, context, warnings, None)")
            self._put(depth, f"elif {_EMPTY}:")
        else:
            self._put(depth, f"if {_EMPTY}:")
        self._put(depth + 1, "if v is not MISSING: v = None")
        self._put(depth, "else:")
        self._steps(depth + 1, row)
        if row.row.default is not MISSING:
            default = f"{self._name(row.coerce)}({self._name(row.row.default)}, None, context)"
            self._put(depth, f"if v is MISSING or v is None: v = {default}")

    def _steps(self, depth: int, row: CompiledRow) -> None:
        single = True
        for step, argument in row.steps:
            name = self._name(argument) if argument is not None else "None"
            if single:
                self._put(depth, f"v = {self._name(step.function)}(v, {name}, context)")
            else:
                run, of = self._name(row.step), self._name(step)
                self._put(depth, f"v = {run}({of}, {name}, v, context, warnings)")
            self._put(depth, f"if {_EMPTY}:")
            self._put(depth + 1, "if v is not MISSING: v = None")
            self._put(depth, "else:")
            depth += 1
            single = single and step.gives != "any"
        if row.choices is not None:
            self._put(depth, f"choice = {self._name(row.choices)}.get({_CHOICE}, MISSING)")
            otherwise = f"{self._name(row.otherwise)}(v)" if row.row.otherwise != KEEP else "v"
            self._put(depth, f"v = {otherwise} if choice is MISSING else choice")
            self._put(depth, "if v is not None:")
            depth += 1
        last = row.steps[-1][0] if row.steps and single and row.choices is None else None
        self._coerce(depth, row, last)

    def _coerce(self, depth: int, row: CompiledRow, last: Transform | None) -> None:
        if last is not None and last.name in SETTLED.get(row.coerce, ()):
            self._put(depth, "pass")
        elif row.coerce is TRANSFORMS["text"].function:
            self._put(depth, f"v = {_TEXT} or None")
        else:
            self._put(depth, f"v = {self._name(row.coerce)}(v, None, context)")


def _lines(
    row: CompiledRow, run: Fields, items: Any, context: MappingContext, warnings: list[str]
) -> Any:
    """The `each` rows over a list; see `CompiledRow._run_lines`."""
    lines = line_items(items)
    if not isinstance(lines, list):
        return lines
    found: list[dict[str, Any]] = []
    said: list[str] = []
    for place, item in enumerate(lines):
        line = run(item, context, said)
        if said:
            warnings += [f"{row.target}[{place}].{warning}" for warning in said]
            said.clear()
        if line:
            found.append(line)
    return found
