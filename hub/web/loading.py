"""Modules that put themselves into the site: every one of a package is imported, none is listed."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module
from types import ModuleType


def import_all(package: str, path: Iterable[str]) -> list[ModuleType]:
    """Import every module right inside a package, by name, and return them."""
    names = sorted(found.name for found in pkgutil.iter_modules(path))
    return [import_module(f"{package}.{name}") for name in names]
