"""Workers that listen between their jobs: quick when they hear, no loss when they do not."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from hub import jobs
from hub.flow import drain
from hub.listening import RINGS, WAITING, Listening
from hub.queues import LIVE, Queues, Ring, queues_for
from tests.support.hub import Hub
from tests.support.waiting import wait_until


@pytest.fixture
def queues(hub: Hub) -> Queues:
    return queues_for(hub.store.settings)


def listener(queues: Queues) -> Listening:
    """A worker's own view, as another process would have it."""
    key = queues.queue(LIVE).key
    made = Listening(queues.redis, queues.worker_connection, key, "uzel:bell:events-")
    made.is_open = True
    return made


@contextmanager
def at_work(queues: Queues, seconds: float = 30) -> Iterator[tuple[Listening, list[int]]]:
    """A listener in a thread, and what it heard; ends it."""
    own, heard = listener(queues), list[int]()
    thread = threading.Thread(target=own.listen, args=(heard.append, seconds))
    thread.start()
    wait_until(lambda: queues.redis.zcard(WAITING) == 1, 5, "the listener")
    try:
        yield own, heard
    finally:
        own.stop()
        thread.join(timeout=5)
        assert not thread.is_alive()


def test_a_listener_hears_a_ring_and_no_job_is_made(queues: Queues) -> None:
    with at_work(queues) as (_, heard):
        assert queues.ring(7) is Ring.RUNG
        wait_until(lambda: heard == [7], 5, "the ring")
        assert queues.queue(LIVE).count == 0


def test_with_every_listener_at_work_a_ring_becomes_a_job(queues: Queues) -> None:
    own, begun, goes_on = listener(queues), threading.Event(), threading.Event()

    def work(_: int) -> None:
        begun.set()
        goes_on.wait(10)

    thread = threading.Thread(target=own.listen, args=(work,))
    thread.start()
    wait_until(lambda: queues.redis.zcard(WAITING) == 1, 5, "the listener")
    queues.ring(1)
    assert begun.wait(5)
    assert queues.ring(2) is Ring.RUNG
    assert queues.queue(LIVE).count == 1
    goes_on.set()
    # A job waits: RQ takes it only when the listener has left its own.
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_a_ring_for_what_a_listener_works_on_is_told_to_it(queues: Queues) -> None:
    own, heard, goes_on = listener(queues), list[int](), threading.Event()

    def work(connection_id: int) -> None:
        heard.append(connection_id)
        goes_on.wait(10)

    thread = threading.Thread(target=own.listen, args=(work,))
    thread.start()
    wait_until(lambda: queues.redis.zcard(WAITING) == 1, 5, "the listener")
    queues.ring(1)
    wait_until(lambda: heard == [1], 5, "the ring")
    assert queues.ring(1) is Ring.RUNG
    assert queues.ring(1) is Ring.SOUNDING
    assert queues.queue(LIVE).count == 0
    goes_on.set()
    wait_until(lambda: heard == [1, 1], 5, "the second ring")
    wait_until(lambda: queues.redis.zcard(WAITING) == 1, 5, "the listener")
    assert not queues.redis.exists("uzel:bell:events-1:at")
    own.stop()
    thread.join(timeout=5)


def test_what_a_listener_was_told_at_work_becomes_a_job_when_it_leaves(queues: Queues) -> None:
    queues.listening.is_open = True
    queues.heard(1)
    queues.listening.is_open = False
    assert queues.ring(1) is Ring.RUNG
    assert queues.queue(LIVE).count == 0
    queues.leave()
    assert queues.queue(LIVE).count == 1


def test_a_job_that_comes_while_a_listener_waits_makes_it_leave(queues: Queues) -> None:
    own = listener(queues)
    thread = threading.Thread(target=own.listen, args=(lambda _: None,))
    thread.start()
    wait_until(lambda: queues.redis.zcard(WAITING) == 1, 5, "the listener")
    # As when nobody was waiting a moment ago.
    queues._enqueue("events-3", LIVE, "hub.jobs.drain", 3)
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert queues.queue(LIVE).count == 1


def test_one_whose_time_is_over_is_told_nothing_more(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, hub: Hub
) -> None:
    """It was believed at work for two seconds more, and the bell kept every other ring silent for
    five: once in half a minute an event waited that long."""
    monkeypatch.setattr(jobs, "store", lambda: hub.store)
    own = queues.listening
    own.is_open = True
    monkeypatch.setattr(own, "listen", partial(own.listen, seconds=0))
    jobs.drain(1)
    own.is_open = False
    assert queues.ring(1) is Ring.RUNG
    assert queues.queue(LIVE).count == 1


@pytest.mark.parametrize("told", ["3", "-3"])
def test_what_was_told_as_it_left_becomes_jobs(queues: Queues, told: str) -> None:
    own = queues.listening
    queues.redis.rpush(f"{RINGS}:{own._name}", told, "4", "0")
    queues.redis.set("uzel:bell:events-3:at", own._name)
    queues.redis.set("uzel:bell:events-4:at", "elsewhere-1")
    queues.leave()
    assert [list(job.args) for job in queues.queue(LIVE).jobs] == [[3], [4]]
    assert not queues.redis.exists("uzel:bell:events-3:at")
    assert queues.redis.exists("uzel:bell:events-4:at")


def test_a_drain_that_fails_keeps_no_ring_for_itself(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, hub: Hub
) -> None:
    monkeypatch.setattr(jobs, "store", lambda: hub.store)
    queues.listening.is_open = True

    def fail(*_: object) -> None:
        queues.ring(5)
        raise RuntimeError("the store")

    monkeypatch.setattr(drain, "work_off", fail)
    with pytest.raises(RuntimeError, match="the store"):
        jobs.drain(5)
    queues.listening.is_open = False
    assert [list(job.args) for job in queues.queue(LIVE).jobs] == [[5]]


def test_a_listener_that_died_is_believed_for_two_seconds_only(queues: Queues) -> None:
    seconds = int(queues.redis.time()[0])
    queues.redis.zadd(WAITING, {"dead-1": seconds - 1})
    assert queues.ring(6) is Ring.RUNG
    assert queues.queue(LIVE).count == 1


def test_a_worker_that_starts_takes_over_from_one_that_died(queues: Queues) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    dead = f"{socket.gethostname()}-{gone.pid}"
    queues.redis.zadd(WAITING, {dead: 2**40, "elsewhere-1": 1})
    assert queues.ring(6) is Ring.RUNG
    assert queues.ring(6) is Ring.RUNG
    queues.redis.delete("uzel:bell:events-6", "uzel:bell:events-6:at")
    queues.redis.set("uzel:bell:events-7", "1")
    queues.redis.set("uzel:bell:events-8:at", dead)
    queues.redis.set("uzel:bell:events-9:at", "elsewhere-1")
    assert queues.queue(LIVE).count == 0
    queues.take_over()
    assert [list(job.args) for job in queues.queue(LIVE).jobs] == [[6], [7], [8]]
    assert queues.redis.zrange(WAITING, 0, -1) == [b"elsewhere-1"]
    assert queues.ring(8) is Ring.RUNG
    assert queues.queue(LIVE).count == 4
    assert queues.redis.exists("uzel:bell:events-9:at")


def test_told_to_stop_it_does_not_wait_for_its_time(queues: Queues) -> None:
    with at_work(queues, seconds=60) as (own, _):
        own.stop()
        wait_until(lambda: not own.is_open, 1, "the end")


def test_redis_emptied_under_a_listener_costs_no_ring(queues: Queues) -> None:
    with at_work(queues) as (_, heard):
        queues.redis.flushall()
        wait_until(lambda: queues.redis.zcard(WAITING) == 1, 5, "the listener's next word")
        queues.ring(8)
        wait_until(lambda: heard == [8], 5, "the ring")
