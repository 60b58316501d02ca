"""News of a batch, after its commit: pages that show what it changed look again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from hub.news import TOPICS
from hub.queues import queues_for
from hub.store.store import Store


def batch(store: Store, connection_id: int, logged: Iterable[Mapping[str, Any]]) -> None:
    """Tell what a drained batch changed, by its journal entries, and whose events it worked on.

    Returns at once and raises nothing: what it would stop is done already.
    """
    topics: dict[str, set[int]] = defaultdict(set)
    for entry in logged:
        topics[TOPICS.get(entry["entity"], entry["entity"])].add(entry["record_id"])
    queues_for(store.settings).news.tell({**topics, "events": [connection_id]})


def topic(store: Store, name: str, ids: Iterable[int] = ()) -> None:
    """Tell that records of a topic changed; without ids, that the topic as a whole did."""
    queues_for(store.settings).news.tell({name: list(ids)})


def stream(store: Store, entity: str) -> None:
    """Tell that a stream of this entity was read: many of its records may have changed."""
    topic(store, TOPICS.get(entity, entity))
