"""The site's port: taken by the supervisor, so that it stays open while its servers change."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

from hub.sdk.errors import ConfigError

#: A hub killed a moment ago needs this long until its last process lets the port go.
PATIENCE_SECONDS = 3.0
#: Connections that may wait while the servers behind the port are replaced.
BACKLOG = 2048
ACCEPTED_SECONDS = 0.2
SO_ATTACH_FILTER = 26
#: Socket filter over a TCP packet: drop what begins a connection (SYN without ACK), pass the rest.
NO_NEW_CONNECTIONS = (
    (0x30, 0, 0, 13),  # the byte with the flags
    (0x54, 0, 0, 0x12),  # only SYN and ACK of it
    (0x15, 0, 1, 0x02),  # SYN alone? else skip the next
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0xFFFFFFFF),
)
_LISTENING = "0A"


def listen(host: str, port: int, patience: float = PATIENCE_SECONDS) -> socket.socket:
    """Listen on the port; ConfigError, with the process that has it, when it is taken."""
    until = time.monotonic() + patience
    while True:
        try:
            return _listen(host, port)
        except OSError as error:
            if time.monotonic() >= until:
                raise ConfigError(_words(host, port, error), place="HUB_PORT") from error
        time.sleep(0.1)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ConfigError(f"«{host}»: {error.strerror or error}", place="HUB_HOST") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def turn_away(listener: socket.socket) -> None:
    """Let no new connection begin, give those that have begun time to be accepted, and close.

    Closing at once would reset connections whose request nobody has read. A sender whose first
    packet goes unanswered sends it again a second later and is refused then. Linux only.
    """
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(
            b"".join(struct.pack("HBBI", *instruction) for instruction in NO_NEW_CONNECTIONS)
        )
        length = len(NO_NEW_CONNECTIONS)
        listener.setsockopt(
            socket.SOL_SOCKET,
            SO_ATTACH_FILTER,
            struct.pack("HP", length, ctypes.addressof(program)),
        )
        time.sleep(ACCEPTED_SECONDS)
    listener.close()


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
