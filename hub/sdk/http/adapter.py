"""The requests adapter under every session: leave to call, address guard, deadline, outcome.

It sits below `requests.Session`, so zeep's calls go the same way as `HttpClient`'s.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from hub.sdk.errors import HubError, RetryLater
from hub.sdk.http.deadline import Deadline
from hub.sdk.http.guard import Guard
from hub.sdk.http.replies import asked_pause, cut_off, host_of, is_unwell, translate
from hub.sdk.traffic import Passage, Traffic

_calling = threading.local()


class Exchange:
    """One call: the leave it has and its deadline, which begins when it has leave."""

    def __init__(self, seconds: float, group: str = "") -> None:
        self.seconds, self.group = seconds, group
        self.passage: Passage | None = None
        self.deadline: Deadline | None = None

    @property
    def struck(self) -> bool:
        """Whether the whole time was up before the end."""
        return self.deadline is not None and self.deadline.struck

    def begin(self, traffic: Traffic, host: str) -> Deadline:
        """Wait for leave, then let the time run."""
        self.passage = traffic.enter(host, self.group, self.seconds)
        self.deadline = Deadline(self.seconds)
        return self.deadline

    def end(self) -> None:
        """Nothing more is read; what was not judged yet is nobody's fault."""
        if self.deadline is not None:
            self.deadline.cancel()
        passage, self.passage = self.passage, None
        if passage is not None:
            passage.dropped()

    def failed(self, reason: str, after: float | None = None) -> None:
        """The host is to blame; told once."""
        passage, self.passage = self.passage, None
        if passage is not None:
            passage.failed(reason, after)

    def answered(self) -> None:
        """The host did its part; told once."""
        passage, self.passage = self.passage, None
        if passage is not None:
            passage.succeeded()


class _Watched:
    """What both kinds of connection share: guarded connecting under the call's deadline."""

    guard: Guard
    _deadline: Deadline | None = None

    def _take_deadline(self) -> Deadline | None:
        deadline: Deadline | None = getattr(_calling, "deadline", None)
        if self._deadline is not None and self._deadline is not deadline:
            # The exchange before this one on the same socket is over.
            self._deadline.cancel()
        self._deadline = deadline
        return deadline

    def _new_conn(self) -> socket.socket:
        deadline = self._take_deadline()
        until = deadline.at if deadline else time.monotonic() + 3600
        assert isinstance(self, HTTPConnection)
        sock = self.guard.connect(self, until)
        if deadline:
            deadline.watch(sock)
        return sock

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # urllib3's connect, mixed in below
        self._watch_socket()

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._watch_socket()
        super().request(*args, **kwargs)  # type: ignore[misc]  # urllib3's request, mixed in below

    def _watch_socket(self) -> None:
        deadline, sock = self._take_deadline(), getattr(self, "sock", None)
        if deadline and sock is not None:
            deadline.watch(sock)


class GuardedAdapter(HTTPAdapter):
    """An adapter whose calls ask leave and whose connections pass the guard at connect time."""

    def __init__(self, guard: Guard, traffic: Traffic, total_seconds: float) -> None:
        self._guard = guard
        self.traffic, self.total_seconds = traffic, total_seconds
        self._local = threading.local()
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make pools whose connections are watched."""
        super().init_poolmanager(*args, **kwargs)

        class PlainConnection(_Watched, HTTPConnection):
            guard = self._guard

        class TlsConnection(_Watched, HTTPSConnection):
            guard = self._guard

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = PlainConnection

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = TlsConnection

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}

    @contextmanager
    def exchange(self, group: str = "") -> Iterator[Exchange]:
        """A call whose body is read before the block ends; only then is the host's part done."""
        found = self._local.exchange = Exchange(self.total_seconds, group)
        try:
            yield found
        finally:
            self._local.exchange = None
            found.end()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Send one request; raises the hub's own errors."""
        whole: Exchange | None = getattr(self._local, "exchange", None)
        exchange = whole or Exchange(self.total_seconds)
        url = request.url or ""
        try:
            _calling.deadline = exchange.begin(self.traffic, host_of(url))
            response = super().send(request, *args, **kwargs)
        except requests.RequestException as error:
            raise self.judged(error, url, exchange) from error
        except BaseException:
            exchange.end()
            raise
        finally:
            _calling.deadline = None
        if is_unwell(response):
            said = f"{host_of(url)} answered {response.status_code}"
            exchange.failed(said, asked_pause(response))
        elif whole is None:
            exchange.answered()
        return response

    @staticmethod
    def judged(error: requests.RequestException, url: str, exchange: Exchange) -> HubError:
        """The hub's own error for a foreign one, told to the breaker when the host is to blame."""
        found = cut_off(url, exchange.seconds) if exchange.struck else translate(error, url)
        if isinstance(found, RetryLater):
            exchange.failed(found.message)
        exchange.end()
        return found
