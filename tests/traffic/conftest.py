"""Both states of outgoing traffic, on a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from redis import Redis

from hub.sdk.traffic import Urgency
from hub.traffic.local import LocalState
from hub.traffic.model import Ask, Limit, Rule, State, Verdict
from hub.traffic.shared import SharedState

KEY = "7:api.example:443"
RULE = Rule(failures=3, window=60, rest=30, longest=100)


@dataclass
class Clock:
    """Seconds since the epoch, moved by hand."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Box:
    """A state and what one asks it."""

    state: State
    clock: Clock

    def enter(
        self, *limits: Limit, urgency: Urgency = Urgency.LIVE, key: str = KEY, hold: float = 40
    ) -> Verdict:
        """May I call now?"""
        return self.state.enter(Ask(key, limits, urgency, 0.25, hold))

    def fail(self, times: int = 1, *, after: float | None = None, probing: bool = False) -> None:
        """The host fails."""
        for _ in range(times):
            self.state.failed(KEY, RULE, "api.example:443 cannot be reached", after, probing)

    def take(self, limit: Limit, urgency: Urgency = Urgency.LIVE) -> int:
        """How many calls go at once."""
        count = 0
        while self.enter(limit, urgency=urgency).kind == "go":
            count += 1
        return count


@pytest.fixture(params=["local", "redis"])
def box(request: pytest.FixtureRequest) -> Box:
    """The state in one process and the one in Redis."""
    clock = Clock()
    if request.param == "local":
        return Box(LocalState(clock), clock)
    redis = Redis.from_url(request.getfixturevalue("redis_url"))
    return Box(SharedState(redis, clock), clock)
