"""What Prometheus may read of this hub. Counters of several processes are added up on disk."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from prometheus_client import Counter, Histogram

REQUESTS = Counter(
    "uzel_requests_total", "Requests to the gateway by outcome", ["connection", "outcome"]
)
ACCEPT_SECONDS = Histogram(
    "uzel_accept_seconds",
    "Time from the request to the durable answer",
    ["connector"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)


@lru_cache(maxsize=4096)
def requests_of(connection: str, outcome: str) -> Any:
    """The counter of a connection's requests with this outcome; looked up once, not per request."""
    return REQUESTS.labels(connection, outcome)


@lru_cache(maxsize=256)
def accept_seconds_of(connector: str) -> Any:
    """The histogram of a connector's accepts."""
    return ACCEPT_SECONDS.labels(connector)
