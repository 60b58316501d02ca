"""The workers as RQ knows them: where each runs, what it does, when it was last heard of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from redis.exceptions import RedisError
from rq import Worker
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from hub.queues import Queues, is_alive


def workers_seen(queues: Queues) -> list[dict[str, Any]]:
    """Every registered worker: queue, machine, process, state, since when, its last sign of life,
    what it works on. Nothing when Redis is away."""
    found = []
    try:
        for worker in Worker.all(connection=queues.redis, serializer=JSONSerializer):
            job = worker.get_current_job() if worker.get_state() == WorkerStatus.BUSY else None
            found.append(
                {
                    "queue": ", ".join(worker.queue_names()),
                    "machine": worker.hostname or "",
                    "process": worker.pid or 0,
                    "is_alive": is_alive(worker),
                    "is_busy": worker.get_state() == WorkerStatus.BUSY,
                    "job": f"{(job.func_name or '').rpartition('.')[2]} {job.args[0]}"
                    if job
                    else "",
                    "born_at": _aware(worker.birth_date),
                    "heard_at": _aware(worker.last_heartbeat),
                    "done": worker.successful_job_count,
                    "failed": worker.failed_job_count,
                }
            )
    except RedisError:
        return []
    return sorted(found, key=lambda one: (one["queue"], one["machine"], one["process"]))


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
