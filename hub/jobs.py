"""RQ's entry points: one line of meaning each, ids as arguments, the row is the truth."""

from __future__ import annotations

from functools import cache

from hub import settings as hub_settings
from hub import turns
from hub.flow import deliver as deliver_step
from hub.flow import drain as drain_step
from hub.log import configure
from hub.memory import settle_memory
from hub.queues import BULK, CHORES, DELIVER, REPLAY, Queues, queues_for
from hub.store.store import Store


@cache
def store() -> Store:
    """This worker's store, opened once."""
    settings = hub_settings.load()
    configure(settings.log_level)
    opened = Store.open(settings)
    settle_memory()
    return opened


def _queues() -> Queues:
    return queues_for(store().settings)


def drain(connection_id: int) -> None:
    """Work off a connection's waiting events, then listen for a while for whoever rings next."""
    queues = _queues()
    try:
        queues.heard(connection_id)
        _look(connection_id)
        if queues.listening.is_open:
            queues.listening.listen(_look)
    finally:
        queues.leave()


def _look(connection_id: int) -> None:
    """Do what a ring told of; it may be done already, by the drain that it came into."""
    drained = drain_step.work_off(store(), connection_id)
    if drained.more:
        _queues().ring(connection_id)
    if drained.done:
        for destination in deliver_step.destinations_due(store()):
            _queues().ring_deliveries(destination)


def deliver(destination_id: int) -> None:
    """Hand a destination with due deliveries to the worker's threads."""
    turns.ask(store(), DELIVER, destination_id)


def sync(run_id: int) -> None:
    """Hand a sync run to the worker's threads."""
    turns.ask(store(), BULK, run_id)


def replay(job_id: int) -> None:
    """Hand a replay of many events to the worker's threads."""
    turns.ask(store(), REPLAY, job_id)


def chores(_: int) -> None:
    """Hand what is due beside the streams to the worker's threads: notices, reconciliations."""
    turns.ask(store(), CHORES, 0)
