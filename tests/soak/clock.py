"""A graft: the hub's clock is as far off the true one as the file SOAK_CLOCK says, in seconds.

libfaketime 0.9.10 was tried first: with Python 3.11 either `time.sleep` fails (EINVAL) or waits on
the monotonic clock hang.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from types import ModuleType

_FILE = os.environ.get("SOAK_CLOCK", "")


def offset() -> float:
    """How far the clock is off now, in seconds."""
    try:
        with open(_FILE, encoding="ascii") as file:
            return float(file.read() or 0)
    except (OSError, ValueError):
        return 0.0


def graft(module: ModuleType) -> None:
    """Put the false clock into hub.store.database, where the hub reads it, and into `time`."""
    true_time = time.time
    time.time = lambda: true_time() + offset()
    module.__dict__["utc_now"] = lambda: datetime.now(UTC) + timedelta(seconds=offset())
