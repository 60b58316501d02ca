"""Buckets and breakers in Redis, one state for all workers; in this process while Redis is away.

A wiped Redis means full buckets and closed breakers: harmless, they fill and open again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from hub.traffic import scripts
from hub.traffic.local import LIVE_GRACE, PROBE_LOOK, LocalState, shown
from hub.traffic.model import Ask, Breaker, Rule, State, Verdict

BREAKER, TROUBLED = "uzel:breaker:", "uzel:troubled"
AWAY_SECONDS = 5.0
log = logging.getLogger(__name__)


class SharedState:
    """See `model.State`. Without a `clock` (seconds since the epoch) Redis's own counts."""

    def __init__(self, redis: Redis, clock: Callable[[], float] | None = None) -> None:
        self._redis, self._clock = redis, clock
        self._enter = redis.register_script(scripts.ENTER)
        self._failed = redis.register_script(scripts.FAILED)

    def _now(self) -> int:
        return int(self._clock() * 1000) if self._clock else 0

    def enter(self, ask: Ask) -> Verdict:
        """Take a token of every limit, or none, when the breaker lets calls through."""
        numbers: list[Any] = [
            self._now(), int(ask.urgency), int(ask.hold * 1000),
            int(LIVE_GRACE * 1000), int(PROBE_LOOK * 1000),
        ]  # fmt: skip
        for limit in ask.limits:
            numbers += [limit.rate, limit.burst, limit.reserve(ask.share)]
        keys = [BREAKER + ask.breaker, *(f"uzel:bucket:{limit.key}" for limit in ask.limits)]
        kind, wait, reason, troubled, probing = self._enter(keys, numbers)
        return Verdict(
            kind.decode(), wait / 1000, reason.decode("utf-8", "replace"), bool(troubled),
            bool(probing),
        )  # fmt: skip

    def succeeded(self, breaker: str) -> None:
        """Close the breaker and forget its failures."""
        pipe = self._redis.pipeline()
        pipe.delete(BREAKER + breaker)
        pipe.srem(TROUBLED, BREAKER + breaker)
        pipe.execute()

    def failed(
        self, breaker: str, rule: Rule, reason: str, after: float | None, probing: bool
    ) -> None:
        """Count a failure; open the breaker when it is one too many, or for `after` seconds."""
        times = [int(seconds * 1000) for seconds in (rule.window, rule.rest, rule.longest)]
        asked = -1 if after is None else int(after * 1000)
        self._failed(
            [BREAKER + breaker, TROUBLED],
            [self._now(), rule.failures, *times, reason[:300], asked, int(probing)],
        )

    def dropped(self, breaker: str) -> None:
        """The probe was not made: let another call be it."""
        self._redis.hdel(BREAKER + breaker, "probe")

    def breakers(self) -> list[Breaker]:
        """Every breaker that is not closed."""
        names: list[bytes] = sorted(self._redis.smembers(TROUBLED))  # type: ignore[arg-type]  # the stubs mix in the asynchronous client
        found, now = [], self._seconds()
        for name in names:
            record: dict[bytes, bytes] = self._redis.hgetall(name)  # type: ignore[assignment]  # the stubs mix in the asynchronous client
            if not record:
                self._redis.srem(TROUBLED, name)
            elif b"until" in record:
                found.append(
                    shown(
                        name.decode().removeprefix(BREAKER),
                        int(record[b"failures"]),
                        record[b"reason"].decode("utf-8", "replace"),
                        float(record[b"opened"]) / 1000,
                        float(record[b"until"]) / 1000,
                        now,
                    )
                )
        return found

    def _seconds(self) -> float:
        if self._clock:
            return self._clock()
        seconds, micros = self._redis.time()
        return float(seconds) + float(micros) / 1e6


class SafeState:
    """The shared state, or this process's own while Redis is away. No method raises."""

    def __init__(self, shared: State, local: State | None = None) -> None:
        self._shared, self._local = shared, local or LocalState()
        self._away_until = 0.0

    def _do(self, step: Callable[[State], Any]) -> Any:
        if time.monotonic() >= self._away_until:
            try:
                return step(self._shared)
            except RedisError as error:
                # Asked again soon, but not by every call: each would wait for its time-out.
                self._away_until = time.monotonic() + AWAY_SECONDS
                log.warning("limits are kept by this process alone: %s", type(error).__name__)
        return step(self._local)

    def enter(self, ask: Ask) -> Verdict:
        """Take a token of every limit, or none, when the breaker lets calls through."""
        found: Verdict = self._do(lambda state: state.enter(ask))
        return found

    def succeeded(self, breaker: str) -> None:
        """Close the breaker and forget its failures."""
        self._do(lambda state: state.succeeded(breaker))

    def failed(
        self, breaker: str, rule: Rule, reason: str, after: float | None, probing: bool
    ) -> None:
        """Count a failure; open the breaker when it is one too many, or for `after` seconds."""
        self._do(lambda state: state.failed(breaker, rule, reason, after, probing))

    def dropped(self, breaker: str) -> None:
        """The probe was not made: let another call be it."""
        self._do(lambda state: state.dropped(breaker))

    def breakers(self) -> list[Breaker]:
        """Every breaker that is not closed."""
        found: list[Breaker] = self._do(lambda state: state.breakers())
        return found
