"""One hub per HUB_HOME: the lock, and the folders a running hub writes to."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.sdk.errors import ConfigError

LOCK = "hub.lock"
MAX_LOG_BYTES = 10 * 1024 * 1024


@contextmanager
def locked(home: Path) -> Iterator[int]:
    """Hold this HUB_HOME by the open file it gives. ConfigError names the process when a hub runs
    there already."""
    home.mkdir(parents=True, exist_ok=True)
    handle = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = os.read(handle, 32).decode("ascii", "replace").strip()
            raise ConfigError(
                f"узел уже запущен в {home} (процесс {pid or '?'}): остановите его или задайте "
                f"другой HUB_HOME · a hub is running there already (process {pid or '?'}); stop "
                "it or set another HUB_HOME",
                place="HUB_HOME",
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield handle
    finally:
        os.close(handle)


def is_running(home: Path) -> bool:
    """Whether a hub holds this HUB_HOME."""
    try:
        handle = os.open(home / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def log_file(home: Path, name: str) -> Path:
    """Where a child's output goes; a log that grew large is set aside as `.1`."""
    folder = home / "log"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log, for an error message."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
