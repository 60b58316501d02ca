"""Every status and kind in words, with an icon and a tone: never colour alone.

Each module here may have WORDS {kind: {value: Word}}, ENTITIES, FIELDS and PAGES; they are laid
together, so that a new page brings its words in a module of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from flask import g, has_request_context, url_for

from hub.web.loading import import_all
from hub.web.words.model import Word

WORDS: Final[dict[str, dict[str, Word]]] = {}
ENTITIES: Final[dict[str, Word]] = {}
FIELDS: Final[dict[str, Any]] = {}
#: Entities with a page of their own, and its endpoint.
PAGES: Final[dict[str, str]] = {}

for _module in import_all(__name__, __path__):
    for _kind, _words in getattr(_module, "WORDS", {}).items():
        WORDS.setdefault(_kind, {}).update(_words)
    ENTITIES.update(getattr(_module, "ENTITIES", {}))
    FIELDS.update(getattr(_module, "FIELDS", {}))
    PAGES.update(getattr(_module, "PAGES", {}))


def word(kind: str, value: str | None) -> Word:
    """How to show this value; an unknown one in its own words."""
    if not has_request_context():
        return WORDS[kind].get(value or "") or Word(value or "—", "circle-dashed")
    # A list says the same few words hundreds of times: each is translated once a request.
    said: dict[tuple[str, str], Word] = g.setdefault("words", {})
    key = (kind, value or "")
    if key not in said:
        known = WORDS[kind].get(key[1]) or Word(value or "—", "circle-dashed")
        said[key] = replace(known, label=str(known.label))
    return said[key]


def options(kind: str) -> list[tuple[str, Any]]:
    """(value, label) pairs for a filter."""
    return [(value, word.label) for value, word in WORDS[kind].items() if value]


def entity_word(entity: str) -> Word:
    """An entity's name and icon."""
    return ENTITIES.get(entity) or Word(entity, "file-text")


def entity_choices() -> list[tuple[str, Any]]:
    """(entity, name) pairs for a filter."""
    return [(name, word.label) for name, word in ENTITIES.items()]


def field_label(name: str) -> Any:
    """A field's name in words; an unknown one as it is."""
    return FIELDS.get(name, name)


def record_url(entity: str, record_id: int) -> str | None:
    """The page of a record, for those that have one."""
    endpoint = PAGES.get(entity)
    return url_for(endpoint, record_id=record_id) if endpoint else None
