"""gunicorn's worker of threads, each of which stays with its connection for a moment, and of a
thread for all senders of events (`embedded/rounds`).

After an answer gunicorn hands a kept connection back to its main thread, which waits for the next
request and looks for a thread again: two changes of threads and six system calls, a third of what
a webhook costs. A busy sender's next request is there within milliseconds.
"""

from __future__ import annotations

import select
from collections import deque
from typing import Any, Final

from gunicorn.workers.gthread import (  # type: ignore[import-untyped]  # gunicorn ships no types
    ThreadWorker,
)

from hub.embedded.one_piece import OnePiece
from hub.embedded.rounds import Round, is_ahead
from hub.store.inbox import here

#: How long a thread stays with a connection that says nothing.
STAY_MILLISECONDS: Final = 20
#: Of four threads so many may stay; the others are free for whoever comes.
STAYING_OF_FOUR: Final = 3
#: The outcome of a connection that is served in the round from now on.
SEATED: Final = object()


class StayingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """A thread worker for senders with more than one request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # One for each connection that waits for a thread, and one for each thread that stays:
        # a deque is counted and changed without a lock.
        self._waiting: deque[None] = deque()
        self._staying: deque[None] = deque()
        self._most_staying = self.cfg.threads * STAYING_OF_FOUR // 4

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection to the next free thread."""
        self._waiting.append(None)
        super().enqueue_req(conn)

    def init_process(self) -> None:
        """Start the round in this process, then serve."""
        self._round = Round(self._serve, self._take_back)
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """Answer a connection's request, and those that follow at once."""
        self._waiting.popleft()
        while True:
            here.has_shared = False
            outcome = self._serve(conn)
            # Anything but True: it is closed, taken over, or waits for its first request.
            if outcome is not True or conn.is_http2:
                return outcome
            if self._is_busy_sender(conn) and self._round.take(conn):
                return SEATED
            if not self._is_asked_again(conn):
                return outcome

    def _is_busy_sender(self, conn: Any) -> bool:
        """Whether the connection's last two requests were events: one that asks for something
        else in between would change threads each time."""
        had_shared = getattr(conn, "has_shared", False)
        conn.has_shared = here.has_shared
        if self.cfg.is_ssl or is_ahead(conn):
            return False
        return had_shared and here.has_shared

    def _serve(self, conn: Any) -> Any:
        """Answer one request, as gunicorn does, but in one piece."""
        if not self.cfg.is_ssl and not isinstance(conn.sock, OnePiece):
            conn.sock = OnePiece(conn.sock)
        outcome = super().handle(conn)
        if isinstance(conn.sock, OnePiece):
            try:
                conn.sock.flush()
            except OSError:
                return False
        return outcome

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Wait for the connection's next request, or close it; the main thread does."""
        if fs.cancelled() or fs.exception() or fs.result() is not SEATED:
            super().finish_request(conn, fs)

    def _take_back(self, conn: Any, done: Any) -> None:
        self.method_queue.defer(self.finish_request, conn, done)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """End: the requests under way are answered, and who sends another is told to go."""
        super().handle_exit(sig, frame)
        self._round.close()

    def _is_asked_again(self, conn: Any) -> bool:
        """Whether the connection's next request is there, now or in a moment."""
        if self._waiting or not self.alive or len(self._staying) >= self._most_staying:
            return False
        if is_ahead(conn):
            return True
        coming = select.poll()
        coming.register(conn.sock, select.POLLIN)
        self._staying.append(None)
        try:
            return bool(coming.poll(STAY_MILLISECONDS))
        finally:
            self._staying.pop()
