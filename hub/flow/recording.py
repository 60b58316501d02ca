"""A call's recording: asked of the provider each time somebody wants to hear it, never stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.sdk.errors import Rejected
from hub.store.store import Store


def is_heard_here(store: Store, call: Mapping[str, Any]) -> bool:
    """Whether the hub can ask the call's provider for its recording."""
    if not call["recording_id"]:
        return False
    configured = store.catalog.by_id(call["connection_id"] or 0)
    return configured is not None and configured.connector.recording_link is not None


def fresh_link(store: Store, call: Mapping[str, Any]) -> str:
    """An address under which the call's recording can be heard now.

    Raises Rejected when there is none to ask for, and what the provider's refusal becomes.
    """
    configured = store.catalog.by_id(call["connection_id"] or 0)
    if not call["recording_id"] or configured is None:
        raise Rejected("this call has no recording that can be asked for")
    if configured.connector.recording_link is None:
        raise Rejected("this provider gives out no recordings")
    return configured.connector.recording_link(configured.connection, call["recording_id"])
