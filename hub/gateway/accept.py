"""One request to `/in/<connection>`: found, read, received, counted, told in one log line."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from hub.doorbell import Doorbell
from hub.flow.receive import receive
from hub.gateway.metrics import accept_seconds_of, requests_of
from hub.queues import queues_for
from hub.sdk.errors import HubError, SignatureError, TooLarge
from hub.sdk.request import RawRequest, Reply
from hub.store.connections import Configured
from hub.store.database import utc_now
from hub.store.rejections import Rejections, cut_sample
from hub.store.store import Store

RETRY_AFTER_SECONDS = 5
OUTCOMES = {None: "answered", True: "accepted", False: "duplicate"}
log = logging.getLogger("hub.gateway")


class CutOffError(Exception):
    """The sender went away before its whole body was here."""


@dataclass(frozen=True)
class Arrival:
    """A request whose body is still on the wire.

    `read(limit)` gives the whole body; TooLarge beyond the limit, CutOffError when it is not whole.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    remote_addr: str
    read: Callable[[int], bytes]


class Gateway:
    """The way in for outside systems."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.doorbell = Doorbell(queues_for(store.settings))
        self.rejections = Rejections(store.database)

    def accept(self, name: str, arrival: Arrival) -> Reply:
        """Answer one request to the connection of this name. Never raises."""
        started = time.perf_counter()
        try:
            configured = self.store.catalog.get(name)
        except SQLAlchemyError as error:
            # Whether there is such a connection is unknown: its name is no label for a counter.
            return self._unavailable("", name, error)
        if configured is None:
            return _text(404, "there is no such connection")
        reply = self._accept(configured, arrival)
        accept_seconds_of(configured.connection.connector).observe(time.perf_counter() - started)
        return reply

    def _accept(self, configured: Configured, arrival: Arrival) -> Reply:
        body = b""
        try:
            body = arrival.read(configured.connector.manifest.max_body_bytes)
            return self._receive(configured, arrival, body)
        except TooLarge as error:
            return self._refuse(configured, 413, error, arrival, body)
        except SignatureError as error:
            return self._refuse(configured, 401, error, arrival, body)
        except HubError as error:
            # The connection itself is set up wrongly: the sender should come again later.
            return self._refuse(configured, 503, error, arrival, body)
        except CutOffError:
            requests_of(configured.name, "cut_off").inc()
            log.warning("request cut off", extra={"connection": configured.name})
            return _text(400, "the body was cut off")
        except SQLAlchemyError as error:
            return self._unavailable(configured.name, configured.name, error)
        except Exception:
            # A bug of ours: the sender keeps its event and comes again, we keep the traceback.
            log.exception("the gateway failed", extra={"connection": configured.name})
            return _later(configured.name, "bug")

    def _receive(self, configured: Configured, arrival: Arrival, body: bytes) -> Reply:
        raw = RawRequest(
            body, arrival.headers, arrival.method, arrival.path, arrival.query, arrival.remote_addr
        )
        received = receive(self.store, configured, raw, utc_now())
        if received.stored:
            self.doorbell.ring(configured.id)
        outcome = OUTCOMES[received.stored]
        requests_of(configured.name, outcome).inc()
        log.info(
            "request %s",
            outcome,
            extra={"connection": configured.name, "path": arrival.path, "size_bytes": len(body)},
        )
        return received.reply

    def _refuse(
        self, configured: Configured, status: int, error: HubError, arrival: Arrival, body: bytes
    ) -> Reply:
        name, address = configured.name, arrival.remote_addr
        requests_of(name, error.code).inc()
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
        refused = configured.connector.refused
        if refused is not None:
            return refused(status, error.message)
        return _not_ready() if status == 503 else _text(status, error.message)

    def _unavailable(self, label: str, name: str, error: SQLAlchemyError) -> Reply:
        """The store cannot take the event: nothing is promised, the sender must come again."""
        log.error("the store is away", extra={"connection": name, "reason": str(error)[:500]})
        return _later(label, "unavailable")


def _later(name: str, outcome: str) -> Reply:
    requests_of(name, outcome).inc()
    return _not_ready()


def _not_ready() -> Reply:
    return Reply(503, b"not ready", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _text(status: int, text: str) -> Reply:
    return Reply(status, text.encode())
