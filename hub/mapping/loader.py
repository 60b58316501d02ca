"""Finds mappings: shipped files, and a connection's own rows laid over them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from hub.mapping.model import SECTIONS, MappingConfigError, MappingDocument, Problem
from hub.mapping.places import locate, plain, read_yaml
from hub.mapping.schema import build_document

MAPPINGS: Final = Path(__file__).resolve().parents[2] / "mappings"
#: Keys whose rows are laid over one by one; any other key is replaced whole.
LAYERED: Final = ("fields", *SECTIONS)
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def load_shipped(connector: str, root: Path = MAPPINGS) -> dict[str, MappingDocument]:
    """The mappings shipped with a connector, by file name; none for an unknown connector.

    `*.out.yml` files map the other way and are not read here. Raises MappingConfigError with
    file, line and column.
    """
    folder = root / connector
    if not _NAME.fullmatch(connector) or not folder.is_dir():
        return {}
    found = {}
    for path in sorted(folder.glob("*.yml")):
        if not path.name.endswith(".out.yml"):
            state = path.stat()
            found[path.stem] = load_file(path, f"{connector}/{path.name}", state.st_mtime_ns)
    return found


@lru_cache(maxsize=256)
def load_file(path: Path, place: str, changed_ns: int) -> MappingDocument:
    """Load one mapping file; `changed_ns` (its modification time) makes an edit a new entry."""
    where = f"mappings/{place}"
    raw = read_yaml(path, where)
    try:
        return build_document(raw, path.stem, where)
    except MappingConfigError as error:
        # What is not in the file at all is missed at its beginning.
        problems = [one if one.line else replace(one, line=1, column=1) for one in error.problems]
        raise MappingConfigError(problems) from error


def overlay(base: Mapping[str, Any] | None, over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a connection's document over a shipped one, both plain data, row by row.

    A row or key set to null removes what was below; a row is replaced whole.
    """
    result = dict(base or {})
    for key, value in over.items():
        below = result.get(key)
        if key in LAYERED and isinstance(value, Mapping):
            rows = {**(below if isinstance(below, Mapping) else {}), **value}
            result[key] = {target: row for target, row in rows.items() if row is not None}
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def effective(
    connector: str,
    overlays: Mapping[str, Any] | None = None,
    root: Path = MAPPINGS,
    place: str = "mappings",
) -> dict[str, MappingDocument]:
    """The mappings a connection works with: shipped ones with its own rows laid over.

    `overlays` is the connection file's `mappings`; an entity set to null switches that mapping
    off, one that nothing is shipped for is new. `place` names the connection in errors. Raises
    MappingConfigError.
    """
    documents = load_shipped(connector, root)
    for name, over in (overlays or {}).items():
        if over is None:
            documents.pop(name, None)
            continue
        if not isinstance(over, Mapping):
            line, column = locate(overlays, [name])
            message = "a mapping is {fields: {…}, contact: {…}, …}"
            raise MappingConfigError([Problem(name, message, place, line, column)])
        shipped = documents.get(name)
        merged = overlay(shipped.as_dict() if shipped else None, plain(over))
        try:
            documents[name] = build_document(merged, name, f"{place}.{name}")
        except MappingConfigError as error:
            raise MappingConfigError([_placed(one, over) for one in error.problems]) from error
    return documents


def _placed(problem: Problem, over: Any) -> Problem:
    """The problem with the line and column of the overlay's own text, where it has one."""
    line, column = locate(over, _steps(over, problem.key.split(".")))
    return Problem(problem.key, problem.message, problem.place, line, column)


def _steps(node: Any, parts: list[str]) -> list[str | int]:
    """A dotted key as steps through the document: a key may itself hold dots (`extra.source`)."""
    steps: list[str | int] = []
    while parts and isinstance(node, Mapping):
        size = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in node), 0)
        if not size:
            break
        name = ".".join(parts[:size])
        steps.append(name)
        node, parts = node[name], parts[size:]
    return steps
