"""The task, and the manual's own task that takes up jobs of dead workers (every 10 s here)."""

from __future__ import annotations

import os
from typing import Any

from procrastinate import App, PsycopgConnector

from tests.bench.peers import job

ADDRESS = os.environ["PEER_POSTGRES_URL"]
place = job.Place(ADDRESS)
tasks = App(connector=PsycopgConnector(conninfo=ADDRESS))


def work(body: str) -> None:
    """One event."""
    place.do(body)


async def retry_stalled(context: Any, timestamp: int) -> None:
    """Jobs whose worker gives no sign of life run again."""
    for stalled in await tasks.job_manager.get_stalled_jobs():
        await tasks.job_manager.retry_job(stalled)


task = tasks.task(work, name="work")
tasks.periodic(cron="* * * * * */10")(
    tasks.task(
        retry_stalled, name="retry_stalled", pass_context=True, queueing_lock="retry_stalled"
    )
)
