"""Mapping files as data with places: YAML in, plain values out, line and column of any key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from hub.mapping.model import MappingConfigError, Problem
from hub.sdk.payload import clean_text

Path_ = tuple[str | int, ...]
#: What a file may unfold to: aliases that name one another grow without end.
MAX_DEPTH, MAX_NODES = 64, 100_000


def read_yaml(path: Path, place: str) -> Any:
    """Load a YAML file keeping its places; MappingConfigError with line and column if broken."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        said = f"cannot be read: {error}"
        raise MappingConfigError([Problem("", said, place, 1, 1)]) from error
    return load_yaml(raw, place)


def load_yaml(raw: bytes, place: str) -> Any:
    """The same of a text that lies in no file."""
    line, column = 1, 1
    try:
        loaded = YAML(typ="rt").load(raw.decode("utf-8-sig"))
        _measure(loaded, 0, 0)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(str(error.problem or error.context or "not YAML").split())
        line, column = (mark.line + 1, mark.column + 1) if mark else (line, column)
        raise MappingConfigError([Problem("", said, place, line, column)]) from error
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise MappingConfigError([Problem("", "the file is not UTF-8", place, line, 1)]) from error
    except RecursionError as error:
        said = "the file is nested too deeply or unfolds to too much"
        raise MappingConfigError([Problem("", said, place, line, column)]) from error
    except Exception as error:
        # Whatever a foreign parser raises for a foreign file (KeyError, AttributeError, …).
        if isinstance(error, ReaderError):
            line = raw.decode("utf-8-sig").count("\n", 0, error.position) + 1
        said = f"cannot be read: {' '.join(str(error).split()) or type(error).__name__}"
        raise MappingConfigError([Problem("", said, place, line, column)]) from error
    return loaded


def _measure(node: Any, depth: int, count: int) -> int:
    """How many nodes there are with all aliases unfolded; RecursionError beyond the limits."""
    if depth > MAX_DEPTH or count > MAX_NODES:
        raise RecursionError
    inside: Any = ()
    if isinstance(node, Mapping):
        inside = node.values()
    elif isinstance(node, list | tuple):
        inside = node
    for item in inside:
        count = _measure(item, depth + 1, count)
    return count + 1


def plain(value: Any) -> Any:
    """YAML's own types as plain ones that JSON can write; keys become text.

    NULs and lone surrogates, which YAML can write but no database takes, are dropped.
    """
    if isinstance(value, Mapping):
        return {clean_text(_key(name)): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    return clean_text(str(value))


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
