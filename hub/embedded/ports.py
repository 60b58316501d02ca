"""Is the port free, and if not: whose is it?"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from hub.sdk.errors import ConfigError

#: A hub killed a moment ago needs this long until its last process lets the port go.
PATIENCE_SECONDS = 3.0
_LISTENING = "0A"


def require_free(host: str, port: int, patience: float = PATIENCE_SECONDS) -> None:
    """ConfigError, with the process that has it, unless the port can be listened on."""
    until = time.monotonic() + patience
    while (trouble := _trouble(host, port)) is not None:
        if time.monotonic() >= until:
            raise ConfigError(_words(host, port, trouble), place="HUB_PORT")
        time.sleep(0.1)


def _trouble(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ConfigError(f"«{host}»: {error.strerror or error}", place="HUB_HOST") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            return error
    return None


def _words(host: str, port: int, trouble: OSError) -> str:
    if isinstance(trouble, PermissionError):
        return (
            f"нет права слушать порт {port}: задайте HUB_PORT больше 1023 · "
            f"no right to listen on port {port}; set HUB_PORT above 1023"
        )
    who = owner_of(port)
    by_ru, by_en = (f" процессом {who}", f" by {who}") if who else ("", "")
    return (
        f"порт {port} на {host} занят{by_ru}: задайте HUB_PORT · "
        f"port {port} on {host} is taken{by_en}; set HUB_PORT"
    )


def owner_of(port: int) -> str:
    """The process that listens on this port, «pid (command)»; empty when it can't be known."""
    sockets = _listening_sockets(port)
    if not sockets:
        return ""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and sockets & _sockets_of(folder):
            return f"{folder.name} ({_command_of(folder)})"
    return ""


def _listening_sockets(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            cells = row.split()
            if cells[3] == _LISTENING and int(cells[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{cells[9]}]")
    return found


def _sockets_of(folder: Path) -> set[str]:
    """What a process has open; a process of another user, or one that just ended, has nothing."""
    try:
        links = list((folder / "fd").iterdir())
    except OSError:
        return set()
    found = set()
    for link in links:
        with suppress(OSError):  # closed meanwhile
            found.add(os.readlink(link))
    return found


def _command_of(folder: Path) -> str:
    try:
        words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return "?"
    return " ".join(word for word in words if word)[:80]
