"""The text that searching looks into, kept beside the fields it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.store.spelling import plain_letters

#: Entities found by what they say of themselves, not only by binding.
SEARCHED = {
    "product": ("name", "sku", "barcode"),
    "company": ("name", "legal_name", "inn", "phone"),
}


def searchable(entity: str, row: Mapping[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The changes with the text that searching looks into."""
    if words := SEARCHED.get(entity):
        view = {**row, **changes}
        text = "\n".join(plain_letters(str(view[name])) for name in words if view.get(name))
        if text != row.get("search_text"):
            return {**changes, "search_text": text}
    return changes
