"""A sample event, signed as this connection's sender would: `schemes.py` the other way round."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from connectors._protocols.standard_webhooks import key_of, signature
from connectors.standard_webhook.schemes import secrets_of, token_place
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError
from hub.sdk.payload import load_json
from hub.sdk.request import RawRequest
from hub.sdk.signatures import hmac_sha256

CONTENT_TYPES: Final = {
    "form": "application/x-www-form-urlencoded",
    "xml": "application/xml",
    "json": "application/json; charset=utf-8",
}
Header = tuple[str, str]
Sign = Callable[[bytes, Connection, datetime], Sequence[Header]]


def sample(connection: Connection, now: datetime, content: bytes = b"") -> RawRequest:
    """The request with this body, or a small one, as the connection's own sender would send it.

    ConfigError where the hub cannot: a token inside the body of anything but JSON.
    """
    body = content or b'{"type": "ping"}'
    settings = connection.settings
    kind = ("Content-Type", CONTENT_TYPES[str(settings.get("body") or "json")])
    if settings.get("scheme") == "token":
        place, name = token_place(connection)
        given = f"{settings.get('prefix') or ''} {secrets_of(connection)[0]}".strip()
        if place == "query":
            return RawRequest(body=body, headers=(kind,), query=urlencode({name: given}))
        if place == "field":
            return RawRequest(body=_with_field(body, name, given), headers=(kind,))
        return RawRequest(body=body, headers=(kind, (name, given)))
    proof = SIGNERS[str(settings.get("scheme"))](body, connection, now)
    return RawRequest(body=body, headers=(kind, *proof))


def _with_field(body: bytes, name: str, given: str) -> bytes:
    if not name.isidentifier() or not body.lstrip().startswith(b"{"):
        raise ConfigError("the hub cannot put the token into such a body", place="settings.field")
    tree = load_json(body)
    return json.dumps({**tree, name: given}, ensure_ascii=False, default=str).encode()


def _standard(body: bytes, connection: Connection, now: datetime) -> Sequence[Header]:
    stamp, message_id = str(int(now.timestamp())), f"msg_test_{int(now.timestamp() * 1000)}"
    proof = signature(key_of(secrets_of(connection)[0]), message_id, stamp, body)
    return (
        ("webhook-id", message_id),
        ("webhook-timestamp", stamp),
        ("webhook-signature", proof),
    )


def _hmac(body: bytes, connection: Connection, now: datetime) -> Sequence[Header]:
    settings = connection.settings
    secret = secrets_of(connection)[0].encode()
    digest = hmac.digest(secret, body, settings.get("algorithm") or "sha256")
    is_base64 = settings.get("encoding") == "base64"
    text = b64encode(digest).decode() if is_base64 else digest.hex()
    name = settings.get("header") or "X-Signature"
    return ((str(name), f"{settings.get('prefix') or ''}{text}"),)


def _stripe(body: bytes, connection: Connection, now: datetime) -> Sequence[Header]:
    stamp = str(int(now.timestamp()))
    proof = hmac_sha256(secrets_of(connection)[0], f"{stamp}.".encode() + body).hex()
    name = connection.settings.get("header") or "Stripe-Signature"
    return ((str(name), f"t={stamp},v1={proof}"),)


def _basic(body: bytes, connection: Connection, now: datetime) -> Sequence[Header]:
    pair = f"{connection.setting('username')}:{secrets_of(connection)[0]}"
    return (("Authorization", f"Basic {b64encode(pair.encode()).decode()}"),)


SIGNERS: Final[dict[str, Sign]] = {
    "standard": _standard,
    "hmac": _hmac,
    "stripe": _stripe,
    "basic": _basic,
}
