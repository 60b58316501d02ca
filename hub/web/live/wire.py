"""Server-sent events on the wire, and how a stream leaves gunicorn's hands.

gunicorn gives a worker thread to every connection it answers. A stream is taken over instead: its
socket is doubled, and under gunicorn's own descriptor another is put whose far end is closed; so
gunicorn finds that «the client has gone», closes what is not the client, and its thread is free.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import orjson
from flask import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HEARTBEAT = b": still here\n\n"
Join = Callable[[socket.socket, bytes], None]


def message(
    event: str, data: Any, event_id: int | None = None, retry_ms: int | None = None
) -> bytes:
    """One event; JSON has no line breaks of its own."""
    lines = [b"event: " + event.encode(), b"data: " + orjson.dumps(data)]
    if event_id is not None:
        lines.append(b"id: %d" % event_id)
    if retry_ms is not None:
        lines.append(b"retry: %d" % retry_ms)
    return b"\n".join(lines) + b"\n\n"


class StreamResponse(Response):
    """The answer of a view that opens a stream; `join` takes the socket and the first bytes."""

    def __init__(self, join: Join, first: bytes) -> None:
        super().__init__(status=200, content_type="text/event-stream; charset=utf-8")
        self.headers["Cache-Control"] = "no-store"
        # nginx would keep events back until its buffer is full.
        self.headers["X-Accel-Buffering"] = "no"
        self._join, self._first = join, first

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Take the connection over from gunicorn; from any other server, feed it."""
        if environ["REQUEST_METHOD"] != "GET":
            return super().__call__(environ, start_response)
        theirs = environ.get("gunicorn.socket")
        if theirs is None or isinstance(theirs, ssl.SSLSocket):
            return self._fed(environ, start_response)
        ours = theirs.dup()
        put_aside(theirs)
        self._join(ours, self._head(environ) + self._first)
        start_response("200 OK", [])
        return ()

    def _head(self, environ: WSGIEnvironment) -> bytes:
        headers = self.get_wsgi_headers(environ)
        headers.remove("Content-Length")
        headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {value}" for name, value in headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _fed(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        ours, theirs = socket.socketpair()
        headers = self.get_wsgi_headers(environ)
        headers.remove("Content-Length")
        start_response(self.status, headers.to_wsgi_list())
        self._join(ours, self._first)
        return _Fed(theirs)


class _Fed:
    """The far end of a stream as a WSGI body: for servers whose socket cannot be had."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._end.recv(65536):
            yield piece

    def close(self) -> None:
        self._end.close()


def put_aside(theirs: socket.socket) -> None:
    """Put a connection that has ended under the server's descriptor: whatever it writes, shuts
    down or closes from now on, the client does not notice."""
    near, far = socket.socketpair()
    os.dup2(near.fileno(), theirs.fileno(), inheritable=False)
    near.close()
    far.close()
