"""Mapping files as data with places: YAML in, plain values out, line and column of any key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from hub.mapping.model import MappingConfigError, Problem

Path_ = tuple[str | int, ...]


def read_yaml(path: Path, place: str) -> Any:
    """Load a YAML file keeping its places; MappingConfigError with line and column if broken."""
    try:
        return YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(str(error.problem or error.context or "not YAML").split())
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise MappingConfigError([Problem("", said, place, line, column)]) from error
    except (YAMLError, UnicodeDecodeError, OSError, ValueError) as error:
        raise MappingConfigError([Problem("", f"cannot be read: {error}", place)]) from error


def plain(value: Any) -> Any:
    """YAML's own types as plain ones that JSON can write; keys become text."""
    if isinstance(value, Mapping):
        return {_key(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, str | Decimal) else value


def _key(name: Any) -> str:
    if isinstance(name, bool):
        return "true" if name else "false"
    return "null" if name is None else str(name)


def locate(root: Any, path: Sequence[str | int]) -> tuple[int, int]:
    """Line and column (from 1) of the deepest known key on the path; (0, 0) without places."""
    found = (0, 0)
    node = root
    for step in path:
        below = _child(node, step)
        if below is None:
            break
        mark, node = below
        found = (mark[0] + 1, mark[1] + 1)
    return found


def _child(node: Any, step: str | int) -> tuple[tuple[int, int], Any] | None:
    if isinstance(node, CommentedMap):
        for name, item in node.items():
            if _key(name) == str(step) and node.lc.data and name in node.lc.data:
                return node.lc.key(name), item
    if isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
        return node.lc.item(step), node[step]
    return None


def flatten(messages: Any, path: Path_ = ()) -> list[tuple[Path_, str]]:
    """marshmallow's nested messages as (path, text) pairs."""
    if isinstance(messages, Mapping):
        found: list[tuple[Path_, str]] = []
        for name, below in messages.items():
            found += flatten(below, path if name == "_schema" else (*path, name))
        return found
    if isinstance(messages, list):
        return [(path, str(message)) for message in messages]
    return [(path, str(messages))]
