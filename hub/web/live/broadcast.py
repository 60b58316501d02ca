"""One thread writes to every open stream of a process: none of them holds a thread of its own."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from hub.web.live.wire import HEARTBEAT

HEARTBEAT_SECONDS: Final = 15.0
#: A reader that leaves this much lying is gone or will never keep up.
MAX_WAITING_BYTES: Final = 64 * 1024
#: After this the browser comes again and shows its session anew.
MAX_AGE_SECONDS: Final = 3600.0
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Stream:
    """One open stream: whose it is, since when, what is still to be written."""

    sock: socket.socket
    user_id: int
    #: The session's epoch and the role it was opened with.
    mark: tuple[int, str]
    waiting: bytearray
    opened: float = field(default_factory=time.monotonic)
    is_writing: bool = False


class Broadcaster:
    """Every stream of this process. Its methods may be called from any thread."""

    def __init__(self, limit: int, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        self.limit, self._heartbeat_seconds = limit, heartbeat_seconds
        self._streams: set[Stream] = set()
        self._asked: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._selector = selectors.DefaultSelector()
        self._waker, self._bell = socket.socketpair()
        self._bell.setblocking(False)
        self._waker.setblocking(False)

    @property
    def is_full(self) -> bool:
        """Whether this process has as many streams as it may."""
        return len(self._streams) >= self.limit

    def __len__(self) -> int:
        return len(self._streams)

    def marks(self) -> dict[int, set[tuple[int, str]]]:
        """The users who listen, with the marks of their sessions."""
        found: dict[int, set[tuple[int, str]]] = {}
        for stream in tuple(self._streams):
            found.setdefault(stream.user_id, set()).add(stream.mark)
        return found

    def join(self, sock: socket.socket, user_id: int, mark: tuple[int, str], first: bytes) -> None:
        """Take a stream in, with what is to be written first."""
        sock.setblocking(False)
        stream = Stream(sock, user_id, mark, bytearray(first))
        # Counted at once: whoever asks for the limit next must see it.
        self._streams.add(stream)
        self._ask(lambda: self._enter(stream))

    def send(self, message: bytes, users: Collection[int] | None = None) -> None:
        """Write to the streams of these users; None: to all."""
        self._ask(lambda: self._send(message, users))

    def part(self, is_over: Callable[[Stream], bool]) -> None:
        """Close the streams for which this holds."""

        def close() -> None:
            for stream in tuple(self._streams):
                if is_over(stream):
                    self._drop(stream)

        self._ask(close)

    # What follows runs in the thread.

    def _ask(self, work: Callable[[], None]) -> None:
        self._asked.append(work)
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._selector.register(self._bell, selectors.EVENT_READ)
                self._thread = threading.Thread(target=self._run, daemon=True, name="live")
                self._thread.start()
        with suppress(BlockingIOError):
            self._waker.send(b".")

    def _run(self) -> None:
        beat = time.monotonic() + self._heartbeat_seconds
        while True:
            now = time.monotonic()
            if now >= beat:
                beat = now + self._heartbeat_seconds
                self._beat(now)
            # Nobody listens: nothing to do until somebody comes.
            wait = beat - now if self._streams else None
            for key, mask in self._selector.select(wait):
                if key.fileobj is self._bell:
                    self._heed()
                elif isinstance(key.data, Stream):
                    self._serve(key.data, mask)

    def _heed(self) -> None:
        with suppress(BlockingIOError):
            self._bell.recv(4096)
        while self._asked:
            try:
                self._asked.popleft()()
            except Exception:
                log.exception("a stream could not be served")

    def _beat(self, now: float) -> None:
        for stream in tuple(self._streams):
            if now - stream.opened > MAX_AGE_SECONDS:
                self._drop(stream)
        self._send(HEARTBEAT, None)

    def _enter(self, stream: Stream) -> None:
        try:
            self._selector.register(stream.sock, selectors.EVENT_READ, stream)
        except (OSError, ValueError, KeyError):
            self._drop(stream)
            return
        stream.is_writing = False
        self._write(stream)

    def _send(self, message: bytes, users: Collection[int] | None) -> None:
        for stream in tuple(self._streams):
            if users is None or stream.user_id in users:
                stream.waiting += message
                if not stream.is_writing:
                    self._write(stream)
                elif len(stream.waiting) > MAX_WAITING_BYTES:
                    self._drop(stream)

    def _serve(self, stream: Stream, mask: int) -> None:
        try:
            self._ready(stream, mask)
        except Exception:
            # One stream's trouble must not end the thread of all.
            log.exception("a stream could not be served")
            self._drop(stream)

    def _ready(self, stream: Stream, mask: int) -> None:
        if mask & selectors.EVENT_READ:
            try:
                # A reader has nothing to say; an empty answer is its good-bye.
                if not stream.sock.recv(4096):
                    self._drop(stream)
                    return
            except BlockingIOError:
                pass
            except OSError:
                self._drop(stream)
                return
        if mask & selectors.EVENT_WRITE:
            self._write(stream)

    def _write(self, stream: Stream) -> None:
        try:
            sent = stream.sock.send(stream.waiting)
            del stream.waiting[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(stream)
            return
        if bool(stream.waiting) != stream.is_writing:
            stream.is_writing = bool(stream.waiting)
            more = selectors.EVENT_WRITE if stream.is_writing else 0
            # One that is not entered yet is written to again when it is.
            with suppress(KeyError):
                self._selector.modify(stream.sock, selectors.EVENT_READ | more, stream)

    def _drop(self, stream: Stream) -> None:
        self._streams.discard(stream)
        with suppress(OSError, ValueError, KeyError):
            self._selector.unregister(stream.sock)
        stream.sock.close()
