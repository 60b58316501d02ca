"""Twins of a row: rows of one shape, cut out of the text before the XML parser sees it.

A 1C answer is one row written a hundred thousand times with other values. The parser reads the
first; its source becomes a pattern, and rows that fit the pattern letter by letter (only texts
without markup, entities, carriage returns and control characters may differ) mean what it meant.

Why this is the same XML: a twin is matched only where the parser stands between two rows, it is a
whole element, and the names it uses are declared outside it as they were for its elder twin. What
fits no pattern goes to the parser, so comments, CDATA, entities and errors are the parser's to
judge. A pattern is kept only when it reads its own source exactly as the parser did.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: More shapes than this, and trying them costs more than parsing.
MAX_SHAPES = 8
#: Text that is its own value: no markup, no entity, nothing that XML forbids or rewrites.
_TEXT = "[^<>&\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]*"
_SPACE = "[ \t\n]*"
_TAGS = re.compile("(<[^<>]*>)")
_NAME = re.compile(r"<([^\s/<>!?]+)")


class Shape:
    """One pattern: which names its texts have, and the values that are the same in every twin."""

    def __init__(self, pattern: str, names: list[str], constants: Mapping[str, Any]) -> None:
        self.match = re.compile(pattern).match
        self._names, self._constants = names, constants

    def row(self, found: re.Match[str]) -> dict[str, Any]:
        """The row that a match holds."""
        row: dict[str, Any] = dict(zip(self._names, map(str.strip, found.groups("")), strict=True))
        if self._constants:
            row.update(self._constants)
        return row


def shape_of(source: str, row: Mapping[str, Any]) -> Shape | None:
    """The shape of a row from its source and what the parser made of it; None when it has none."""
    before, *pieces = _TAGS.split(source)
    if before.strip(" \t\n") or len(pieces) < 4 or not pieces[0].startswith("<"):
        return None
    # Tags at even places, the text after each at odd ones: the row's own tags are the outermost.
    tags, texts = pieces[0::2], pieces[1::2]
    pattern, names = [_SPACE + re.escape(tags[0])], list[str]()
    constants = dict(row)
    at, last = 1, len(tags) - 1
    while at < last:
        named = _NAME.match(tags[at])
        if named is None:
            return None
        if tags[at].endswith("/>"):
            pattern.append(re.escape(tags[at]))
            at += 1
            continue
        if at + 1 >= last or not tags[at + 1].startswith("</"):
            return None
        pattern.append(f"{re.escape(tags[at])}({_TEXT}){re.escape(tags[at + 1])}")
        names.append(named.group(1).rpartition(":")[2])
        constants.pop(names[-1], None)
        at += 2
    pattern.append(re.escape(tags[last]))
    if not names or any(texts[index].strip(" \t\n") for index in _between(tags)):
        return None
    shape = Shape(_SPACE.join(pattern), names, constants)
    found = shape.match(source)
    exact = found is not None and found.end() == len(source) and shape.row(found) == row
    return shape if exact else None


def _between(tags: list[str]) -> list[int]:
    """Places of the texts that stand between elements, not in one."""
    return [
        index
        for index in range(len(tags) - 1)
        if not tags[index + 1].startswith("</")
        or tags[index].startswith("</")
        or tags[index].endswith("/>")
    ]


class Twins:
    """The shapes learnt so far of one parent's rows, the one that fitted last in front."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []

    def forget(self) -> None:
        """Rows of another parent follow: names may mean something else there."""
        self._shapes.clear()

    def learn(self, source: str, row: Mapping[str, Any]) -> None:
        """Keep the shape of a row that the parser has read, when it has one."""
        shape = shape_of(source, row)
        if shape is not None:
            self._shapes.insert(0, shape)
            del self._shapes[MAX_SHAPES:]

    def take(self, text: str, at: int) -> tuple[list[dict[str, Any]], int]:
        """The rows that follow each other from `at` on, and where they end."""
        rows: list[dict[str, Any]] = []
        shapes = self._shapes
        while True:
            for shape in shapes:
                found = shape.match(text, at)
                if found is not None:
                    break
            else:
                return rows, at
            if shape is not shapes[0]:
                shapes.remove(shape)
                shapes.insert(0, shape)
            rows.append(shape.row(found))
            at = found.end()
