"""Helpers for a connector's emulator and tests: fixtures, a small vendor server, signed posts."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import requests
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from hub.sdk.request import RawRequest


def read_http(path: Path) -> RawRequest:
    """Read a byte-exact `.http` fixture: request line, headers, blank line, body."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    if b"\r\n\r\n" in path.read_bytes()[: len(head) + 4]:
        head, _, body = path.read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode().splitlines()
    method, target, *_ = first.split(" ")
    route, _, query = target.partition("?")
    headers = [
        (name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
    ]
    return RawRequest(
        body=body, headers=tuple(headers), method=method, path=route.lstrip("/"), query=query
    )


def post(request: RawRequest, url: str, timeout: float = 30) -> requests.Response:
    """Send a request to the hub's `/in/<connection>` address, its path and query added."""
    target = f"{url.rstrip('/')}/{request.path}" if request.path else url
    if request.query:
        target += f"?{request.query}"
    with requests.Session() as session:
        # The vendor reaches the hub directly, whatever proxy this machine's environment names.
        session.trust_env = False
        return session.request(
            request.method,
            target,
            data=request.body,
            headers=dict(request.headers),
            timeout=timeout,
        )


class Emulator(Protocol):
    """What every connector's `emulator.py` offers as class `Emulator`.

    One that talks step by step has `exchange(url)` too, a whole conversation with `/in/<name>`;
    one whose files are read has `uploads()`: (stream, name, file).
    """

    def start(self) -> None:
        """Serve what the vendor serves (nothing, for a pure webhook vendor)."""

    def stop(self) -> None:
        """Stop serving."""

    def connection(self) -> dict[str, Any]:
        """The connection file for this emulated account."""

    def webhooks(self) -> list[RawRequest]:
        """Signed requests the vendor would send, repeats and disorder included."""

    def expected(self) -> Mapping[str, int]:
        """How many records of each entity the connection must have afterwards."""


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # werkzeug's name
        pass


class VendorServer:
    """A threaded HTTP server on a free loopback port, for emulators."""

    def __init__(self, app: WSGIApplication, port: int = 0) -> None:
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port, app, threaded=True, request_handler=_QuietHandler
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        """The address to call."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()


def reply(
    start: StartResponse,
    status: int,
    body: bytes,
    content_type: str = "application/json",
    headers: Iterable[tuple[str, str]] = (),
) -> list[bytes]:
    """Answer a WSGI request."""
    start(
        f"{status} {'OK' if status < 400 else 'Error'}",
        [("Content-Type", content_type), ("Content-Length", str(len(body))), *headers],
    )
    return [body]


def body_of(environ: WSGIEnvironment) -> bytes:
    """The body of a WSGI request."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    data: bytes = environ["wsgi.input"].read(length)
    return data
