"""RQ cron with one job, the sweep, which starts everything else that is due.

Two schedulers at once do no harm: the doorbell lets one sweep sound at a time, and every step of
a sweep is a no-op the second time.
"""

from __future__ import annotations

from redis import Redis
from rq.cron import CronJob, CronScheduler
from rq.job import Job

from hub import jobs
from hub.queues import LIVE, Queues, queues_for
from hub.settings import Settings

TICK_SECONDS = 2


class Sweep(CronJob):
    """The sweep as a cron job that rings our doorbell: JSON, no pickles, no pile-up."""

    def __init__(self, queues: Queues) -> None:
        super().__init__(queue_name=LIVE, func=jobs.tick, interval=TICK_SECONDS)
        self._queues = queues

    def enqueue(self, connection: Redis) -> Job | None:  # type: ignore[override]  # the scheduler uses no result
        """Ring for a sweep; a Redis that is away is asked again two seconds later."""
        self._queues.ring_tick()
        return None


def run(settings: Settings) -> None:
    """Run the scheduler until it is told to stop."""
    queues = queues_for(settings)
    scheduler = CronScheduler(connection=queues.redis)
    scheduler._cron_jobs.append(Sweep(queues))  # noqa: SLF001  # register() takes no job of our own class
    scheduler.start()  # type: ignore[no-untyped-call]  # rq leaves it untyped
