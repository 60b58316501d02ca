"""The task. `acks_late`: a task goes back to the queue when its worker dies."""

from __future__ import annotations

import os

from celery import Celery

from tests.bench.peers import job

place = job.Place(os.environ["PEER_SQLITE"])
tasks = Celery("peer", broker=os.environ["PEER_REDIS_URL"])
tasks.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)


def work(body: str) -> None:
    """One event."""
    place.do(body)


task = tasks.task(work, name="work")
