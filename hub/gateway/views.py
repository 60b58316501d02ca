"""POST|GET /in/<connection>[/…]: the raw body first, then everything else.

`request.form` is never touched: Flask would eat the stream that the signature covers.
"""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.routing import PathConverter

from hub.flow.receive import receive
from hub.gateway.metrics import ACCEPT_SECONDS, REQUESTS
from hub.queues import Doorbell, queues_for
from hub.sdk.errors import HubError, SignatureError, TooLarge
from hub.sdk.request import RawRequest
from hub.store.connections import Configured
from hub.store.database import utc_now
from hub.store.rejections import Rejections, cut_sample
from hub.store.store import Store

METHODS = ["GET", "POST", "PUT", "PATCH", "OPTIONS", "HEAD"]
RETRY_AFTER_SECONDS = 5
MAX_DISCARDED = 32 * 1024 * 1024
log = logging.getLogger("hub.gateway")


class Gateway:
    """The way in for outside systems."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.doorbell = Doorbell(queues_for(store.settings))
        self.rejections = Rejections(store.database)

    def accept(self, name: str, rest: str = "") -> Response:
        """Answer one request to `/in/<name>/<rest>`."""
        started = time.perf_counter()
        try:
            configured = self.store.catalog.get(name)
        except SQLAlchemyError as error:
            return self._unavailable(name, error)
        if configured is None:
            _discard()
            return self._text(404, "there is no such connection")
        body = b""
        try:
            body = _read_body(configured)
            response = self._receive(configured, rest, body)
        except TooLarge as error:
            response = self._refuse(configured, 413, error, body)
        except SignatureError as error:
            response = self._refuse(configured, 401, error, body)
        except HubError as error:
            # The connection itself is set up wrongly: the sender should come again later.
            response = self._refuse(configured, 503, error, body)
        except SQLAlchemyError as error:
            return self._unavailable(name, error)
        except Exception:
            # A bug of ours: the sender keeps its event and comes again, we keep the traceback.
            log.exception("the gateway failed", extra={"connection": name})
            return self._later(name, "bug")
        ACCEPT_SECONDS.labels(configured.connection.connector).observe(
            time.perf_counter() - started
        )
        return response

    def _receive(self, configured: Configured, rest: str, body: bytes) -> Response:
        raw = RawRequest(
            body=body,
            headers=tuple(request.headers.items()),
            method=request.method,
            path=rest.lstrip("/"),
            query=request.query_string.decode("latin-1"),
            remote_addr=request.remote_addr or "",
        )
        received = receive(self.store, configured, raw, utc_now())
        outcome = {None: "answered", True: "accepted", False: "duplicate"}[received.stored]
        REQUESTS.labels(configured.name, outcome).inc()
        log.info(
            "request %s",
            outcome,
            extra={"connection": configured.name, "path": rest, "size_bytes": len(body)},
        )
        if received.stored:
            self.doorbell.ring(configured.id)
        reply = received.reply
        response = Response(reply.body, reply.status, content_type=reply.content_type)
        response.headers.extend(reply.headers)
        return response

    def _refuse(
        self, configured: Configured, status: int, error: HubError, body: bytes
    ) -> Response:
        name = configured.name
        REQUESTS.labels(name, error.code).inc()
        address = request.remote_addr or ""
        log.warning(
            "request refused",
            extra={
                "connection": name,
                "cause": error.code,
                "reason": error.message,
                "remote_addr": address,
            },
        )
        try:
            sample = configured.connection.secrets.hide(cut_sample(body))
            self.rejections.note(name, error.code, error.message, address, sample)
        except SQLAlchemyError as trouble:
            log.warning("rejection not counted: %s", type(trouble).__name__)
        response = self._text(status, error.message if status != 503 else "not ready")
        if status == 503:
            response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response

    def _unavailable(self, name: str, error: SQLAlchemyError) -> Response:
        """The store cannot take the event: nothing is promised, the sender must come again."""
        log.error("the store is away", extra={"connection": name, "reason": str(error)[:500]})
        return self._later(name, "unavailable")

    def _later(self, name: str, outcome: str) -> Response:
        REQUESTS.labels(name, outcome).inc()
        response = self._text(503, "not ready")
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response

    @staticmethod
    def _text(status: int, text: str) -> Response:
        return Response(text, status, content_type="text/plain; charset=utf-8")


def _read_body(configured: Configured) -> bytes:
    """The whole body, at most the connector's limit; TooLarge beyond it."""
    limit = configured.connector.manifest.max_body_bytes
    if (request.content_length or 0) > limit:
        _discard()
        raise TooLarge(f"the body is larger than the {limit} bytes that are accepted")
    body: bytes = request.stream.read(limit + 1)
    if len(body) > limit:
        raise TooLarge(f"the body is larger than the {limit} bytes that are accepted")
    return body


def _discard() -> None:
    """Read away a body nobody wants: closing on an unread one would reset the connection, and the
    sender would never see our answer."""
    left = MAX_DISCARDED
    while left > 0 and (piece := request.stream.read(min(left, 65536))):
        left -= len(piece)


class Rest(PathConverter):
    """What a sender adds to its address: anything, doubled slashes included."""

    regex = ".*?"
    part_isolating = False


def register(app: Flask, store: Store) -> Gateway:
    """Add the gateway's routes. No sender follows a redirect, so none is ever answered."""
    gateway = Gateway(store)
    options = {"methods": METHODS, "provide_automatic_options": False, "strict_slashes": False}
    app.url_map.converters["rest"] = Rest
    app.add_url_rule("/in/<name>", "gateway.in", gateway.accept, **options)  # type: ignore[arg-type]  # flask's stub knows each option by its own type
    app.add_url_rule("/in/<name>/<rest:rest>", "gateway.in_path", gateway.accept, **options)  # type: ignore[arg-type]  # see above
    return gateway
