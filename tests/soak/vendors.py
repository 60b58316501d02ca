"""The systems around the hub: a 1C whose stock moves, and receivers that are badly connected."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from standardwebhooks import Webhook, WebhookVerificationError

from connectors.mailgun.emulator import Emulator as Mailgun
from connectors.mango.emulator import Emulator as Mango
from connectors.onec_soap.emulator import Emulator as OneC
from connectors.standard_webhook.emulator import Emulator as Site
from connectors.webhook_out.emulator import SECRET
from connectors.woocommerce.emulator import SECRET as SHOP_SECRET
from hub.sdk.testing import VendorServer, body_of, reply
from tests.flow import onec
from tests.soak.script import Stock

#: Ways in which 1C fails for a moment; a base that is closed or lacks licences is left alone for
#: many minutes, longer than a soak can wait.
ILL = ("cut", "hangup", "fault", "html", "proxy", "no_body")
#: Who said it and when; that a client was active again is told with the call or mail itself.
UNTOLD = frozenset({"origins", "updated_at", "last_activity_at"})
RECEIVERS = {"out-all": (), "out-orders": ("order",)}


@dataclass(frozen=True)
class Told:
    """One message that a receiver took: its id, the record it is about, what it says of it."""

    message_id: str
    record: tuple[str, int]
    data: str


class Receiver:
    """Takes outgoing webhooks. While `ill` is above 0, that share of requests goes wrong."""

    def __init__(self, seed: str) -> None:
        self.ill = 0.0
        self.wrong: dict[str, int] = {}
        self._chance = random.Random(seed)  # noqa: S311  # luck, not a secret
        self._lock, self._over = threading.Lock(), threading.Event()
        self._told: list[Told] = []
        self._forged = 0
        self._server = VendorServer(self._app)

    @property
    def url(self) -> str:
        """The address to post to."""
        return f"{self._server.url}/hooks"

    @property
    def told(self) -> list[Told]:
        """Everything taken so far, repeats included; AssertionError for a forged signature."""
        with self._lock:
            assert not self._forged, f"{self._forged} messages with a wrong signature"
            return list(self._told)

    def start(self) -> None:
        """Begin to receive."""
        self._server.start()

    def stop(self) -> None:
        """Stop, letting delayed answers go."""
        self._over.set()
        self._server.stop()

    def _fate(self) -> str:
        with self._lock:
            if self._chance.random() >= self.ill:
                return ""
            fate = self._chance.choice(("lost", "unheard", "late", "500", "429"))
            self.wrong[fate] = self.wrong.get(fate, 0) + 1
            return fate

    def _app(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        raw, fate = body_of(environ), self._fate()
        if fate == "lost":
            return _hang_up(environ)
        if fate in {"500", "429"}:
            after = [("Retry-After", "1")] if fate == "429" else []
            return reply(start, int(fate), b"no", "text/plain", after)
        if fate == "late":
            self._over.wait(1.5)
        self._take(environ, raw)
        return _hang_up(environ) if fate == "unheard" else reply(start, 204, b"", "text/plain")

    def _take(self, environ: WSGIEnvironment, raw: bytes) -> None:
        headers = {
            f"webhook-{name}": str(environ.get(f"HTTP_WEBHOOK_{name.upper()}", ""))
            for name in ("id", "timestamp", "signature")
        }
        try:
            # The reference library also refuses a stamp that is minutes off: jumps stay below that.
            Webhook(SECRET).verify(raw, headers)
        except WebhookVerificationError:
            with self._lock:
                self._forged += 1
            return
        body = json.loads(raw)
        record = (str(body["type"]).partition(".")[0], int(body["data"]["id"]))
        data = said_of(body["data"])
        with self._lock:
            self._told.append(Told(headers["webhook-id"], record, data))


def said_of(document: Mapping[str, Any]) -> str:
    """A document as comparable text, without what no destination is told of when it moves."""
    told = {name: value for name, value in document.items() if name not in UNTOLD}
    return json.dumps(told, ensure_ascii=False, sort_keys=True)


def _hang_up(environ: WSGIEnvironment) -> Iterable[bytes]:
    """Close the connection without an answer."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("the line went dead")


class Vendors:
    """Every outside system of a soak, and the connection files that lead to them."""

    def __init__(self, seed: int) -> None:
        self.onec = OneC()
        self.receivers = {name: Receiver(f"{name} {seed}") for name in RECEIVERS}

    def start(self) -> None:
        """Let all of them answer."""
        self.onec.start()
        for receiver in self.receivers.values():
            receiver.start()

    def stop(self) -> None:
        """Stop all of them."""
        self.onec.stop()
        for receiver in self.receivers.values():
            receiver.stop()

    def set_stock(self, stock: Stock) -> None:
        """What 1C answers from now on."""
        self.onec.answers["GetRemains"] = remains(stock)

    def ail(self, chance: random.Random) -> None:
        """Let the lines to all of them be bad, 1C fail in some way."""
        self.onec.failure = chance.choice(ILL)
        for receiver in self.receivers.values():
            receiver.ill = 0.6

    def heal(self) -> None:
        """Let all be well again."""
        self.onec.failure = ""
        for receiver in self.receivers.values():
            receiver.ill = 0.0

    def wrongs(self) -> dict[str, int]:
        """How many requests of ours went wrong, by how."""
        found: dict[str, int] = {}
        for receiver in self.receivers.values():
            for fate, count in receiver.wrong.items():
                found[fate] = found.get(fate, 0) + count
        return found

    def sources(self) -> dict[str, dict[str, Any]]:
        """Connection files of the systems that tell the hub something."""
        lead = Site().connection()
        row = {**lead["settings"]["records"][0], "version": "rev"}
        base = self.onec.connection()
        streams = {"stock": base["settings"]["streams"]["stock"]}
        return {
            "mango": Mango().connection(),
            "shop": {
                "connector": "woocommerce",
                "title": "Магазин",
                "settings": {"url": "http://127.0.0.1:9"},
                "secrets": {
                    "webhook_secret": SHOP_SECRET,
                    "consumer_key": "ck_soak",
                    "consumer_secret": "cs_soak",
                },
            },
            "mail": Mailgun().connection(),
            "site": {**lead, "settings": {**lead["settings"], "records": [row]}},
            "onec": {
                **base,
                "settings": {**base["settings"], "streams": streams},
                "schedule": {"stock": "every 5s"},
            },
        }

    def destinations(self) -> dict[str, dict[str, Any]]:
        """Connection files of the systems that the hub tells."""
        return {
            name: {
                "connector": "webhook_out",
                "title": name,
                "settings": {"url": receiver.url, "entities": list(RECEIVERS[name])},
                "secrets": {"secret": SECRET},
            }
            for name, receiver in self.receivers.items()
        }


def remains(stock: Stock) -> bytes:
    """An answer of GetRemains with these quantities."""
    return onec.answer(
        onec.row(article, str(quantity), Warehouse=warehouse, Reserve="0", Price="10.00")
        for (article, warehouse), quantity in sorted(stock.items())
    )
