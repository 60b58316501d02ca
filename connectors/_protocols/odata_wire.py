"""Calls to one base's OData: addresses, login, errors, and at most so many at once.

How many calls run at once is held by locked files beside the connection's cache, so it holds for
all workers of a machine, and a killed one frees its place.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from connectors._protocols import odata_errors, onec_replies
from connectors._protocols.odata_errors import TooMuch
from connectors._protocols.odata_values import url_of
from hub.sdk.connection import Connection
from hub.sdk.errors import NotCalled, PayloadError, RetryLater
from hub.sdk.http import (
    CONNECT_TIMEOUT_SECONDS,
    MAX_REPLY_BYTES,
    Response,
    asked_pause,
    client_for,
    pieces,
)
from hub.sdk.payload import decode_text, load_json

#: The root every publication has below its own address.
ROOT: Final = "odata/standard.odata"
JSON: Final = {"$format": "json"}
#: How long a call waits for a place before its work is put off.
PLACE_WAIT_SECONDS: Final = 20.0
PLACE_PAUSE_SECONDS: Final = 10.0
MAX_REFUSAL_BYTES: Final = 1024 * 1024
_WAKE: Final = threading.Event()


@dataclass(frozen=True)
class ODataOptions:
    """Where the base is and how many calls it bears at once."""

    url: str
    username: str = ""
    timeout_seconds: float = 600.0
    reads: int = 2
    writes: int = 1
    allowed_only: bool = False


class Wire:
    """The calls of one connection."""

    def __init__(self, connection: Connection, options: ODataOptions) -> None:
        self.options, self.connection = options, connection
        login = (options.username, str(connection.secrets.get("password", "")))
        base = options.url.rstrip("/")
        self.root = base if base.endswith(ROOT) else f"{base}/{ROOT}"
        self._client = client_for(
            connection,
            self.root,
            auth=login if options.username else None,
            timeout=(CONNECT_TIMEOUT_SECONDS, options.timeout_seconds),
            total_seconds=2 * options.timeout_seconds,
        )

    def rows_reply(self, path: str, query: Mapping[str, str]) -> tuple[str, bytes]:
        """(type, body) of a read whose reply fits into memory."""
        with self.open(path, query) as response:
            return response.headers.get("Content-Type", ""), self._whole(response)

    @contextmanager
    def open(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        also: tuple[int, ...] = (),
        method: str = "GET",
    ) -> Iterator[Response]:
        """A read whose body is still in the socket; raises by who must act unless it is 200.

        `also` names further statuses that are an answer. Some functions of 1C's read by POST.
        """
        query = {"allowedOnly": "true", **query} if self.options.allowed_only else query
        with (
            self._place("read", self.options.reads),
            self._reply(method, url_of(path, query), headers=dict(headers or {})) as response,
        ):
            if response.status_code != 200 and response.status_code not in also:
                raise self._refusal(response)
            yield response

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """One JSON reply."""
        kind, body = self.rows_reply(path, {**(query or {}), **JSON})
        return self._json(kind, body)

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """A call that writes: POST or PATCH, never repeated by itself; its JSON reply, or None."""
        options: dict[str, Any] = {} if body is None else {"json": body}
        address = url_of(path, {**(query or {}), **JSON})
        with (
            self._place("write", self.options.writes),
            self._reply(method, address, **options) as response,
        ):
            if response.status_code not in {200, 201, 204}:
                raise self._refusal(response)
            found = self._whole(response)
            kind = response.headers.get("Content-Type", "")
        return self._json(kind, found) if found.strip() else None

    @staticmethod
    def chunks(response: Response) -> Iterator[bytes]:
        """The body as it comes, unpacked; a cut connection is RetryLater."""
        return pieces(response)

    # One exchange.

    def _reply(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> AbstractContextManager[Response]:
        """Every call goes through here: the place to wrap it into a session of 1C's."""
        accept = {"Accept": "application/json", **(headers or {})}
        return self._client.open(method, f"{self.root}/{url}", headers=accept, **options)

    @staticmethod
    def _whole(response: Response) -> bytes:
        body, size = [], 0
        for piece in pieces(response):
            body.append(piece)
            size += len(piece)
            if size > MAX_REPLY_BYTES:
                raise TooMuch(f"ответ 1С больше {MAX_REPLY_BYTES} байт")
        return b"".join(body)

    def _refusal(self, response: Response) -> Exception:
        body = b""
        try:
            for chunk in self.chunks(response):
                body += chunk
                if len(body) > MAX_REFUSAL_BYTES:
                    break
        except RetryLater:
            pass
        error = odata_errors.refusal(
            response.status_code,
            response.headers.get("Content-Type", ""),
            body,
            url=response.url or self.root,
            username=self.options.username,
            location=response.headers.get("Location", ""),
            after=asked_pause(response),
        )
        # 1C's words repeat what they were asked.
        error.message = self.connection.secrets.hide(error.message, shortest=4)
        error.args = (error.message,)
        return error

    @staticmethod
    def _json(kind: str, body: bytes) -> Any:
        try:
            return load_json(body)
        except PayloadError as error:
            text = decode_text(body[:4000])
            if "json" in kind.lower() and not onec_replies.is_html(kind, text):
                raise odata_errors.cut(error.message) from error
            raise onec_replies.not_an_answer(kind, text) from error

    # Places.

    def alone(self, name: str) -> AbstractContextManager[None]:
        """Nobody else on this machine does the work of this name; NotCalled while somebody does."""
        return self._place(name, 1)

    @contextmanager
    def _place(self, kind: str, count: int) -> Iterator[None]:
        """One of the places for calls of this kind; NotCalled when none is free for long."""
        if not self.connection.cache_dir:
            yield
            return
        folder = Path(self.connection.cache_dir) / "places"
        folder.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + PLACE_WAIT_SECONDS
        while True:
            for number in range(max(1, count)):
                file = os.open(folder / f"{kind}-{number}", os.O_RDWR | os.O_CREAT, 0o600)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    os.close(file)
                    continue
                try:
                    yield
                finally:
                    os.close(file)
                return
            if time.monotonic() >= until:
                raise NotCalled(
                    f"1С занята другими обращениями узла ({count})", after=PLACE_PAUSE_SECONDS
                )
            _WAKE.wait(0.05)
