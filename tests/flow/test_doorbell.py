"""The gateway's doorbell: a ring costs its sender one write, and nothing when Redis is away."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from hub import doorbell
from hub.doorbell import Doorbell, Wire
from hub.listening import RINGS, WAITING
from hub.queues import LIVE, Queues, Ring
from tests.support.running import OwnRedis
from tests.support.waiting import wait_until

ONE, OTHER = 1, 2


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[OwnRedis]:
    own = OwnRedis(tmp_path)
    own.start()
    yield own
    own.kill()


class Rung:
    """A doorbell whose thread waits at the wire: it has rung once, for a job that is gone."""

    def __init__(self, redis: OwnRedis, patch: pytest.MonkeyPatch) -> None:
        self.queues = Queues(redis.url)
        self.bell = Doorbell(self.queues)
        #: For whom the thread rang itself, since then.
        self.by_thread: list[int] = []
        self.bell.ring(ONE)
        self.wait_for_jobs(1)
        self.wait_at_the_wire()
        self.queues.redis.flushdb()
        real = self.queues.ring

        def ring(connection_id: int) -> Ring:
            self.by_thread.append(connection_id)
            return real(connection_id)

        patch.setattr(self.queues, "ring", ring)

    def wait_for_jobs(self, count: int) -> None:
        wait_until(lambda: self.jobs() == count, 10, f"{count} jobs")

    def jobs(self) -> int:
        try:
            return self.queues.queue(LIVE).count
        except RedisError:
            return -1

    def wait_at_the_wire(self) -> None:
        wait_until(lambda: self.bell._wire is not None, 10, "the thread's waiting at the wire")


@pytest.fixture
def rung(redis: OwnRedis, monkeypatch: pytest.MonkeyPatch) -> Rung:
    return Rung(redis, monkeypatch)


def test_who_asks_sends_the_ring_and_a_job_comes_of_it(rung: Rung) -> None:
    rung.bell.ring(ONE)
    rung.wait_for_jobs(1)
    rung.wait_at_the_wire()
    rung.bell.ring(OTHER)
    rung.wait_for_jobs(2)
    assert not rung.by_thread


def test_who_asks_sends_the_ring_to_a_listener(rung: Rung) -> None:
    redis = rung.queues.redis
    redis.zadd(WAITING, {"somebody": time.time() + 60})
    rung.bell.ring(ONE)
    wait_until(lambda: redis.llen(f"{RINGS}:somebody") == 1, 10, "the ring")
    assert (rung.jobs(), rung.by_thread) == (0, [])


def test_many_asks_become_few_rings(rung: Rung) -> None:
    for _ in range(500):
        rung.bell.ring(ONE)
    rung.wait_for_jobs(1)
    rung.wait_at_the_wire()
    assert rung.jobs() == 1
    assert len(rung.by_thread) < 50


def test_a_ring_that_redis_refuses_is_rung_again(rung: Rung) -> None:
    """Redis has forgotten its scripts: the words of the wire mean nothing to it."""
    rung.queues.redis.script_flush()
    rung.bell.ring(ONE)
    rung.wait_for_jobs(1)
    assert rung.by_thread == [ONE]
    rung.wait_at_the_wire()


def test_redis_that_does_not_answer_keeps_nobody_waiting(
    rung: Rung, redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorbell, "LOOK_SECONDS", 0.2)
    redis.signal(signal.SIGSTOP)
    started = time.monotonic()
    for _ in range(1000):
        rung.bell.ring(ONE)
    assert time.monotonic() - started < 1
    redis.signal(signal.SIGCONT)
    rung.wait_for_jobs(1)


def test_redis_that_hangs_does_not_hold_who_connects_to_it(rung: Rung, redis: OwnRedis) -> None:
    redis.signal(signal.SIGSTOP)
    try:
        with pytest.raises(RedisError):
            Wire(rung.queues)
    finally:
        redis.signal(signal.SIGCONT)


def test_after_redis_was_away_rings_are_sent_again(rung: Rung, redis: OwnRedis) -> None:
    redis.kill()
    started = time.monotonic()
    for _ in range(1000):
        rung.bell.ring(ONE)
    assert time.monotonic() - started < 1
    redis.start()

    def rings() -> bool:
        rung.bell.ring(ONE)
        return rung.jobs() == 1

    wait_until(rings, 20, "a ring after Redis is back")
    rung.wait_at_the_wire()
