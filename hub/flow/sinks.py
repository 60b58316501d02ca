"""Who is told of a change: the destinations of a connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.store.connections import Configured


@dataclass(frozen=True)
class Sink:
    """A destination and the entities it subscribes to; empty means all."""

    connection_id: int
    name: str
    entities: frozenset[str]


def sinks_for(configured: Configured, everyone: Sequence[Configured]) -> list[Sink]:
    """The destinations of changes that come through this connection; never itself (no echo)."""
    return [
        Sink(other.id, other.name, _taken(other))
        for other in everyone
        if other.id != configured.id
        and other.connector.takes_changes
        and other.connector.manifest.says_how(other.connection.settings)
        and (not configured.destinations or other.name in configured.destinations)
    ]


def sinks_of_people(entity: str, everyone: Sequence[Configured]) -> list[int]:
    """The destinations, by id, of what a person changed in a record of this kind."""
    return [
        other.id
        for other in everyone
        if other.connector.takes_changes
        and other.connector.manifest.says_how(other.connection.settings)
        and (not (taken := _taken(other)) or entity in taken)
    ]


def _taken(other: Configured) -> frozenset[str]:
    """The entities that a destination takes: as its settings say, else as its manifest."""
    own = other.connection.settings.get("entities")
    return frozenset(own or other.connector.manifest.takes)
