"""RQ cron with one job, the sweep, which starts everything else that is due.

The sweep runs here and not in a worker: no long job keeps it waiting. Any number of schedulers may
run, on any machines; the one that holds the lease sweeps, the others stand by.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from types import FrameType

from redis import Redis
from redis.exceptions import RedisError
from rq.cron import CronJob, CronScheduler
from rq.exceptions import StopRequested
from rq.job import Job
from sqlalchemy.exc import SQLAlchemyError

from hub.flow import tick
from hub.flow.chores import Chore, Chores
from hub.flow.watch import Watch
from hub.queues import LIVE, Queues, queues_for
from hub.settings import Settings
from hub.store import leases
from hub.store.store import Store

TICK_SECONDS = 2
LEASE = "scheduler"
#: A standby on another machine takes over this long after the last sweep; one on the same machine
#: sees that the process is gone.
LEASE_SECONDS = 6.0
AGAIN_SECONDS = 1.0
log = logging.getLogger("hub.schedule")


class Sweep(CronJob):
    """The sweep as a cron job that is done on the spot."""

    def __init__(self, store: Store, queues: Queues, chores: Sequence[Chore] = ()) -> None:
        super().__init__(queue_name=LIVE, func=tick.tick, interval=TICK_SECONDS)
        self._store, self._queues = store, queues
        self._chores = Chores(store, chores)
        self._lease: leases.Lease | None = None
        self._watch = Watch()

    def enqueue(self, connection: Redis) -> Job | None:  # type: ignore[override]  # the scheduler uses no result
        """Sweep if it is this scheduler's turn; a store that is away is asked again soon."""
        try:
            self._sweep()
        except leases.LeaseLostError:
            log.warning("another scheduler has taken over")
            self._lease = None
        except SQLAlchemyError as error:
            log.warning("no sweep: the store is away", extra={"reason": str(error)[:300]})
            self._lease = None
        return None

    def _sweep(self) -> None:
        database = self._store.database
        if self._lease is None:
            owner = leases.owner_name()
            self._lease = leases.acquire(database, LEASE, owner, LEASE_SECONDS)
            if self._lease is None:
                return
            log.info("this scheduler leads", extra={"lease": self._lease.token})
        tick.tick(self._store, self._lease, self._watch)
        self._chores.look()

    def give_up(self) -> None:
        """Let another scheduler lead at once."""
        lease, self._lease = self._lease, None
        if lease is not None:
            try:
                leases.release(self._store.database, lease, healthy=True)
            except SQLAlchemyError as error:
                log.info("lease not given back: %s", type(error).__name__)


class Scheduler(CronScheduler):
    """RQ's scheduler that knows whether it ended because it was told to."""

    told_to_stop = False

    def _request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.told_to_stop = True
        super()._request_stop(signum, frame)  # type: ignore[no-untyped-call]  # rq leaves it untyped


def run(settings: Settings, chores: Sequence[Chore] = ()) -> None:
    """Run the scheduler until it is told to stop; a Redis that goes away is waited for.

    `chores` are what it does beside the sweep while it leads.

    Without Redis nothing can be rung, so another machine's scheduler, which may reach it, leads.
    """
    queues = queues_for(settings)
    sweep = Sweep(Store.open(settings), queues, chores)
    try:
        while not _serve(queues, sweep):
            sweep.give_up()
            time.sleep(AGAIN_SECONDS)
    except StopRequested:
        pass
    sweep.give_up()


def _serve(queues: Queues, sweep: Sweep) -> bool:
    """Run until told to stop (True) or until Redis goes away."""
    scheduler = Scheduler(connection=queues.redis)
    scheduler._cron_jobs.append(sweep)  # noqa: SLF001  # register() takes no job of our own class
    try:
        scheduler.start()  # type: ignore[no-untyped-call]  # rq leaves it untyped
    except RedisError as error:
        log.warning("redis is away: %s", type(error).__name__)
    return scheduler.told_to_stop
