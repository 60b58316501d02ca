"""Buckets and breakers of one process: for the time Redis is away, and for tools without it.

Written twice, here and in Lua (`shared`): one suite of tests holds both to the same behaviour.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from hub.sdk.traffic import Urgency
from hub.traffic.model import Ask, Breaker, Limit, Rule, Verdict

#: How long after its own wait a refused live call still goes before bulk ones, seconds.
LIVE_GRACE = 0.1
#: While a probe is under way others ask again after at most this many seconds.
PROBE_LOOK = 5.0


@dataclass
class _Bucket:
    tokens: float
    at: float
    live_until: float = 0.0


@dataclass
class _Record:
    failures: int = 0
    first: float = 0.0
    opens: int = 0
    opened: float = 0.0
    until: float | None = None
    probe: float = 0.0
    reason: str = ""
    expires: float = 0.0


class LocalState:
    """See `model.State`. `clock` gives seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._buckets: dict[str, _Bucket] = {}
        self._records: dict[str, _Record] = {}

    def enter(self, ask: Ask) -> Verdict:
        """Take a token of every limit, or none, when the breaker lets calls through."""
        with self._lock:
            now = self._clock()
            record = self._record(ask.breaker, now)
            is_open = record is not None and record.until is not None
            if record is not None and is_open and ask.urgency is not Urgency.PERSON:
                wait = max((record.until or 0) - now, min(record.probe - now, PROBE_LOOK))
                if wait > 0:
                    return Verdict("open", wait, record.reason)
            waits = [self._wait(limit, ask, now) for limit in ask.limits]
            if waits and max(waits) > 0:
                if ask.urgency is not Urgency.BULK:
                    for limit, wait in zip(ask.limits, waits, strict=True):
                        if wait > 0:
                            self._buckets[limit.key].live_until = now + wait + LIVE_GRACE
                return Verdict("full", max(waits))
            for limit in ask.limits:
                bucket = self._buckets[limit.key]
                bucket.tokens -= 1
                if ask.urgency is not Urgency.BULK:
                    bucket.live_until = 0.0
            if record is not None and is_open:
                record.probe = now + ask.hold
            return Verdict("go", troubled=record is not None, probing=is_open)

    def _wait(self, limit: Limit, ask: Ask, now: float) -> float:
        bucket = self._buckets.setdefault(limit.key, _Bucket(limit.burst, now))
        gained = max(0.0, now - bucket.at) * limit.rate
        bucket.tokens, bucket.at = min(limit.burst, bucket.tokens + gained), now
        is_bulk = ask.urgency is Urgency.BULK
        need = 1 + (limit.reserve(ask.share) if is_bulk else 0)
        # Whole milliseconds, as in Redis: a wait too small for the clock would never end.
        wait = max(0, math.ceil((need - bucket.tokens) * 1000 / limit.rate - 1e-3)) / 1000
        return max(wait, bucket.live_until - now) if is_bulk else wait

    def _record(self, key: str, now: float) -> _Record | None:
        record = self._records.get(key)
        if record is not None and record.expires <= now:
            del self._records[key]
            return None
        return record

    def succeeded(self, breaker: str) -> None:
        """Close the breaker and forget its failures."""
        with self._lock:
            self._records.pop(breaker, None)

    def failed(
        self, breaker: str, rule: Rule, reason: str, after: float | None, probing: bool
    ) -> None:
        """Count a failure; open the breaker when it is one too many, or for `after` seconds."""
        with self._lock:
            now = self._clock()
            record = self._record(breaker, now) or self._records.setdefault(breaker, _Record())
            if now - record.first > rule.window and record.until is None:
                record.failures, record.first = 0, now
            record.failures, record.reason = record.failures + 1, reason
            is_open = record.until is not None and not probing
            until = 0.0
            if after is not None:
                until = now + min(after, rule.longest)
            if not is_open and (probing or record.failures >= rule.failures):
                rest = min(rule.longest, rule.rest * 2**record.opens)
                record.opens += 1
                until = max(until, now + rest)
            if until:
                record.opened = record.opened or now
                record.until = max(until, record.until or 0)
            if probing:
                record.probe = 0.0
            record.expires = max(record.until or 0, now) + rule.window + rule.longest

    def dropped(self, breaker: str) -> None:
        """The probe was not made: let another call be it."""
        with self._lock:
            if record := self._records.get(breaker):
                record.probe = 0.0

    def breakers(self) -> list[Breaker]:
        """Every breaker that is not closed."""
        with self._lock:
            now = self._clock()
            found = []
            for key in list(self._records):
                record = self._record(key, now)
                if record is not None and record.until is not None:
                    found.append(
                        shown(key, record.failures, record.reason, record.opened, record.until, now)
                    )
        return found


def shown(key: str, failures: int, reason: str, opened: float, until: float, now: float) -> Breaker:
    """A breaker's record as pages show it; times in seconds since the epoch."""
    connection_id, _, host = key.partition(":")
    return Breaker(
        int(connection_id),
        host,
        "open" if until > now else "half_open",
        failures,
        reason,
        datetime.fromtimestamp(opened, UTC),
        datetime.fromtimestamp(until, UTC),
    )
