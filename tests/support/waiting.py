"""Waiting for a condition, never for luck."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_SECONDS = 0.02


def wait_until(condition: Callable[[], object], timeout: float, what: str = "it") -> float:
    """Wait until the condition is true; returns the seconds it took, fails after `timeout`."""
    started = time.monotonic()
    while True:
        if condition():
            return time.monotonic() - started
        waited = time.monotonic() - started
        assert waited < timeout, f"{what} did not happen within {timeout} s"
        time.sleep(POLL_SECONDS)
