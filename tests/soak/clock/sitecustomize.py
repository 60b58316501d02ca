"""Python reads this at the start of every process of a soak's hub (its folder is on PYTHONPATH):
the hub's clock is then as far off the true one as the file SOAK_CLOCK says, in seconds.

libfaketime 0.9.10 was tried first: with Python 3.11 either `time.sleep` fails (EINVAL) or waits on
the monotonic clock hang.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import ModuleType

#: Where the hub reads its clock.
CLOCK_MODULE = "hub.store.database"
_FILE = os.environ.get("SOAK_CLOCK", "")
_true_time = time.time


def offset() -> float:
    """How far the clock is off now, in seconds."""
    try:
        with open(_FILE, encoding="ascii") as file:
            return float(file.read() or 0)
    except (OSError, ValueError):
        return 0.0


class _Loader(importlib.abc.Loader):
    """Loads the module as usual, then puts the false clock in."""

    def __init__(self, real: importlib.abc.Loader) -> None:
        self._real = real

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        module.__dict__["utc_now"] = lambda: datetime.now(UTC) + timedelta(seconds=offset())


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the one module whose clock is false."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != CLOCK_MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


if _FILE:
    time.time = lambda: _true_time() + offset()
    sys.meta_path.insert(0, _Finder())
