"""RQ's queues: doorbells that say «there is work», never the work itself.

Losing every one of them loses nothing: the sweep (hub.schedule) rings again from the store.
"""

from __future__ import annotations

import logging
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker, WorkerStatus

from hub.listening import Listening
from hub.news import News
from hub.settings import Settings

#: live takes events, deliver brings changes out, bulk runs polls and replays.
LIVE, DELIVER, BULK = "live", "deliver", "bulk"
QUEUES = (LIVE, DELIVER, BULK)
#: Work of the bulk workers that has threads of its own, lest long polls keep it waiting.
REPLAY, CHORES = "replay", "chores"
#: How long one ring keeps others silent; a worker that takes it up clears it at once.
RING_SECONDS = 5


class Ring(IntEnum):
    """What came of a ring; false when nobody can have heard it."""

    AWAY = 0
    SOUNDING = 1
    RUNG = 2


#: An idle worker gives a sign every five seconds.
SILENT_SECONDS = 30
TIMEOUT_SECONDS = {LIVE: 120, DELIVER: 600, BULK: 4 * 3600}

log = logging.getLogger(__name__)


class Queues:
    """Redis of one hub. No method raises when Redis is away: they return what is false."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.redis: Redis = Redis.from_url(
            url, socket_timeout=2, socket_connect_timeout=1, health_check_interval=30
        )

    def worker_connection(self) -> Redis:
        """A connection that may block: a worker waits in it for its next job."""
        return Redis.from_url(self._url, socket_connect_timeout=5, health_check_interval=30)

    def queue(self, name: str) -> Queue:
        """The RQ queue of this name; jobs hold ids in JSON, never pickles."""
        return Queue(name, connection=self.redis, serializer=JSONSerializer)

    @cached_property
    def listening(self) -> Listening:
        """The workers of the live queue that wait for rings between their jobs."""
        return Listening(
            self.redis, self.worker_connection, self.queue(LIVE).key, _bell_key("events-")
        )

    @cached_property
    def news(self) -> News:
        """What tells open pages that something changed."""
        return News(self.redis)

    def ring(self, connection_id: int) -> Ring:
        """Say that this connection has events waiting: to a worker that listens, or by a job."""
        bell = f"events-{connection_id}"
        try:
            heard = self.listening.tell(connection_id, RING_SECONDS)
        except RedisError as error:
            log.warning("doorbell %s not rung: %s", bell, type(error).__name__)
            return Ring.AWAY
        return self._settle(connection_id, heard)

    def ring_command(self, connection_id: int) -> tuple[Any, ...]:
        """The words to Redis of a ring; what it answers is for `hear`."""
        return self.listening.tell_command(connection_id, RING_SECONDS)

    def hear(self, connection_id: int, answer: Any) -> Ring:
        """What came of a ring whose words were sent; when nobody listens it becomes a job."""
        return self._settle(connection_id, self.listening.told(answer))

    def _settle(self, connection_id: int, heard: bool | None) -> Ring:
        if heard is None:
            return self._enqueue(f"events-{connection_id}", LIVE, "hub.jobs.drain", connection_id)
        return Ring.RUNG if heard else Ring.SOUNDING

    def leave(self) -> None:
        """This process listens no longer: what was told and not heard becomes jobs."""
        for connection_id in self.listening.leave():
            self._enqueue(f"events-{connection_id}", LIVE, "hub.jobs.drain", connection_id)

    def take_over(self) -> None:
        """A live worker starts, perhaps in place of one that died: what was told to that one and
        not heard becomes jobs. RedisError when Redis is away."""
        for connection_id in self.listening.take_over():
            self._enqueue(f"events-{connection_id}", LIVE, "hub.jobs.drain", connection_id)

    def ring_deliveries(self, destination_id: int) -> Ring:
        """Say that this destination has deliveries waiting."""
        return self._ring(
            f"deliveries-{destination_id}", DELIVER, "hub.jobs.deliver", destination_id
        )

    def ring_run(self, run_id: int) -> Ring:
        """Say that a sync run is wanted."""
        return self._ring(f"run-{run_id}", BULK, "hub.jobs.sync", run_id)

    def ring_replay(self, job_id: int) -> Ring:
        """Say that a replay of many events is wanted."""
        return self._ring(f"replay-{job_id}", BULK, "hub.jobs.replay", job_id)

    def ring_chores(self) -> Ring:
        """Say that notices are due, or reconciliations."""
        return self._ring("chores-0", BULK, "hub.jobs.chores", 0)

    def taken(self, bell: str) -> bool:
        """The ring was heard: the next one may sound. Returns whether there was one."""
        try:
            return bool(self.redis.delete(_bell_key(bell)))
        except RedisError as error:
            log.info("redis is away: %s", error)
            return False

    def heard(self, connection_id: int) -> None:
        """A worker takes up a job of this connection, and waits for no ring meanwhile."""
        try:
            self.listening.heard(connection_id)
        except RedisError as error:
            log.info("redis is away: %s", error)

    def hush(self, bell: str) -> None:
        """Keep this bell silent for a while: there is nothing to gain by ringing now."""
        try:
            self.redis.set(_bell_key(bell), "1", ex=RING_SECONDS)
        except RedisError as error:
            log.info("redis is away: %s", error)

    def _ring(self, bell: str, queue: str, function: str, *ids: int) -> Ring:
        try:
            if not self.redis.set(_bell_key(bell), "1", nx=True, ex=RING_SECONDS):
                return Ring.SOUNDING
        except RedisError as error:
            log.warning("doorbell %s not rung: %s", bell, type(error).__name__)
            return Ring.AWAY
        return self._enqueue(bell, queue, function, *ids)

    def _enqueue(self, bell: str, queue: str, function: str, *ids: int) -> Ring:
        try:
            self.queue(queue).enqueue(
                function, *ids, result_ttl=0, failure_ttl=300, job_timeout=TIMEOUT_SECONDS[queue]
            )
            if queue == LIVE:
                self.listening.nudge()
        except RedisError as error:
            log.warning("doorbell %s not rung: %s", bell, type(error).__name__)
            # Without its job the name would only keep the next ring silent.
            with suppress(RedisError):
                self.redis.delete(_bell_key(bell))
            return Ring.AWAY
        return Ring.RUNG

    def is_up(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(self.redis.ping())
        except RedisError:
            return False


def _bell_key(bell: str) -> str:
    return f"uzel:bell:{bell}"


class Paces:
    """How long each system's slowest call took the last time, kept in Redis: a worker that starts
    anew knows at once whom it must not give all its threads. Redis away: nobody knows."""

    def __init__(self, queues: Queues, kind: str) -> None:
        self._redis, self._name = queues.redis, f"uzel:pace:{kind}"

    def get(self, name: str) -> float | None:
        """Seconds, or None."""
        try:
            found: Any = self._redis.hget(self._name, name)
        except RedisError:
            return None
        return None if found is None else float(found)

    def set(self, name: str, seconds: float) -> None:
        """Remember it."""
        try:
            self._redis.hset(self._name, name, f"{seconds:.3f}")
        except RedisError as error:
            log.info("redis is away: %s", error)


@lru_cache(maxsize=8)
def _queues(url: str) -> Queues:
    return Queues(url)


def queues_for(settings: Settings) -> Queues:
    """The queues of this hub, one client a process."""
    return _queues(settings.queue_url)


def describe(queues: Queues) -> dict[str, Any]:
    """How many jobs wait in each queue, or nothing when Redis is away.

    A job that a dead worker had begun waits nowhere and is in no figure: its row is rung for anew.
    """
    try:
        return {name: queues.queue(name).count for name in QUEUES}
    except RedisError:
        return {}


def workers_alive(queues: Queues) -> dict[str, int]:
    """How many workers serve each queue, or nothing when Redis is away."""
    try:
        connection = queues.redis
        return {
            name: sum(map(is_alive, Worker.all(queue=queues.queue(name), connection=connection)))
            for name in QUEUES
        }
    except RedisError:
        return {}


def is_alive(worker: BaseWorker) -> bool:
    """Whether a registered worker lives: one of this machine by its process, others by their word.

    RQ forgets one that was killed only after minutes, or hours when it was at work.
    """
    if worker.hostname == socket.gethostname() and worker.pid:
        return _lives(worker.pid)
    if worker.get_state() == WorkerStatus.BUSY:
        return True
    heard = worker.last_heartbeat or worker.birth_date
    return heard is not None and (datetime.now(UTC) - heard).total_seconds() < SILENT_SECONDS


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
