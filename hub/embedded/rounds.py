"""Senders with many requests are served by one thread that reads all of them and commits once.

A thread per sender, each waiting for the commit that they share, costs more in changes of threads
than all the work does. In a round every request that is there is read and judged in turn, up to
its commit; then the first of them commits for all, and each is answered. A request runs on a
greenlet, so that it can stop in the middle.

Only what needs no waiting is served here: a request that is long, not whole within a moment or none
for the gateway goes to a thread, as does a connection that has been silent for a moment.
"""

from __future__ import annotations

import logging
import os
import re
import selectors
import socket
import struct
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final

from greenlet import getcurrent, greenlet

from hub.gateway.door import PREFIX
from hub.store.inbox import here

#: How long a connection that says nothing, or not all of it, keeps its place.
STAY_SECONDS: Final = 1.0
#: Longer than this nobody's request may take before its commit.
SLOW_SECONDS: Final = 0.1
#: A request that is longer is read by a thread.
PIECE: Final = 64 * 1024
START: Final = f"POST {PREFIX}".encode()
#: What a body's length is told by; a request with anything else is a thread's to judge.
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r", re.IGNORECASE)
_OTHER_LENGTH = re.compile(rb"\ntransfer-encoding|\nexpect", re.IGNORECASE)
#: No more than this is waited for a sender: one that does not read its answers is hung up on.
_PATIENCE = struct.pack("ll", 0, 200_000)
_FOREVER = struct.pack("ll", 0, 0)
log = logging.getLogger("hub.gateway")

#: Answers the connection's request as gunicorn does: True when it may be asked again.
Serve = Callable[[Any], Any]
#: Takes a connection back, with what came of its last request.
GiveBack = Callable[[Any, "Future[Any]"], None]


class Round:
    """The connections of one process whose requests share commits, and their thread."""

    def __init__(self, serve: Serve, give_back: GiveBack) -> None:
        self._serve, self._give_back = serve, give_back
        self._lock = threading.Lock()
        self._is_open = True
        self._new: deque[Any] = deque()
        #: By descriptor, who was served last at the end; and until when each may be silent.
        self._seated: OrderedDict[int, tuple[Any, float]] = OrderedDict()
        self._poller = selectors.DefaultSelector()
        self._bell, self._ringing = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._ringing, False)
        self._poller.register(self._bell, selectors.EVENT_READ)
        threading.Thread(target=self._run, daemon=True, name="round").start()

    def take(self, connection: Any) -> bool:
        """Serve this connection's next requests. False when the round is over."""
        with self._lock:
            if not self._is_open:
                return False
            self._new.append(connection)
        self._ring()
        return True

    def close(self) -> None:
        """Give all connections back, each after its request."""
        with self._lock:
            self._is_open = False
        self._ring()

    def _ring(self) -> None:
        # A full pipe rings already.
        with suppress(BlockingIOError):
            os.write(self._ringing, b".")

    def _run(self) -> None:
        here.others_first = getcurrent().switch
        try:
            while self._is_open or self._new or self._seated:
                self._go_round([key.fd for key, _ in self._poller.select(self._rest())])
                self._dismiss()
        finally:
            # Should this thread die of a bug, gunicorn's own go on without it.
            self.close()
            self._seat()
            self._dismiss()

    def _rest(self) -> float | None:
        """How long nobody's time runs out, in seconds; None for ever."""
        if not self._seated:
            return None
        return max(0.0, next(iter(self._seated.values()))[1] - time.monotonic())

    def _go_round(self, ready: list[int]) -> None:
        """Serve who is ready: each up to its commit, then all to their ends."""
        started, standing = time.monotonic(), deque[greenlet]()
        try:
            for descriptor in ready:
                if time.monotonic() - started > SLOW_SECONDS and descriptor != self._bell:
                    # Somebody was waited for after all. Threads wait side by side.
                    self._leave(descriptor, True)
                elif work := self._begin(descriptor):
                    standing.append(work)
        except Exception:
            log.exception("a round was not finished")
        # Whatever happens: what stands in the inbox's queue may be its next leader.
        while standing:
            standing[0].switch()
            if standing[0].dead:
                standing.popleft()

    def _begin(self, descriptor: int) -> greenlet | None:
        """Serve a connection's request up to its commit; the greenlet that waits for that."""
        if descriptor == self._bell:
            self._seat()
            return None
        connection, _ = self._seated[descriptor]
        try:
            data = connection.sock.recv(PIECE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        buffer = connection.parser.unreader.buf
        buffer.seek(0, os.SEEK_END)
        buffer.write(data)
        said = buffer.getvalue()
        request = whole_request(said) if data else None
        if request is None:
            # Who hung up in the middle of a request is told so, by a thread.
            self._leave(descriptor, bool(said))
        if not request:
            return None
        work = greenlet(self._answer)
        work.switch(descriptor, connection)
        return None if work.dead else work

    def _answer(self, descriptor: int, connection: Any) -> None:
        here.has_shared = False
        try:
            outcome = self._serve(connection)
        except BaseException:
            # As in a pool's thread: what ends one request ends no other.
            log.exception("a connection could not be served")
            outcome = False
        # What stored nothing may have been slow: a thread's, until it stores again.
        if outcome is not True or not here.has_shared or is_ahead(connection):
            self._leave(descriptor, outcome)
        else:
            self._sit(descriptor, connection)

    def _sit(self, descriptor: int, connection: Any) -> None:
        self._seated[descriptor] = (connection, time.monotonic() + STAY_SECONDS)
        self._seated.move_to_end(descriptor)

    def _seat(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._bell, PIECE)
        while self._new:
            connection = self._new.popleft()
            descriptor = connection.sock.fileno()
            self._be_patient(connection, _PATIENCE)
            self._sit(descriptor, connection)
            try:
                self._poller.register(descriptor, selectors.EVENT_READ)
            except (OSError, ValueError):
                self._leave(descriptor, True)

    def _dismiss(self) -> None:
        """Whose time is over goes; everybody does when the round is."""
        now = time.monotonic()
        while self._seated:
            descriptor, (_, until) = next(iter(self._seated.items()))
            if self._is_open and until > now:
                return
            self._leave(descriptor, True)

    def _leave(self, descriptor: int, outcome: Any) -> None:
        connection, _ = self._seated.pop(descriptor)
        # Closed already: then nothing is watched under this number.
        with suppress(OSError, ValueError, KeyError):
            self._poller.unregister(descriptor)
        self._be_patient(connection, _FOREVER)
        done: Future[Any] = Future()
        done.set_result(outcome)
        self._give_back(connection, done)

    @staticmethod
    def _be_patient(connection: Any, span: bytes) -> None:
        with suppress(OSError):
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, span)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, span)


def is_ahead(connection: Any) -> bool:
    """Whether more than the last request was read: no socket would tell of that."""
    return bool(connection.parser.unreader.buf.getvalue())


def whole_request(data: bytes) -> bool | None:
    """Whether this is a request for the gateway with all of its body, so that reading it waits for
    nobody. False while more of it must come; None for what a thread should read."""
    if not data.startswith(START[: len(data)]):
        return None
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None if len(data) >= PIECE else False
    lengths = _LENGTH.findall(data, 0, end + 1)
    if len(lengths) != 1 or int(lengths[0]) > PIECE or _OTHER_LENGTH.search(data, 0, end):
        return None
    return len(data) - end - 4 >= int(lengths[0])
