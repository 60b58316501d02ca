"""Transforms over lists, tables and embedded JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.mapping.transforms.registry import (
    MISSING,
    MappingContext,
    TransformError,
    as_text,
    is_empty,
    transform,
)
from hub.sdk.errors import PayloadError
from hub.sdk.payload import load_json

PREFIX = "settings."


def _check_setting(argument: Any) -> str:
    if isinstance(argument, str) and argument.startswith(PREFIX) and argument != PREFIX:
        return ""
    return "it needs the name of a table in the connection's settings, e.g. settings.managers"


def _check_separator(argument: Any) -> str:
    return "" if isinstance(argument, str) else "it needs the text to put between, e.g. «, »"


@transform("lookup", gives="any", check=_check_setting)
def lookup(value: Any, argument: Any, context: MappingContext) -> Any:
    """The value's row in a table of the connection's settings; not in the table: says nothing."""
    table: Any = context.settings
    for name in str(argument).removeprefix(PREFIX).split("."):
        table = table.get(name) if isinstance(table, Mapping) else None
    if not isinstance(table, Mapping):
        return MISSING
    key = as_text(value)
    found = table.get(key, MISSING)
    if found is MISSING:
        found = next((row for name, row in table.items() if str(name) == key), MISSING)
    return MISSING if is_empty(found) else found


@transform("join", takes_list=True, check=_check_separator)
def join(value: Any, argument: Any, context: MappingContext) -> str | None:
    """A list as one text with the given separator; empty elements left out."""
    parts = value if isinstance(value, list) else [value]
    texts = (as_text(part) for part in parts if not is_empty(part))
    return str(argument).join(part for part in texts if part) or None


@transform("first", gives="any", takes_list=True)
def first(value: Any, argument: Any, context: MappingContext) -> Any:
    """The first element of a list that is not empty; a single value stays as it is."""
    if not isinstance(value, list):
        return value
    return next((element for element in value if not is_empty(element)), None)


@transform("json", gives="any", takes_list=True)
def json(value: Any, argument: Any, context: MappingContext) -> Any:
    """Text that holds JSON, read into lists and objects; lists and objects stay as they are."""
    if isinstance(value, dict | list):
        return value
    try:
        return load_json(as_text(value).encode())
    except PayloadError as error:
        raise TransformError(error.message) from error
