"""Wrong passwords of systems that log in, counted per address: who guesses must wait.

Counted in each process of the gateway for itself, and only where a password was wrong: the steps
of an exchange are no logins.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

MAX_FAILURES = 10
LOCK_SECONDS = 300.0
MAX_ADDRESSES = 10_000
_mutex = threading.Lock()
#: (connection, address) → how many wrong passwords in a row, and when the last one came.
_failures: OrderedDict[tuple[int, str], tuple[int, float]] = OrderedDict()


def failed(connection_id: int, address: str) -> None:
    """Count a wrong password."""
    key, now = (connection_id, address), time.monotonic()
    with _mutex:
        count, at = _failures.pop(key, (0, now))
        _failures[key] = (1 if now - at > LOCK_SECONDS else count + 1, now)
        while len(_failures) > MAX_ADDRESSES:
            _failures.popitem(last=False)


def is_locked(connection_id: int, address: str) -> bool:
    """Whether this address must wait before its password is looked at again."""
    with _mutex:
        count, at = _failures.get((connection_id, address), (0, 0.0))
    return count >= MAX_FAILURES and time.monotonic() - at < LOCK_SECONDS


def forget() -> None:
    """Forget every failure, for tests."""
    with _mutex:
        _failures.clear()
