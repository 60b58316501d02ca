"""P6: Redis may lose everything, or be away; nothing accepted is lost, work goes on in 10 s."""

from __future__ import annotations

import time
from pathlib import Path

import requests
from redis import Redis

from hub.store.models import leads
from tests.faults.conftest import environment
from tests.faults.test_kill import unfinished
from tests.support.hub import Hub, lead
from tests.support.running import OwnRedis, running_hub
from tests.support.waiting import wait_until

PROMISED_SECONDS = 10
#: Longer than a few of the worker's tries, which grow apart.
AWAY_SECONDS = 8


def test_flushed_again_and_again(hub: Hub, home: Path) -> None:
    hub.site()
    with running_hub(home, **environment(hub)) as running, requests.Session() as session:
        redis = Redis(unix_socket_path=str(hub.store.settings.redis_socket))
        for number in range(60):
            assert running.post(session, "site", lead(number))
            if number % 5 == 4:
                redis.flushall()
        redis.flushall()
        took = wait_until(lambda: unfinished(hub) == 0, 60, f"the work {running.output}")
    assert took <= PROMISED_SECONDS
    assert len(hub.rows(leads)) == 60


def test_away_for_a_while(sqlite_hub: Hub, home: Path) -> None:
    """Every sender is answered all the time; the work waits and then goes on."""
    hub, redis = sqlite_hub, OwnRedis(home)
    hub.site()
    redis.start()
    try:
        with (
            running_hub(home, REDIS_URL=redis.url, **environment(hub)) as running,
            requests.Session() as session,
        ):
            assert running.post(session, "site", lead(0))
            wait_until(lambda: unfinished(hub) == 0, 20, "the work with Redis")
            redis.kill()
            until, number = time.monotonic() + AWAY_SECONDS, 0
            while time.monotonic() < until:
                number += 1
                assert running.post(session, "site", lead(number))
            ready = requests.get(f"http://127.0.0.1:{running.port}/readyz", timeout=5)
            assert (ready.status_code, ready.json()["redis"]) == (200, "down")
            redis.start()
            took = wait_until(lambda: unfinished(hub) == 0, 60, f"the work {running.output}")
    finally:
        redis.kill()
    assert took <= PROMISED_SECONDS
    assert len(hub.rows(leads)) == number + 1
