"""What Prometheus may read of this hub. Counters of several processes are added up on disk."""

from __future__ import annotations

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
