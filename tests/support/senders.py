"""Outside systems that post without pause, each request on a connection of its own."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import requests

from hub.sdk.request import RawRequest
from tests.support.hub import lead
from tests.support.waiting import wait_until

TIMEOUT_SECONDS = 20
PAUSE_SECONDS = 0.01


class Senders:
    """Threads that post leads to addresses in turn, as a balancer does, until the block ends.

    `accepted` are the numbers of the leads that were answered with 2xx. A request that no node
    answers with 2xx is a failure; one that is refused (nothing was sent) goes to the next node, and
    with `refused_is_fine` is dropped when there is none. With `may_wait` a 503 with Retry-After is
    sent again, as vendors do; a `stubborn` sender repeats whatever failed, at the next node.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        count: int = 3,
        first: int = 0,
        refused_is_fine: bool = False,
        may_wait: bool = False,
        stubborn: bool = False,
    ) -> None:
        self._urls, self._refused_is_fine, self._may_wait = list(urls), refused_is_fine, may_wait
        self._numbers = itertools.count(first)
        self._stop = threading.Event()
        self._mutex = threading.Lock()
        self.accepted: list[int] = []
        self.failures: list[str] = []
        self.waited, self.slowest_seconds = 0, 0.0
        self._stubborn = stubborn
        # A stubborn one has not the patience of the others: its node may be gone.
        self._timeout = (1, 4) if stubborn else TIMEOUT_SECONDS
        self._pool = ThreadPoolExecutor(1)
        self._threads = [
            threading.Thread(target=self._work, args=(place,)) for place in range(count)
        ]

    def __enter__(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        self._pool.shutdown()

    def beside(self, work: Callable[[], None]) -> Future[None]:
        """Do something in a thread of its own meanwhile."""
        return self._pool.submit(work)

    def await_more(self, count: int) -> None:
        """Wait until so many more leads have been accepted."""
        wanted = len(self.accepted) + count
        wait_until(lambda: len(self.accepted) >= wanted, 60, f"{count} accepts {self.failures[:3]}")

    def _work(self, place: int) -> None:
        while not self._stop.is_set():
            with self._mutex:
                number = next(self._numbers)
            place += 1
            started = time.monotonic()
            reason = self._send(number, place)
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - started)
            while reason == "wait" or (reason and self._stubborn):
                place += 1
                with self._mutex:
                    self.waited += 1
                # However long it takes: a vendor that was told to come again does.
                self._stop.wait(0.2)
                reason = self._send(number, place)
            with self._mutex:
                if not reason:
                    self.accepted.append(number)
                elif reason != "refused" or not self._refused_is_fine:
                    self.failures.append(reason)
            self._stop.wait(PAUSE_SECONDS)

    def _send(self, number: int, place: int) -> str:
        """Empty when it was accepted, else why not."""
        for step in range(len(self._urls)):
            url = self._urls[(place + step) % len(self._urls)]
            reason = self._send_to(url, lead(number))
            if reason != "refused":
                return reason
        return reason

    def _send_to(self, url: str, request: RawRequest) -> str:
        try:
            answer = requests.post(
                url, data=request.body, headers=dict(request.headers), timeout=self._timeout
            )
        except requests.ConnectionError as error:
            return "refused" if "refused" in str(error) else repr(error)
        except requests.RequestException as error:
            return repr(error)
        if self._may_wait and answer.status_code == 503 and "Retry-After" in answer.headers:
            return "wait"
        return "" if answer.ok else f"{answer.status_code} {answer.text[:200]}"
