"""Python reads this at the start of every process that has this folder on PYTHONPATH.

GRAFTS is `MODULE=GRAFT,…`: once MODULE is imported, `GRAFT.graft(module)` may change it. So
tests put a false clock or a deadly parser into a hub's real processes; the hub needs no switch.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from types import ModuleType

GRAFTS = dict(pair.split("=") for pair in os.environ.get("GRAFTS", "").split(",") if pair)


class _Loader(importlib.abc.Loader):
    """Loads a module as usual, then has it changed."""

    def __init__(self, real: importlib.abc.Loader, graft: str) -> None:
        self._real, self._graft = real, graft

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        importlib.import_module(self._graft).graft(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules that are changed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in GRAFTS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, GRAFTS[fullname])
        return spec


if GRAFTS:
    sys.meta_path.insert(0, _Finder())
