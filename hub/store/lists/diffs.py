"""What changed between two shapes of a document, place by place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

#: Stands for a place that is not there.
ABSENT: Final = None
MOST = 200


@dataclass(frozen=True)
class Change:
    """One place that differs; `before` or `after` None: it was not, or is no more, there."""

    place: str
    before: Any
    after: Any


def between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every place that differs, at most MOST of them, in the order of the newer shape."""
    old, new = _flat(before), _flat(after)
    names = dict.fromkeys((*new, *old))
    return [
        Change(name, old.get(name, ABSENT), new.get(name, ABSENT))
        for name in names
        if old.get(name, ABSENT) != new.get(name, ABSENT)
    ][:MOST]


def _flat(value: Any, place: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        return {place: value} if place and value not in ({}, [], "", None) else {}
    found: dict[str, Any] = {}
    for name, below in value.items():
        found |= _flat(below, f"{place}.{name}" if place else str(name))
    return found
