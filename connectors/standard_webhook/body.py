"""The body as a tree, and JMESPath expressions over it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, HubError, PayloadError
from hub.sdk.request import RawRequest
from hub.sdk.xml import load_xml

#: What JMESPath functions raise on values they were not made for (`to_string` of a Decimal, …).
_SEARCH_ERRORS = (
    JMESPathError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
#: The columns that hold an event's key, lane and type.
_KEY_LENGTH = 255


def tree(request: RawRequest, connection: Connection) -> Any:
    """The body as nested dictionaries and lists; PayloadError when it is not what `body` says.

    A form's `a[b][0]` names become a tree. Of XML the root element's content is the tree, with the
    root's own name beside it as `@root`.
    """
    kind = connection.settings.get("body") or "json"
    if kind == "form":
        return request.form.tree()
    if kind == "xml":
        ((name, content),) = load_xml(request.body).items()
        inner = content if isinstance(content, dict) else {"#text": content}
        return {**inner, "@root": name}
    return request.json


@lru_cache(maxsize=2048)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


@lru_cache(maxsize=2048)
def _plain_steps(expression: str) -> tuple[str, ...]:
    """The names of a dotted path, which needs no JMESPath; empty for any other expression."""
    return tuple(expression.split(".")) if _PLAIN.fullmatch(expression) else ()


def _walk(steps: tuple[str, ...], data: Any) -> Any:
    for step in steps:
        if not isinstance(data, dict):
            return None
        data = data.get(step)
    return data


def check_expression(expression: str, place: str) -> None:
    """ConfigError, naming the setting, unless this is JMESPath."""
    try:
        _compiled(expression)
    except JMESPathError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"«{expression}» is not JMESPath: {reason}", place=place) from error


def find(expression: str, data: Any, place: str) -> Any:
    """What the expression finds, or None; PayloadError when it cannot work on this data."""
    if steps := _plain_steps(expression):
        return _walk(steps, data)
    check_expression(expression, place)
    try:
        return _compiled(expression).search(data)
    except _SEARCH_ERRORS as error:
        reason = " ".join(str(error).split())
        raise PayloadError(f"{place} «{expression}» does not fit this body: {reason}") from error


def holds(value: Any) -> bool:
    """Whether JMESPath takes the value for true: zero is, an empty text or list is not."""
    return value is not None and value is not False and value not in ("", [], {})


def scalar_text(value: Any) -> str | None:
    """A text, number or boolean as text; None for nothing, a list or an object."""
    if value is None or isinstance(value, list | Mapping):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal | float):
        number = Decimal(str(value))
        if not number.is_finite():
            return None
        return str(int(number)) if number == number.to_integral_value() else format(number, "f")
    return str(value).strip()


def key_at(setting: str, request: RawRequest, connection: Connection) -> str:
    """The text that the setting's expression finds in the body; empty for anything else."""
    expression = connection.settings.get(setting)
    if not expression:
        return ""
    try:
        found = find(expression, tree(request, connection), f"settings.{setting}")
    except HubError:
        return ""
    text = scalar_text(found) or ""
    return text if len(text) <= _KEY_LENGTH else hashlib.sha256(text.encode()).hexdigest()
