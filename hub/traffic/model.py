"""The words of outgoing traffic: limits, breakers, and the answer to «may I call now?»."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from hub.sdk.traffic import Urgency
from hub.settings import Settings


@dataclass(frozen=True)
class Limit:
    """A token bucket: `rate` requests a second, at most `burst` at once, named by `key`."""

    key: str
    rate: float
    burst: int

    def reserve(self, share: float) -> float:
        """The tokens that bulk calls leave to live ones; a bucket of one has none to leave."""
        return min(self.burst * share, self.burst - 1.0)


@dataclass(frozen=True)
class Rule:
    """When a breaker opens and for how long; times in seconds.

    `failures` in a row within `window` open it for `rest`, twice as long each time the probe
    fails, at most `longest`.
    """

    failures: int = 5
    window: float = 60
    rest: float = 30
    longest: float = 600


@dataclass(frozen=True)
class Ask:
    """The question of one call. `hold` is how long its probe may keep others waiting, seconds."""

    breaker: str
    limits: tuple[Limit, ...]
    urgency: Urgency
    share: float
    hold: float


@dataclass(frozen=True)
class Verdict:
    """go, full (a limit is used up) or open (the breaker); `wait` in seconds.

    `troubled`: failures are remembered, a success must wipe them. `probing`: this call is the
    one that finds out whether the host is back.
    """

    kind: str
    wait: float = 0.0
    reason: str = ""
    troubled: bool = False
    probing: bool = False


@dataclass(frozen=True)
class Breaker:
    """A breaker that is not closed, as pages show it. `state`: open | half_open."""

    connection_id: int
    host: str
    state: str
    failures: int
    reason: str
    opened_at: datetime
    next_probe_at: datetime

    def as_row(self) -> dict[str, Any]:
        """For the API and `--json`: everything but the connection, which it is shown with."""
        return {name: value for name, value in asdict(self).items() if name != "connection_id"}


class State(Protocol):
    """Where buckets and breakers are kept. Each method is one step that nobody can split."""

    def enter(self, ask: Ask) -> Verdict:
        """Take a token of every limit, or none, when the breaker lets calls through."""

    def succeeded(self, breaker: str) -> None:
        """Close the breaker and forget its failures."""

    def failed(
        self, breaker: str, rule: Rule, reason: str, after: float | None, probing: bool
    ) -> None:
        """Count a failure; open the breaker when it is one too many, or for `after` seconds."""

    def dropped(self, breaker: str) -> None:
        """The probe was not made: let another call be it."""

    def breakers(self) -> list[Breaker]:
        """Every breaker that is not closed."""


@dataclass(frozen=True)
class Rules:
    """The `http` part of hub.yml."""

    breaker: Rule
    live_share: float
    live_wait: float
    bulk_wait: float
    hosts: Mapping[str, Mapping[str, Any]]
    connectors: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """The rules of this hub."""
        option = settings.option
        return cls(
            Rule(
                int(option("http.breaker.failures", Rule.failures)),
                float(option("http.breaker.window_seconds", Rule.window)),
                float(option("http.breaker.open_seconds", Rule.rest)),
                float(option("http.breaker.longest_seconds", Rule.longest)),
            ),
            min(1.0, max(0.0, float(option("http.live_share", 0.25)))),
            float(option("http.wait_seconds.live", 2)),
            float(option("http.wait_seconds.bulk", 30)),
            option("http.hosts", {}),
            option("http.connectors", {}),
        )

    def host_limit(self, host: str) -> Limit | None:
        """The limit of all calls to a host, named in hub.yml with its port or without."""
        for name in (host, host.rpartition(":")[0] or host):
            if name in self.hosts:
                return limit_of(f"host:{name}", self.hosts[name])
        return None

    def wait(self, urgency: Urgency) -> float:
        """How long a call of this urgency may wait for its turn, in seconds."""
        return self.bulk_wait if urgency is Urgency.BULK else self.live_wait


def limit_of(key: str, *layers: Mapping[str, Any]) -> Limit | None:
    """The limit that these layers say, later ones first; None when none names a rate."""
    said: dict[str, Any] = {}
    for layer in layers:
        said.update({name: value for name, value in layer.items() if value is not None})
    if not said.get("requests_per_second"):
        return None
    rate = float(said["requests_per_second"])
    return Limit(key, rate, max(1, int(said.get("burst") or round(rate))))
