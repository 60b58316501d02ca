"""The time limit of a whole exchange. A read timeout starts anew with every byte, so a server
that drips one byte a second would hold its caller for ever; a deadline shuts the socket."""

from __future__ import annotations

import socket
import threading
import time
import weakref
from contextlib import suppress


class Deadline:
    """Cuts the socket of one exchange when its time is up; `struck` says that it did."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.at = time.monotonic() + seconds
        self.struck = False
        self._lock = threading.Lock()
        self._sockets: list[weakref.ref[socket.socket]] = []
        self._over = False
        WATCHDOG.add(self)

    def watch(self, sock: socket.socket) -> None:
        """Cut this socket too when the time is up."""
        with self._lock:
            if not self._over:
                self._sockets.append(weakref.ref(sock))

    def cancel(self) -> None:
        """The exchange has ended: its socket may serve another one."""
        with self._lock:
            self._over = True
            self._sockets.clear()
        WATCHDOG.forget(self)

    def strike(self) -> None:
        """End the exchange: whoever reads from its socket finds it closed at once."""
        with self._lock:
            if self._over:
                return
            self.struck = self._over = True
            for reference in self._sockets:
                sock = reference()
                if sock is not None:
                    with suppress(OSError):
                        # Not SSLSocket's own, which takes the TLS state from under the reader.
                        socket.socket.shutdown(sock, socket.SHUT_RDWR)
            self._sockets.clear()


class Watchdog:
    """One thread for all deadlines of the process; it sleeps until the next one is due."""

    IDLE_SECONDS = 30.0

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: set[Deadline] = set()
        self._thread: threading.Thread | None = None
        self._wakes_at = 0.0

    def add(self, deadline: Deadline) -> None:
        """Strike this deadline when its time has come, unless it is forgotten before."""
        with self._changed:
            self._open.add(deadline)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, daemon=True, name="deadlines")
                self._thread.start()
            elif deadline.at < self._wakes_at:
                self._changed.notify()

    def forget(self, deadline: Deadline) -> None:
        """The exchange ended in time."""
        with self._changed:
            self._open.discard(deadline)

    def _run(self) -> None:
        idle_since = time.monotonic()
        while True:
            with self._changed:
                now = time.monotonic()
                due = [deadline for deadline in self._open if deadline.at <= now]
                self._open.difference_update(due)
                if self._open or due:
                    idle_since = now
                elif now - idle_since >= self.IDLE_SECONDS:
                    self._thread = None
                    return
                if not due:
                    ends = [deadline.at for deadline in self._open]
                    self._wakes_at = min(ends, default=idle_since + self.IDLE_SECONDS)
                    self._changed.wait(max(0.0, self._wakes_at - now))
            for deadline in due:
                deadline.strike()


WATCHDOG = Watchdog()
