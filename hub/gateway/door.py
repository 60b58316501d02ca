"""POST|GET /in/<connection>[/…] as WSGI in front of Flask: the raw body first, then the rest.

Flask's routing, contexts, sessions and hooks cost a request more than storing it does, and a
sender has use for none of them. Whatever is not for the gateway goes on to Flask.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.sansio.utils import get_content_length
from werkzeug.wsgi import get_input_stream

from hub.gateway.accept import Arrival, CutOffError, Gateway
from hub.sdk.errors import TooLarge
from hub.sdk.request import Reply
from hub.store.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/in/"
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "OPTIONS", "HEAD"})
MAX_DISCARDED = 32 * 1024 * 1024
PIECE = 64 * 1024
WITHOUT_BODY = frozenset({204, 304})


class Door:
    """A WSGI application: `/in/…` to the gateway, the rest to the application behind it."""

    def __init__(self, gateway: Gateway, behind: WSGIApplication) -> None:
        self._gateway, self._behind = gateway, behind

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request. No sender follows a redirect, so none is ever answered."""
        path: str = environ.get("PATH_INFO", "")
        if path.startswith("//"):
            # An address typed with a slash too many; nothing of Flask's begins like that.
            path = "/" + path.lstrip("/")
        if not path.startswith(PREFIX):
            return self._behind(environ, start_response)
        method: str = environ["REQUEST_METHOD"]
        body = Body(environ)
        reply = self._answer(method, path, environ, body)
        body.finish()
        headers = _headers(reply)
        start_response(_status(reply.status), headers)
        return () if method == "HEAD" or reply.status in WITHOUT_BODY else (reply.body,)

    def _answer(self, method: str, path: str, environ: WSGIEnvironment, body: Body) -> Reply:
        if method not in METHODS:
            allowed = {"Allow": ", ".join(sorted(METHODS))}
            return Reply(405, b"this method is not for webhooks", headers=allowed)
        if not path.isascii():
            path = path.encode("latin-1").decode("utf-8", "replace")
        name, _, rest = path[len(PREFIX) :].lstrip("/").partition("/")
        arrival = Arrival(
            method=method,
            path=rest.lstrip("/"),
            query=environ.get("QUERY_STRING", ""),
            headers=_request_headers(environ),
            remote_addr=environ.get("REMOTE_ADDR", ""),
            read=body.read,
        )
        return self._gateway.accept(name, arrival)


class Body:
    """The body of one request, on the wire until somebody reads it."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ
        self._is_read = False
        self._length = get_content_length(
            environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING")
        )

    def read(self, limit: int) -> bytes:
        """The whole body. TooLarge beyond the limit, CutOffError when the sender sent less."""
        length = self._length
        if length is not None and length > limit:
            raise TooLarge(f"the body is larger than the {limit} bytes that are accepted")
        try:
            body = self._read(limit)
        except Exception as error:
            # Whatever the server raises here, the sender broke the connection or its framing.
            self._is_read = True
            raise CutOffError from error
        if len(body) > limit:
            raise TooLarge(f"the body is larger than the {limit} bytes that are accepted")
        self._is_read = True
        if length is not None and len(body) < length:
            raise CutOffError
        return body

    def _read(self, limit: int) -> bytes:
        if self._length is None:
            stream, wanted = get_input_stream(self._environ), limit + 1
        else:
            # No more than the length is asked for: the guard of `get_input_stream` costs as much
            # as reading.
            stream, wanted = self._environ["wsgi.input"], self._length
        found: bytes = stream.read(wanted)
        return found

    def finish(self) -> None:
        """Read away a body nobody wanted: closing on an unread one would reset the connection, and
        the sender would never see our answer."""
        if self._is_read or self._length == 0:
            return
        stream, left = get_input_stream(self._environ), MAX_DISCARDED
        # What the server raises at a broken body is no reason not to answer.
        with suppress(Exception):
            while left > 0 and (piece := stream.read(min(left, PIECE))):
                left -= len(piece)


@lru_cache(maxsize=512)
def _header_name(key: str) -> str:
    """A request header's name from its WSGI key; empty for what is no header."""
    if key in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
        return key.replace("_", "-").title()
    if key == "REDIRECT_HTTP_AUTHORIZATION":
        # What a web server in between has made of Authorization.
        return "Redirect-Http-Authorization"
    if not key.startswith("HTTP_") or key in {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"}:
        return ""
    return key[5:].replace("_", "-").title()


def _request_headers(environ: WSGIEnvironment) -> tuple[tuple[str, str], ...]:
    return tuple(
        [
            (name, value)
            for key, value in environ.items()
            if (name := _header_name(key)) and (value or key.startswith("HTTP_"))
        ]
    )


@lru_cache(maxsize=128)
def _status(code: int) -> str:
    return f"{code} {HTTP_STATUS_CODES.get(code, 'Unknown').upper()}"


def _headers(reply: Reply) -> list[tuple[str, str]]:
    found = [("Content-Type", reply.content_type)]
    if reply.status not in WITHOUT_BODY:
        found.append(("Content-Length", str(len(reply.body))))
    if reply.headers:
        # Werkzeug refuses a line break in a value.
        found += Headers(list(reply.headers.items())).to_wsgi_list()
    return found


def register(app: Flask, store: Store) -> Gateway:
    """Put the gateway in front of the application, for every server and test client alike."""
    gateway = Gateway(store)
    app.wsgi_app = Door(gateway, app.wsgi_app)  # type: ignore[method-assign]  # Flask's documented way
    return gateway
