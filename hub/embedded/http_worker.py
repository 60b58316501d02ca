"""gunicorn's worker of threads, each of which stays with its connection for a moment.

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

#: How long a thread stays with a connection that says nothing.
STAY_MILLISECONDS: Final = 20
#: Of four threads so many may stay; the others are free for whoever comes.
STAYING_OF_FOUR: Final = 3


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

    def handle(self, conn: Any) -> Any:
        """Answer a connection's request, and those that follow at once."""
        self._waiting.popleft()
        while True:
            outcome = super().handle(conn)
            # Anything but True: it is closed, taken over, or waits for its first request.
            if outcome is not True or conn.is_http2 or not self._is_asked_again(conn):
                return outcome

    def _is_asked_again(self, conn: Any) -> bool:
        """Whether the connection's next request is there, now or in a moment."""
        if self._waiting or not self.alive or len(self._staying) >= self._most_staying:
            return False
        coming = select.poll()
        coming.register(conn.sock, select.POLLIN)
        self._staying.append(None)
        try:
            return bool(coming.poll(STAY_MILLISECONDS))
        finally:
            self._staying.pop()
