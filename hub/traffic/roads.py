"""What each connection gets to ask before its calls, and what pages and commands show of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from redis import Redis

from hub.sdk.errors import NotCalled
from hub.sdk.manifest import Manifest
from hub.sdk.traffic import Traffic, Urgency
from hub.settings import Settings
from hub.traffic.model import Ask, Breaker, Limit, Rules, State, limit_of
from hub.traffic.shared import SafeState, SharedState

#: What a probe may take longer than the call's own limit before another one is let through.
MARGIN_SECONDS = 5.0


@dataclass(frozen=True)
class Road:
    """The calls of one connection: its own limits, its breaker per host. See `sdk.traffic`."""

    state: State
    rules: Rules
    connection_id: int
    own: Limit | None
    groups: Mapping[str, Limit]
    urgency: Urgency = Urgency.LIVE
    sleep: Callable[[float], None] = time.sleep

    def at(self, urgency: Urgency) -> Traffic:
        """The same connection's calls at another urgency."""
        return replace(self, urgency=urgency)

    def shown(self) -> dict[str, str]:
        """Its own limits in words of figures: «10/s, burst 10»."""
        found = {} if self.own is None else {"all": self.own}
        return {
            name: f"{limit.rate:g}/s, burst {limit.burst}"
            for name, limit in {**found, **self.groups}.items()
        }

    def enter(self, host: str, group: str, seconds: float) -> Leave:
        """Leave for one call; waits a bounded time for its turn, else NotCalled."""
        host = host.lower()
        found = (self.own, self.groups.get(group), self.rules.host_limit(host))
        limits = tuple(limit for limit in found if limit is not None)
        key = f"{self.connection_id}:{host}"
        ask = Ask(key, limits, self.urgency, self.rules.live_share, seconds + MARGIN_SECONDS)
        patience = self.rules.wait(self.urgency)
        while True:
            verdict = self.state.enter(ask)
            if verdict.kind == "go":
                return Leave(self, key, verdict.troubled, verdict.probing)
            if verdict.kind == "open":
                at = datetime.now(UTC) + timedelta(seconds=verdict.wait)
                raise NotCalled(
                    f"{host} is not called before {at:%H:%M:%S} UTC: {verdict.reason}",
                    after=verdict.wait,
                )
            if verdict.wait > patience:
                raise NotCalled(
                    f"{host} may be called again in {max(1, round(verdict.wait))} s: "
                    "the limit of requests is used up",
                    after=verdict.wait,
                )
            patience -= verdict.wait
            self.sleep(verdict.wait)


@dataclass(frozen=True)
class Leave:
    """Leave for one call; see `sdk.traffic.Passage`."""

    road: Road
    breaker: str
    troubled: bool
    probing: bool

    def succeeded(self) -> None:
        """Closes the breaker; where nothing was wrong there is nothing to tell."""
        if self.troubled:
            self.road.state.succeeded(self.breaker)

    def failed(self, reason: str, after: float | None = None) -> None:
        """Counts, and opens the breaker when it is one too many."""
        self.road.state.failed(self.breaker, self.road.rules.breaker, reason, after, self.probing)

    def dropped(self) -> None:
        """Lets another call be the probe."""
        if self.probing:
            self.road.state.dropped(self.breaker)


@lru_cache(maxsize=8)
def _state(url: str) -> State:
    return SafeState(SharedState(Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)))


def road_for(
    settings: Settings, manifest: Manifest, connection_id: int, own: Mapping[str, Any]
) -> Road:
    """A connection's road. Limits: the manifest's, hub.yml's for its connector, its `own`."""
    rules = Rules.of(settings)
    layers = (manifest.limits, rules.connectors.get(manifest.name, {}), own)
    groups = {}
    for name in manifest.limits.get("groups", {}):
        said = [(layer.get("groups") or {}).get(name, {}) for layer in layers]
        if limit := limit_of(f"{connection_id}:{name}", *said):
            groups[name] = limit
    whole = limit_of(str(connection_id), *layers)
    return Road(_state(settings.queue_url), rules, connection_id, whole, groups)


def breakers(settings: Settings) -> dict[int, list[Breaker]]:
    """The breakers that are not closed, by connection."""
    found: dict[int, list[Breaker]] = {}
    for breaker in _state(settings.queue_url).breakers():
        found.setdefault(breaker.connection_id, []).append(breaker)
    return found
