"""Doorbells: coalesced, harmless when lost, silent when Redis is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from hub import jobs, turns
from hub.doorbell import Doorbell
from hub.flow import drain
from hub.queues import BULK, DELIVER, LIVE, Queues, Ring, describe, queues_for
from hub.store.models import events, leads
from hub.store.store import Store
from tests.support.hub import Hub, lead
from tests.support.waiting import wait_until


def work(queues: Queues, *names: str) -> None:
    """An RQ worker of these queues, until they are empty."""
    for name in names:
        worker = SimpleWorker(
            [queues.queue(name)], connection=queues.worker_connection(), serializer=JSONSerializer
        )
        worker.work(burst=True, logging_level="ERROR")


@pytest.fixture
def queues(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    """The hub's queues; jobs work on the test's store."""
    monkeypatch.setattr(jobs, "store", lambda: hub.store)
    yield queues_for(hub.store.settings)
    turns.finish()


def test_many_rings_are_one_job_until_it_is_heard(hub: Hub, queues: Queues) -> None:
    connection_id = hub.site().id
    for _ in range(50):
        assert queues.ring(connection_id)
    assert describe(queues) == {LIVE: 1, DELIVER: 0, BULK: 0}
    work(queues, LIVE)
    queues.ring(connection_id)
    assert queues.queue(LIVE).count == 1


def test_a_ring_becomes_work_and_leaves_nothing_behind(hub: Hub, queues: Queues) -> None:
    configured = hub.site()
    for number in range(5):
        hub.post("site", lead(number))
    queues.ring(configured.id)
    work(queues, LIVE)
    assert hub.statuses() == {"done": 5}
    assert len(hub.rows(leads)) == 5
    assert queues.queue(LIVE).count == 0


def test_work_that_one_job_leaves_rings_again(
    hub: Hub, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job takes a few seconds' worth; the rest is another job, so that others get their turn."""
    configured = hub.site()
    hub.option("events.batch_size", 1)
    for number in range(4):
        hub.post("site", lead(number))
    real, taken = drain.work_off, []

    def one_batch(store: Store, connection_id: int) -> drain.Drained:
        drained = real(store, connection_id, max_seconds=0)
        taken.append(drained.done)
        return drained

    monkeypatch.setattr(drain, "work_off", one_batch)
    queues.ring(configured.id)
    work(queues, LIVE)
    assert taken == [1, 1, 1, 1]
    assert hub.statuses() == {"done": 4}


def test_the_doorbell_never_keeps_a_sender_waiting(hub: Hub, queues: Queues) -> None:
    connection_id = hub.site().id
    bell = Doorbell(queues)
    for _ in range(100):
        bell.ring(connection_id)
    wait_until(lambda: queues.queue(LIVE).count == 1, 5, "the ring")


def test_without_redis_every_ring_is_only_false(tmp_path: Path) -> None:
    queues = Queues(f"unix://{tmp_path / 'nothing.sock'}")
    started = time.monotonic()
    answers = [queues.ring(1), queues.ring_deliveries(1), queues.ring_run(1)]
    queues.taken("run-1")
    assert answers == [Ring.AWAY] * 3
    assert not any(answers)
    assert not queues.is_up()
    assert describe(queues) == {}
    assert time.monotonic() - started < 5


def test_a_ring_that_got_no_job_keeps_the_next_from_nothing(
    hub: Hub, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis went away between the bell and its job: the name must not stay taken."""

    def fail(*_: object, **__: object) -> None:
        raise RedisError

    connection_id = hub.site().id
    with monkeypatch.context() as patch:
        patch.setattr(Queue, "enqueue", fail)
        assert queues.ring(connection_id) is Ring.AWAY
    assert queues.ring(connection_id) is Ring.RUNG
    assert queues.ring(connection_id) is Ring.SOUNDING
    assert queues.queue(LIVE).count == 1


def test_a_job_for_what_is_gone_does_nothing(hub: Hub, queues: Queues) -> None:
    for job in (jobs.drain, jobs.deliver, jobs.sync):
        job(999)
    assert not hub.rows(events)
