"""A connection's socket under gunicorn that sends an answer's head together with its body.

gunicorn writes them one after the other: two system calls, two packets, and a client that is woken
twice.
"""

from __future__ import annotations

import socket
from typing import Any


class OnePiece:
    """The socket, but for what is written: a head waits for what follows it, or for `flush`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._head = b""
        self.recv, self.fileno, self.setblocking = sock.recv, sock.fileno, sock.setblocking

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        """Send it, after the head that waits; a head itself waits."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/"):
            self._head = data
            return
        self._sock.sendall(data)

    def sendfile(self, *args: Any, **options: Any) -> int:
        """As a socket does, after the head."""
        self.flush()
        return self._sock.sendfile(*args, **options)

    def flush(self) -> None:
        """Send the head of an answer that has no body."""
        if self._head:
            head, self._head = self._head, b""
            self._sock.sendall(head)
