"""How a text is written for searching: one spelling for what people write in several."""

from __future__ import annotations

import re

_NOT_DIGITS = re.compile(r"[^0-9]")


def plain_letters(text: str) -> str:
    """Lower case, «ё» as «е»."""
    return text.lower().replace("ё", "е")


def digits_of(text: str) -> str:
    """The ASCII digits of a text."""
    return _NOT_DIGITS.sub("", text)
