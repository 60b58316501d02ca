"""The one load client for every peer, in a process of its own: `load.py ORDER.json`.

It reads an order, prints «started» when the first request goes out, and prints its report as one
line of JSON at the end. Times are of the machine's monotonic clock, in seconds.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.peers import event, job

ANSWER_SECONDS = 10.0
LOOK_SECONDS = 0.001
SEEN_SECONDS = 10.0


@dataclass
class Order:
    """What to send: `rate` a second (0: as fast as the connections allow) for `seconds`."""

    port: int
    path: str
    first: int
    seconds: float
    rate: float
    connections: int = 32
    #: Where to look for the rows; empty: do not look. {ids} stands for the ids waited for.
    database: str = ""
    seen_sql: str = ""


@dataclass
class Sent:
    """What became of it. `acknowledged` maps an event's number to when its 2xx was read."""

    sent: dict[int, float] = field(default_factory=dict)
    acknowledged: dict[int, float] = field(default_factory=dict)
    failed: int = 0
    statuses: dict[int, int] = field(default_factory=dict)


class Slot:
    """One connection with at most one request on its way."""

    def __init__(self, port: int) -> None:
        self.port, self.number, self.buffer, self.until = port, -1, b"", 0.0
        self.socket: socket.socket | None = None

    def send(self, number: int, content: bytes, poll: select.epoll) -> bool:
        """Send a request, over a new connection if need be; False when nobody listens."""
        try:
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                poll.register(self.socket, select.EPOLLIN)
            self.socket.sendall(content)
        except OSError:
            self.close(poll)
            return False
        self.number, self.buffer, self.until = number, b"", time.monotonic() + ANSWER_SECONDS
        return True

    def read(self) -> int | None:
        """The status once the whole answer is here; 0 when the connection is gone."""
        assert self.socket is not None
        try:
            content = self.socket.recv(65_536)
        except OSError:
            return 0
        if not content:
            return 0
        self.buffer += content
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        lines = head.lower().split(b"\r\n")
        length = next((line[15:] for line in lines if line.startswith(b"content-length:")), None)
        if length is not None:
            whole = len(rest) >= int(length)
        elif any(line.startswith(b"transfer-encoding:") for line in lines):
            whole = rest.endswith(b"0\r\n\r\n")
        else:
            whole = True
        return int(head[9:12]) if whole else None

    def close(self, poll: select.epoll) -> None:
        """Forget the connection; the next request makes a new one."""
        if self.socket is not None:
            with suppress(OSError):
                poll.unregister(self.socket)
            self.socket.close()
            self.socket = None


class Pump:
    """Keeps an order's schedule over its connections; a free one used last is used first."""

    def __init__(self, order: Order) -> None:
        self.order, self.sent = order, Sent()
        self.poll = select.epoll()
        self.free = [Slot(order.port) for _ in range(order.connections)]
        self.busy: dict[int, Slot] = {}
        self.host = f"127.0.0.1:{order.port}"

    def run(self) -> None:
        """Send everything that is due, read every answer."""
        started, number = time.monotonic(), 0
        while True:
            now = time.monotonic()
            elapsed = now - started
            due = elapsed * self.order.rate if self.order.rate else float("inf")
            if elapsed >= self.order.seconds:
                due = 0.0
                if not self.busy:
                    return
            while self.free and number < due:
                self._send(self.order.first + number)
                number += 1
            self._answers(0.001 if self.order.rate else 0.05)
            self._give_up(now)

    def _send(self, number: int) -> None:
        slot = self.free.pop()
        self.sent.sent[number] = time.monotonic()
        if slot.send(number, event.request(self.host, self.order.path, number), self.poll):
            assert slot.socket is not None
            self.busy[slot.socket.fileno()] = slot
        else:
            self.sent.failed += 1
            self.free.append(slot)
            if not self.order.rate:
                time.sleep(0.01)  # nobody listens: do not spin

    def _answers(self, seconds: float) -> None:
        for handle, _ in self.poll.poll(seconds):
            slot = self.busy.get(handle)
            if slot is None:
                self._drop_idle(handle)
                continue
            status = slot.read()
            if status is not None:
                self._done(handle, slot, status)

    def _drop_idle(self, handle: int) -> None:
        """A server closed a connection that waited for work."""
        for slot in self.free:
            if slot.socket is not None and slot.socket.fileno() == handle:
                slot.close(self.poll)

    def _done(self, handle: int, slot: Slot, status: int) -> None:
        del self.busy[handle]
        if 200 <= status < 300:
            self.sent.acknowledged[slot.number] = time.monotonic()
        else:
            self.sent.failed += 1
        self.sent.statuses[status] = self.sent.statuses.get(status, 0) + 1
        if status == 0 or b"connection: close" in slot.buffer.lower():
            slot.close(self.poll)
        self.free.append(slot)

    def _give_up(self, now: float) -> None:
        for handle, slot in list(self.busy.items()):
            if now > slot.until:
                slot.close(self.poll)
                self._done(handle, slot, 0)


class Watcher(threading.Thread):
    """Looks for the row of every event sent, as a person's page would, and notes when it is there.

    `seen` maps an event's number to when its row was first read.
    """

    def __init__(self, order: Order, sent: Sent) -> None:
        super().__init__(daemon=True)
        self.order, self.sent = order, sent
        self.seen: dict[int, float] = {}
        self.over = False

    def run(self) -> None:
        """Look until everything sent is seen, or for SEEN_SECONDS after the last request."""
        database = job.connect(self.order.database)
        until = float("inf")
        while time.monotonic() < until:
            if self.over and until == float("inf"):
                until = time.monotonic() + SEEN_SECONDS
            missing = [number for number in list(self.sent.sent) if number not in self.seen]
            if missing:
                for number in self._look(database, missing):
                    self.seen[number] = time.monotonic()
            elif self.over:
                break
            time.sleep(LOOK_SECONDS)
        database.close()

    def _look(self, database: Any, missing: list[int]) -> Iterable[int]:
        wanted = ", ".join(f"'{event.external_id(number)}'" for number in missing[:200])
        rows = database.execute(self.order.seen_sql.replace("{ids}", wanted)).fetchall()
        return [int(str(row[0]).rpartition("-")[2]) for row in rows]


def main(path: str) -> None:
    """Do the order in this file."""
    order = Order(**json.loads(Path(path).read_text(encoding="utf-8")))
    pump = Pump(order)
    watcher = Watcher(order, pump.sent) if order.database else None
    if watcher is not None:
        watcher.start()
    print("started", flush=True)
    started = time.monotonic()
    pump.run()
    ended = time.monotonic()
    seen: dict[int, float] = {}
    if watcher is not None:
        watcher.over = True
        watcher.join()
        seen = watcher.seen
    sent = pump.sent
    latencies = [(sent.sent[number], seen.get(number)) for number in sent.acknowledged]
    report = {
        "sent": len(sent.sent),
        "acknowledged": sorted(sent.acknowledged),
        "failed": sent.failed,
        "statuses": sent.statuses,
        "started": started,
        "ended": ended,
        "answer_ms": [1000 * (at - sent.sent[number]) for number, at in sent.acknowledged.items()],
        "visible_ms": [1000 * (at - begun) for begun, at in latencies if at is not None],
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
