"""Paths into a source record: plain dotted ones as Python, the rest as JMESPath.

A plain path tells «missing» (MISSING) from null (None); a JMESPath expression cannot, its null
counts as missing. Names may be in any alphabet without quotes, inside expressions too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions, signature
from jmespath.visitor import TreeInterpreter

from hub.mapping.transforms.registry import MISSING, TransformError, sample

Getter = Callable[[Any], Any]
Condition = Callable[[Any], bool]

MAX_PATH_CHARACTERS = 1000
#: Quoted pieces of an expression, kept as they are, or a bare name.
_NAME = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`)|([^\W\d]\w*)""")
_PLAIN = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class PathError(ValueError):
    """A path that is no JMESPath expression, or calls a function JMESPath has not."""


class _ExactFunctions(Functions):  # type: ignore[misc]  # jmespath ships no types
    """JMESPath's functions, taking Decimal for a number and never making a float of one."""

    def _get_allowed_pytypes(self, types: Any) -> Any:
        allowed, inner = super()._get_allowed_pytypes(types)
        inner = [(*names, "Decimal") if "float" in names else names for names in inner]
        return ([*allowed, "Decimal"] if "float" in allowed else allowed), inner

    @signature({"types": []})  # type: ignore[untyped-decorator]  # jmespath ships no types
    def _func_to_number(self, arg: Any) -> Any:
        if isinstance(arg, Decimal | float) or type(arg) is int:
            return arg
        if not isinstance(arg, str) or len(arg) > 64:
            return None
        try:
            number = Decimal(arg)
        except InvalidOperation:
            return None
        return number if number.is_finite() and abs(number.adjusted()) < 64 else None

    @signature({"types": []})  # type: ignore[untyped-decorator]  # jmespath ships no types
    def _func_to_string(self, arg: Any) -> Any:
        return str(arg) if isinstance(arg, Decimal) else super()._func_to_string(arg)


_OPTIONS = jmespath.Options(custom_functions=_ExactFunctions())
#: What evaluating an expression over strange data is known to raise.
_FAILURES = (
    JMESPathError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RuntimeError,
)


@lru_cache(maxsize=4096)
def compile_path(text: str) -> Getter:
    """Compile a path; the getter returns the value or MISSING and may raise TransformError.

    Raises PathError for what is no JMESPath, an unknown function or a wrong number of arguments.
    """
    if _PLAIN.fullmatch(text):
        return _plain_getter(text.split("."))
    expression = _parse(text)
    steps = _plain_steps(expression.parsed)
    return _jmespath_getter(expression, text) if steps is None else _plain_getter(steps)


def compile_condition(text: str) -> Condition:
    """Compile a `when`: true unless the result is missing, null, false or empty (0 is true)."""
    if plain_condition(text) and text.startswith("!"):
        denied = compile_path(text[1:])
        return lambda data: is_nothing(denied(data))
    get = compile_path(text)
    return lambda data: not is_nothing(get(data))


def is_nothing(value: Any) -> bool:
    """What a condition takes for «no»: missing, null, false and what is empty; 0 is something."""
    if value is MISSING or value is None or value is False:
        return True
    return isinstance(value, str | list | dict) and not value


def plain_names(text: str) -> tuple[str, ...] | None:
    """The names of a plain dotted path; None for a path that is more than that."""
    return tuple(text.split(".")) if _PLAIN.fullmatch(text) else None


def plain_condition(text: str) -> str | None:
    """A `when` that is one name, or its denial as `!name`; None for any other."""
    name = text.removeprefix("!")
    return text if _PLAIN.fullmatch(name) and "." not in name else None


def _parse(text: str) -> Any:
    if not text.strip():
        raise PathError("the path is empty")
    if len(text) > MAX_PATH_CHARACTERS:
        raise PathError(f"the path is longer than {MAX_PATH_CHARACTERS} characters")
    quoted = _NAME.sub(_quoted, text)
    try:
        expression = jmespath.compile(quoted)
    except RecursionError as error:
        raise PathError("the path is nested too deeply") from error
    except ValueError as error:
        at = getattr(error, "lex_position", None)
        place = f" at character {at + 1}" if at is not None and quoted == text else ""
        raise PathError(
            f"«{sample(text)}» is not a JMESPath expression{place};"
            " names with dashes or spaces stand in double quotes inside the path"
        ) from error
    for name, count in _calls(expression.parsed):
        _check_call(name, count)
    return expression


def _quoted(found: re.Match[str]) -> str:
    """A bare name that JMESPath takes only in quotes (Cyrillic, say), in quotes."""
    name = found.group(2)
    return f'"{name}"' if name and not name.isascii() else found.group()


def _calls(node: Any) -> Iterator[tuple[str, int]]:
    if node["type"] == "function_expression":
        yield node["value"], len(node["children"])
    for child in node["children"]:
        if isinstance(child, dict) and "children" in child:
            yield from _calls(child)


def _check_call(name: str, count: int) -> None:
    known = _ExactFunctions.FUNCTION_TABLE.get(name)
    if known is None:
        near = get_close_matches(name, _ExactFunctions.FUNCTION_TABLE, 3)
        hint = f"; perhaps {', '.join(near)}" if near else ""
        raise PathError(f"JMESPath has no function {name}(){hint}")
    wanted = len(known["signature"])
    variadic = bool(wanted and known["signature"][-1].get("variadic"))
    if count < wanted or (count > wanted and not variadic):
        least = "at least " if variadic else ""
        raise PathError(f"JMESPath function {name}() takes {least}{wanted} arguments, not {count}")


def _plain_steps(node: Any) -> list[str | int] | None:
    """The steps of an expression made of names and indexes only; None for any other."""
    kind = node["type"]
    if kind == "field" or kind == "index":
        return [node["value"]]
    if kind in {"current", "identity"}:
        return []
    if kind not in {"subexpression", "index_expression"}:
        return None
    steps: list[str | int] = []
    for child in node["children"]:
        below = _plain_steps(child)
        if below is None:
            return None
        steps += below
    return steps


def _plain_getter(steps: list[str] | list[str | int]) -> Getter:
    if len(steps) == 1 and isinstance(steps[0], str):
        return _name_getter(steps[0])
    if any(isinstance(step, int) for step in steps):
        return _mixed_getter(tuple(steps))
    names = tuple(str(step) for step in steps)

    def walk(data: Any) -> Any:
        for name in names:
            if not isinstance(data, dict):
                return MISSING
            data = data.get(name, MISSING)
        return data

    return walk


def _name_getter(name: str) -> Getter:
    def get(data: Any) -> Any:
        return data.get(name, MISSING) if isinstance(data, dict) else MISSING

    return get


def _mixed_getter(steps: tuple[str | int, ...]) -> Getter:
    def walk(data: Any) -> Any:
        for step in steps:
            if isinstance(step, str):
                data = data.get(step, MISSING) if isinstance(data, dict) else MISSING
            elif isinstance(data, list) and -len(data) <= step < len(data):
                data = data[step]
            else:
                return MISSING
        return data

    return walk


def _jmespath_getter(expression: Any, text: str) -> Getter:
    # One interpreter for all records: it remembers its methods and nothing of the data.
    visit, tree = TreeInterpreter(_OPTIONS).visit, expression.parsed

    def search(data: Any) -> Any:
        try:
            found = visit(tree, data)
        except JMESPathTypeError as error:
            raise TransformError(
                f"{error.function_name}() cannot take {error.actual_type}"
                f" (it takes {', '.join(error.expected_types)})"
            ) from error
        except _FAILURES as error:
            raise TransformError(
                f"the path fails on this data ({type(error).__name__}): {sample(text)}"
            ) from error
        return MISSING if found is None else found

    return search
