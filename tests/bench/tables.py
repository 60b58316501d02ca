"""Tables for people: aligned text, and Markdown to be pasted."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

Row = Sequence[str]


def aligned(rows: Sequence[Row], left: int = 1) -> str:
    """Rows as lines with aligned columns; the first `left` columns are words, the rest figures."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell + gap if column < left else gap + cell
            for column, cell in enumerate(row)
            for gap in [" " * (widths[column] - width(cell))]
        ).rstrip()
        for row in rows
    )


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(not unicodedata.combining(letter) for letter in text)


def markdown(rows: Sequence[Row], left: int = 1) -> str:
    """The same as a Markdown table; the first row is the heading."""
    heading, *rest = rows
    rule = ["---" if column < left else "---:" for column in range(len(heading))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (heading, rule, *rest))
