"""A client for machines without wrk: plain sockets, a thread a connection, in its own process.

It takes more of the machine than wrk does, so it limits what it measures. Run as
`python -m tests.bench.plain_sender HOST PORT SECONDS CONNECTIONS PATH SIGNATURES FIRST BODY`.
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
import threading
import time
from pathlib import Path


class Sender:
    """Sends signed requests until the time is over."""

    def __init__(self, arguments: list[str]) -> None:
        host, port, seconds, connections, path, signatures, first, body = arguments
        self._address = (host, int(port))
        self._seconds, self._threads = float(seconds), int(connections)
        self._first, self._next = int(first), itertools.count(int(first))
        with Path(signatures).open("rb") as file:
            file.seek(self._first * 64)
            self._signatures = file.read()
        self._head, self._tail, _ = Path(body).read_bytes().split(b"\n")
        length = len(self._head) + 9 + len(self._tail)
        self._start = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"User-Agent: site-forms/1.0\r\nContent-Length: {length}\r\nX-Signature: sha256="
        ).encode()
        self._until = 0.0
        self.took: list[float] = []
        self.refused = self.broken = 0

    def run(self) -> dict[str, float]:
        """Send; returns what wrk's script prints."""
        started = time.perf_counter()
        self._until = started + self._seconds
        threads = [threading.Thread(target=self._send_all) for _ in range(self._threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spent, took = time.perf_counter() - started, sorted(self.took) or [0.0]
        return {
            "requests": len(self.took),
            "refused": self.refused,
            "broken": self.broken,
            "seconds": spent,
            "p50_ms": took[len(took) // 2] * 1000,
            "p99_ms": took[len(took) * 99 // 100] * 1000,
        }

    def _send_all(self) -> None:
        with socket.create_connection(self._address, timeout=10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while time.perf_counter() < self._until:
                number = next(self._next)
                place = (number - self._first) * 64
                signature = self._signatures[place : place + 64]
                body = self._head + b"%09d" % number + self._tail
                started = time.perf_counter()
                connection.sendall(self._start + signature + b"\r\n\r\n" + body)
                answer = connection.recv(65536)
                if not answer:
                    self.broken += 1
                    return
                self.took.append(time.perf_counter() - started)
                self.refused += not answer.startswith(b"HTTP/1.1 2")


if __name__ == "__main__":
    print(json.dumps(Sender(sys.argv[1:]).run()))
