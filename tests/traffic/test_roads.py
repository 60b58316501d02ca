"""What a connection's calls meet: bounded waits, reasons in words, one state for all workers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from hub.registry import connector, make_connection
from hub.sdk.errors import ConfigError, NotCalled
from hub.sdk.manifest import build_manifest
from hub.sdk.traffic import Traffic, Urgency
from hub.settings import Settings
from hub.traffic import roads
from hub.traffic.local import LocalState
from hub.traffic.model import Rule, State
from hub.traffic.roads import Road, road_for
from hub.traffic.shared import SafeState, SharedState
from tests.traffic.conftest import Clock

HOST = "api.example:443"
MANIFEST = build_manifest(
    {
        "name": "vendor",
        "title": {"ru": "п", "en": "v"},
        "kind": "generic",
        "directions": ["sink"],
        "auth": "none",
        "limits": {"requests_per_second": 10, "groups": {"stats": {"requests_per_second": 0.5}}},
    },
    Path("vendor"),
)


def settings(**http: Any) -> Settings:
    return Settings(home=Path("/nowhere"), file={"http": http})


def road(clock: Clock, own: dict[str, Any] | None = None, **http: Any) -> Road:
    """A road on a clock of its own; waiting moves the clock."""

    def sleep(seconds: float) -> None:
        clock.now += seconds

    made = road_for(settings(**http), MANIFEST, 7, own or {})
    return replace(made, state=LocalState(clock), sleep=sleep)


def go(one: Traffic, times: int = 1, host: str = HOST, group: str = "") -> None:
    for _ in range(times):
        one.enter(host, group, 30).succeeded()


def test_the_manifest_s_limit_makes_calls_wait_their_turn() -> None:
    clock = Clock()
    start = clock.now
    go(road(clock), 20)
    assert clock.now - start == pytest.approx(1.0, abs=0.02)


def test_a_group_has_a_limit_of_its_own() -> None:
    clock = Clock()
    start = clock.now
    one = road(clock)
    go(one, 3, group="stats")
    assert clock.now - start == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize(
    ("own", "http", "seconds"),
    [
        ({}, {"connectors": {"vendor": {"requests_per_second": 2}}}, 10),
        ({"requests_per_second": 4}, {"connectors": {"vendor": {"requests_per_second": 2}}}, 5),
        ({"requests_per_second": 20, "burst": 20}, {}, 0),
        ({"requests_per_second": 1000}, {"hosts": {"api.example": {"requests_per_second": 4}}}, 5),
        ({"requests_per_second": 1000}, {"hosts": {HOST: {"requests_per_second": 4}}}, 5),
    ],
)
def test_limits_are_laid_over(own: dict[str, Any], http: dict[str, Any], seconds: float) -> None:
    clock = Clock()
    start = clock.now
    burst = int(own.get("burst", 0)) or 1
    go(road(clock, {**own, "burst": burst}, **http), 20)
    assert clock.now - start == pytest.approx(seconds, rel=0.25, abs=0.1)


def test_beyond_the_bound_a_call_is_put_off_and_not_slept_through() -> None:
    clock = Clock()
    one = road(clock, {"requests_per_second": 0.1, "burst": 1}, wait_seconds={"live": 2})
    go(one)
    start = clock.now
    with pytest.raises(NotCalled) as refused:
        go(one)
    assert clock.now == start
    assert refused.value.after == pytest.approx(10, abs=0.1)
    assert refused.value.message == (
        f"{HOST} may be called again in 10 s: the limit of requests is used up"
    )


def test_bulk_waits_longer_than_live() -> None:
    clock = Clock()
    one = road(clock, {"requests_per_second": 0.1, "burst": 1})
    go(one.at(Urgency.BULK), 3)
    with pytest.raises(NotCalled):
        go(one)


def test_an_open_breaker_refuses_at_once_with_the_reason() -> None:
    one = road(Clock(), breaker={"failures": 2, "open_seconds": 40})
    for _ in range(2):
        one.enter(HOST, "", 30).failed("api.example:443 did not answer in time")
    with pytest.raises(NotCalled) as refused:
        go(one)
    assert refused.value.after == pytest.approx(40, abs=0.1)
    assert refused.value.message.startswith(f"{HOST} is not called before ")
    assert refused.value.message.endswith(" UTC: api.example:443 did not answer in time")
    go(one, host="other.example:443")


def test_a_connection_s_own_limits_are_checked() -> None:
    document = {"connector": "webhook_out", "secrets": {"secret": "whsec_AAAA"}}

    def made(limits: Any) -> Any:
        given = {**document, "settings": {"url": "https://a.example", "limits": limits}}
        return make_connection(given).settings["limits"]

    assert made({"requests_per_second": 5, "burst": 2}) == {"requests_per_second": 5, "burst": 2}
    wrongs: tuple[Any, ...] = (5, {"burst": 0}, {"x": 1}, {"groups": {"x": {}}})
    for wrong in (*wrongs, {"requests_per_second": 0}):
        with pytest.raises(ConfigError, match=r"settings\.limits"):
            made(wrong)
    # What is never called has no limits.
    with pytest.raises(ConfigError, match=r"settings\.limits"):
        make_connection({"connector": "mailgun", "settings": {"limits": {}}})


def test_the_limits_of_every_manifest_make_a_road() -> None:
    for name in ("woocommerce", "webhook_out", "onec_soap", "mango"):
        road_for(settings(), connector(name).manifest, 1, {})


@pytest.fixture
def shared(redis_url: str) -> Callable[[], State]:
    """Makes a worker's own view of the state that all share."""
    return lambda: SafeState(SharedState(Redis.from_url(redis_url)))


def test_workers_share_one_bucket(shared: Callable[[], State]) -> None:
    base = road_for(settings(wait_seconds={"live": 0}), MANIFEST, 7, {"requests_per_second": 0.01,
                                                                      "burst": 12})  # fmt: skip
    workers = [replace(base, state=shared()) for _ in range(4)]
    gone, lock = [0], threading.Lock()

    def work(worker: Road) -> None:
        for _ in range(10):
            try:
                go(worker)
            except NotCalled:
                continue
            with lock:
                gone[0] += 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, workers))
    assert gone == [12]


def test_exactly_one_worker_probes(shared: Callable[[], State]) -> None:
    rule = {"failures": 1, "open_seconds": 0.05, "longest_seconds": 60}
    base = road_for(settings(breaker=rule), MANIFEST, 7, {"requests_per_second": 1000})
    workers = [replace(base, state=shared()) for _ in range(8)]
    workers[0].enter(HOST, "", 30).failed("down")
    ready = threading.Barrier(8)

    def ask(worker: Road) -> str:
        ready.wait(10)
        while True:
            try:
                worker.enter(HOST, "", 30)
            except NotCalled as refused:
                if (refused.after or 0) > 0.1:
                    return "refused"
            else:
                return "probe"

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, workers))
    assert sorted(found) == ["probe", *["refused"] * 7]


def test_a_wiped_redis_closes_breakers_and_fills_buckets(
    shared: Callable[[], State], redis_url: str
) -> None:
    one = replace(road_for(settings(), MANIFEST, 7, {}), state=shared())
    for _ in range(5):
        one.enter(HOST, "", 30).failed("down")
    with pytest.raises(NotCalled):
        go(one)
    Redis.from_url(redis_url).flushall()
    go(one)
    assert one.state.breakers() == []


def test_without_redis_each_process_keeps_the_limits_itself(tmp_path: Path) -> None:
    away = SharedState(Redis.from_url(f"unix://{tmp_path}/none.sock"))
    one = replace(
        road_for(settings(wait_seconds={"live": 0}), MANIFEST, 7, {"burst": 3}),
        state=SafeState(away),
    )
    go(one, 3)
    with pytest.raises(NotCalled):
        go(one)
    for _ in range(5):
        one.state.failed("7:other", Rule(), "down", None, False)
    (shown,) = one.state.breakers()
    assert (shown.host, shown.state) == ("other", "open")


def test_pages_are_told_by_connection(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Settings(home=tmp_path, redis_url=redis_url)
    one = road_for(own, MANIFEST, 7, {})
    assert roads.breakers(own) == {}
    for _ in range(5):
        one.enter(HOST, "", 30).failed("down")
    assert [breaker.host for breaker in roads.breakers(own)[7]] == [HOST]
