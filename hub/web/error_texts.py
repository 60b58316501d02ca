"""Stored English messages of errors, said in the reader's language."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from flask_babel import get_locale, gettext

from hub.registry import messages
from hub.web.error_templates import TEMPLATES

_PLACE = re.compile(r"%\((\w+)\)s")
_DIGITS, _SOLID = r"\d+", r"\S*?"
#: What may stand in a place; anything may in one that is not named here.
_SHAPES: Final = {
    **dict.fromkeys(("column", "columns", "line", "most", "number", "size"), _DIGITS),
    **dict.fromkeys(("status", "stored", "wanted", "year"), _DIGITS),
    **dict.fromkeys(("connector", "entity", "field", "host", "place", "what"), _SOLID),
}
#: Places whose value may be a message of its own.
_NESTED: Final = frozenset({"message", "reason"})
_MAX_DEPTH: Final = 3
#: Longer texts are tracebacks or rubbish and stay as they are.
_MAX_CHARACTERS: Final = 10_000
#: Between the problems of one mapping: each begins with its file or its key.
_NEXT_PROBLEM = re.compile(r"; (?=\S*[./:]\S*: )")
_PROBLEM = re.compile(r"\S*[./:]\S*: ")
_WORD_AND_COLON = re.compile(r"\S+: ")
_MAX_PLACES: Final = 3


def in_words(message: str | None) -> str:
    """A stored message in the language of this request; one that is not known comes unchanged."""
    text = message or ""
    return _in_words(text, _MAX_DEPTH) if len(text) <= _MAX_CHARACTERS else text


def is_known(message: str) -> bool:
    """Whether a template stands for this message, or for what it says after a place."""
    return _find(message) is not None or _after_place(message) is not None


def _in_words(message: str, depth: int) -> str:
    if depth < 0:
        return message
    parts = _parts(message)
    if len(parts) > 1:
        return "; ".join(_in_words(part, depth - 1) for part in parts)
    found = _find(message)
    if found is not None:
        template, values = found
        said = {
            name: _in_words(value, depth - 1) if name in _NESTED else value
            for name, value in values
        }
        return _translated(template) % said
    after = _after_place(message)
    if after is not None:
        return message[:after] + _in_words(message[after:], depth)
    return message


def _translated(template: str) -> str:
    """A template in the reader's language: the hub's by the catalogue, a connector's by its own."""
    own = messages().get(template) if str(get_locale()) == "ru" else None
    # Without values gettext leaves the places alone.
    return own or str(gettext(template))


def _parts(message: str) -> list[str]:
    """The messages of a list: problems of a mapping, or warnings of one record."""
    if _PROBLEM.match(message) and len(problems := _NEXT_PROBLEM.split(message)) > 1:
        return problems
    parts = message.split("; ")
    return parts if len(parts) > 1 and all(map(is_known, parts)) else [message]


def _after_place(message: str) -> int | None:
    """Where the known message begins in «file:line: key: message»."""
    end = 0
    for _ in range(_MAX_PLACES):
        place = _WORD_AND_COLON.match(message, end)
        if place is None:
            return None
        end = place.end()
        if _find(message[end:]) is not None:
            return end
    return None


@lru_cache(maxsize=2048)
def _find(message: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """The template of a message and the values in its places."""
    for template, pattern in _patterns():
        found = pattern.fullmatch(message)
        if found is not None:
            return template, tuple(found.groupdict().items())
    return None


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The templates as patterns, those with the most text of their own first."""
    everything = dict.fromkeys((*TEMPLATES, *messages()))
    ordered = sorted(everything, key=lambda template: -len(_PLACE.sub("", template)))
    return [(template, _pattern(template)) for template in ordered]


def _pattern(template: str) -> re.Pattern[str]:
    first, *rest = _PLACE.split(template)
    pattern = _literal(first)
    for place, (name, literal) in enumerate(zip(rest[::2], rest[1::2], strict=True), start=1):
        piece = f"(?P<{name}>{_SHAPES.get(name, '.*?')}){_literal(literal)}"
        # Atomic: a value ends where the next text first comes, so no message takes long to judge.
        pattern += piece if place * 2 == len(rest) else f"(?>{piece})"
    return re.compile(pattern, re.DOTALL)


def _literal(text: str) -> str:
    return re.escape(text.replace("%%", "%"))
