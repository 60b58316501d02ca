"""RQ's entry points: one line of meaning each, ids as arguments, the row is the truth."""

from __future__ import annotations

from functools import cache

from hub import settings as hub_settings
from hub.flow import deliver as deliver_step
from hub.flow import drain as drain_step
from hub.flow import poll
from hub.flow import tick as tick_step
from hub.log import configure
from hub.queues import Queues, queues_for
from hub.store.store import Store


@cache
def store() -> Store:
    """This worker's store, opened once."""
    settings = hub_settings.load()
    configure(settings.log_level)
    return Store.open(settings)


def _queues() -> Queues:
    return queues_for(store().settings)


def drain(connection_id: int) -> None:
    """Work off a connection's waiting events, then look once more."""
    _queues().taken(f"events-{connection_id}")
    done = drain_step.drain(store(), connection_id)
    if drain_step.has_work(store(), connection_id):
        _queues().ring(connection_id)
    if done:
        for destination in deliver_step.destinations_due(store()):
            _queues().ring_deliveries(destination)


def deliver(destination_id: int) -> None:
    """Make a destination's due deliveries."""
    _queues().taken(f"deliveries-{destination_id}")
    deliver_step.deliver(store(), destination_id)


def sync(run_id: int) -> None:
    """Carry out a sync run."""
    _queues().taken(f"run-{run_id}")
    poll.run_sync(store(), run_id)


def tick() -> None:
    """Ring for everything that is due and that no doorbell told of."""
    _queues().taken("tick")
    tick_step.tick(store())
