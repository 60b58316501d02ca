"""Which connections mean the same product by one external id, and which match by article."""

from __future__ import annotations

from collections.abc import Iterable

from hub.registry import connector
from hub.sdk.connection import Connection
from hub.sdk.manifest import BASE, MATCH


def related(connections: Iterable[Connection]) -> dict[int, tuple[int, ...]]:
    """The other connections of each one's space of ids (manifest `identity`, setting `base`)."""
    spaces: dict[tuple[str, str], list[int]] = {}
    found: dict[int, tuple[str, str]] = {}
    for item in connections:
        identity = connector(item.connector).manifest.identity
        space = (identity or f"#{item.id}", str(item.settings.get(BASE) or ""))
        found[item.id] = space
        spaces.setdefault(space, []).append(item.id)
    return {key: tuple(one for one in spaces[space] if one != key) for key, space in found.items()}


def matchers(connections: Iterable[Connection]) -> frozenset[int]:
    """The connections whose products are matched with others' by barcode or article."""
    return frozenset(item.id for item in connections if item.settings.get(MATCH))
