"""An RQ worker of one queue. One queue per process: with two, RQ pops in a way that loses the job
when the process dies between the pop and the start."""

from __future__ import annotations

import logging
import time
from types import FrameType

from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer

from hub import turns
from hub.listening import Listening
from hub.log import configure
from hub.queues import LIVE, QUEUES, Queues, queues_for
from hub.sdk.errors import ConfigError
from hub.settings import Settings

#: Fifteen more than the seconds an idle worker waits for a job before it looks round; RQ's 420
#: would keep a connection that silently broke for minutes.
IDLE_SECONDS = 20
#: RQ's housekeeping only tidies up: what a dead worker left undone is rung for by the sweep.
MAINTENANCE_SECONDS = 30
AGAIN_SECONDS = 1.0
log = logging.getLogger("hub.worker")


class Worker(SimpleWorker):
    """Runs jobs in its own process: a fork per job would cost more than the job."""

    #: Redis is looked for again at least this often; RQ's minute would keep back what is due.
    max_connection_wait_time = 2.0
    told_to_stop = False
    listening: Listening | None = None

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Told to end: finish the job, then stop."""
        self.told_to_stop = True
        if self.listening is not None:
            self.listening.stop()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # rq leaves it untyped

    def procline(self, message: str) -> None:
        """The process keeps its name: it tells the queue."""


def run(settings: Settings, queue: str) -> None:
    """Work on one queue until told to stop; a Redis that goes away is waited for."""
    if queue not in QUEUES:
        raise ConfigError(f"there is no queue «{queue}»; there are: {', '.join(QUEUES)}")
    configure(settings.log_level)
    queues = queues_for(settings)
    try:
        while not _serve(queues, queue):
            time.sleep(AGAIN_SECONDS)
    except StopRequested:
        return
    finally:
        turns.finish()


def _serve(queues: Queues, queue: str) -> bool:
    """Work until told to stop (True) or until Redis goes away in the middle of something."""
    connection = queues.worker_connection()
    worker: Worker | None = None
    try:
        worker = Worker(
            [Queue(queue, connection=connection, serializer=JSONSerializer)],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=IDLE_SECONDS,
            maintenance_interval=MAINTENANCE_SECONDS,
            log_job_description=False,
        )
        if queue == LIVE:
            worker.listening = queues.listening
            queues.listening.is_open = True
            queues.take_over()
        worker.work(with_scheduler=False, logging_level="WARNING")
    except RedisError as error:
        log.warning("redis is away: %s", type(error).__name__)
    if worker is None:
        return False
    listening = getattr(worker, "pubsub_thread", None)
    if listening is not None:
        listening.stop()
    return worker.told_to_stop
