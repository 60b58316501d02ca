"""The floor's RQ job, in a module of its own: RQ imports a job by name, never from `__main__`."""

from __future__ import annotations

from hub.flow.drain import drain
from hub.store.store import Store

#: The opened stores of this process, by their home.
STORES: dict[str, Store] = {}


def drain_one(home: str, connection_id: int) -> None:
    """One event in one transaction."""
    drain(STORES[home], connection_id, 1e-9)
