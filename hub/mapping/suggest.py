"""Paths to everything in a record: what a row of a mapping may be taken from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MOST: Final = 500
MAX_DEPTH: Final = 6
MAX_CHARACTERS: Final = 60


def paths_of(data: Any) -> list[tuple[str, str]]:
    """(path, value as short text) of everything in a record, at most MOST of them."""
    found: list[tuple[str, str]] = []
    _walk(data, "", found, 0)
    return found[:MOST]


def _walk(node: Any, before: str, found: list[tuple[str, str]], depth: int) -> None:
    if depth > MAX_DEPTH or len(found) >= MOST:
        return
    if isinstance(node, Mapping):
        for name, below in node.items():
            _walk(below, f"{before}.{_quoted(name)}" if before else _quoted(name), found, depth + 1)
        return
    if isinstance(node, list):
        found.append((before, f"[{len(node)}]"))
        if node:
            _walk(node[0], f"{before}[0]", found, depth + 1)
        return
    found.append((before, "" if node is None else str(node)[:MAX_CHARACTERS]))


def _quoted(name: Any) -> str:
    text = str(name)
    plain = text.isascii() and text.replace("_", "a").isalnum() and not text[:1].isdigit()
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
