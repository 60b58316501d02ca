"""An RQ worker of one queue. One queue per process: with two, RQ pops in a way that loses the job
when the process dies between the pop and the start."""

from __future__ import annotations

from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from hub.log import configure
from hub.queues import QUEUES, queues_for
from hub.sdk.errors import ConfigError
from hub.settings import Settings

#: Seconds an idle worker waits for a job before it looks round; RQ's 405 would leave the jobs of
#: a killed worker lying for minutes.
IDLE_SECONDS = 20
MAINTENANCE_SECONDS = 5


class Worker(SimpleWorker):
    """Runs jobs in its own process: a fork per job would cost more than the job."""

    #: Redis is looked for again at least this often; RQ's minute would keep back what is due.
    max_connection_wait_time = 2.0


def run(settings: Settings, queue: str) -> None:
    """Work on one queue until told to stop."""
    if queue not in QUEUES:
        raise ConfigError(f"there is no queue «{queue}»; there are: {', '.join(QUEUES)}")
    configure(settings.log_level)
    connection = queues_for(settings).worker_connection()
    worker = Worker(
        [Queue(queue, connection=connection, serializer=JSONSerializer)],
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=IDLE_SECONDS,
        maintenance_interval=MAINTENANCE_SECONDS,
        log_job_description=False,
    )
    worker.work(with_scheduler=False, logging_level="WARNING")
