"""A receiver of outgoing webhooks: verifies as receivers do, keeps what came, fails on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from standardwebhooks import Webhook, WebhookVerificationError

from hub.sdk.request import RawRequest
from hub.sdk.testing import VendorServer, body_of, reply

SECRET = "whsec_dWplbC1kZW1vLXJlY2VpdmVyLWtleS0wMQ=="  # noqa: S105  # invented, for the demo only


@dataclass(frozen=True)
class Received:
    """One request that came: its id, body, whether the signature held, what was answered."""

    message_id: str
    body: Any
    verified: bool
    status: int


class Emulator:
    """Checks signatures with the reference library, so that both sides can't be wrong alike."""

    def __init__(self, port: int = 0, secret: str = SECRET) -> None:
        self.secret = secret
        self._server = VendorServer(self._app, port)
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._failures: list[tuple[int, str]] = []

    @property
    def url(self) -> str:
        """The address to post to."""
        return f"{self._server.url}/hooks"

    @property
    def received(self) -> list[Received]:
        """Everything that came, in order, failed tries included."""
        with self._lock:
            return list(self._received)

    @property
    def accepted(self) -> dict[str, Any]:
        """The accepted messages by `webhook-id`: a receiver drops repeats by it."""
        return {item.message_id: item.body for item in self.received if item.status < 300}

    def fail(self, times: int, status: int = 500, retry_after: str = "") -> None:
        """Answer the next `times` requests with an error."""
        with self._lock:
            self._failures += [(status, retry_after)] * times

    def start(self) -> None:
        """Begin to receive."""
        self._server.start()

    def stop(self) -> None:
        """Stop receiving."""
        self._server.stop()

    def connection(self) -> dict[str, Any]:
        """A connection to this receiver; its loopback address needs `network.allow`."""
        return {
            "connector": "webhook_out",
            "title": "Исходящий вебхук",
            "settings": {"url": self.url},
            "secrets": {"secret": self.secret},
        }

    def webhooks(self) -> list[RawRequest]:
        """None: this side only receives."""
        return []

    def expected(self) -> Mapping[str, int]:
        """None: nothing comes from here."""
        return {}

    def _app(self, environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        raw = body_of(environ)
        headers = {
            f"webhook-{name}": str(environ.get(f"HTTP_WEBHOOK_{name.upper()}", ""))
            for name in ("id", "timestamp", "signature")
        }
        try:
            Webhook(self.secret).verify(raw, headers)
            verified, body = True, json.loads(raw)
        except (WebhookVerificationError, ValueError):
            verified, body = False, None
        with self._lock:
            status, retry_after = self._failures.pop(0) if self._failures else (204, "")
            status = status if verified else 401
            self._received.append(Received(headers["webhook-id"], body, verified, status))
        extra = [("Retry-After", retry_after)] if retry_after else []
        return reply(start, status, b"" if status == 204 else b"no", "text/plain", extra)
