"""The page of queues names what each worker does: its job is read as it was written."""

from __future__ import annotations

from rq import Worker
from rq.worker import WorkerStatus

from hub.crew import workers_seen
from hub.queues import LIVE, queues_for
from hub.store.store import Store


def test_a_busy_worker_says_what_it_does(sqlite_store: Store) -> None:
    queues = queues_for(sqlite_store.settings)
    queue = queues.queue(LIVE)
    job = queue.enqueue("hub.jobs.drain", 7)
    worker = Worker([queue], connection=queues.redis, serializer=queue.serializer)
    worker.register_birth()  # type: ignore[no-untyped-call]  # RQ types it not
    worker.set_state(WorkerStatus.BUSY)
    worker.prepare_execution(job)
    (seen,) = [one for one in workers_seen(queues) if one["process"] == worker.pid]
    assert (seen["queue"], seen["job"], seen["is_busy"]) == (LIVE, "drain 7", True)
    worker.register_death()  # type: ignore[no-untyped-call]  # RQ types it not
