"""How a sender proves itself: one function per scheme, the table at the end."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Final

from connectors._protocols.standard_webhooks import key_of, signature
from connectors.standard_webhook.body import find, scalar_text, tree
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, PayloadError, SignatureError
from hub.sdk.request import RawRequest
from hub.sdk.signatures import TOLERANCE_SECONDS, hmac_sha256, require_any, require_fresh

#: The same headers under the two names in use.
STANDARD_PREFIXES: Final = ("webhook-", "svix-")


def secrets_of(connection: Connection) -> list[str]:
    """Every valid secret; ConfigError when there is none or only empty ones."""
    found = [value for value in connection.secrets.all("secret") if value]
    if not found:
        raise ConfigError("is empty", place="secrets.secret")
    return found


def _tolerance(connection: Connection) -> int:
    given = connection.settings.get("tolerance_seconds")
    return TOLERANCE_SECONDS if given is None else int(given)


def standard_header(request: RawRequest, name: str) -> str:
    """A Standard Webhooks header (`id`, `timestamp`, `signature`), `svix-` names included."""
    for prefix in STANDARD_PREFIXES:
        if value := request.header(prefix + name):
            return value
    return ""


def standard(request: RawRequest, connection: Connection, now: datetime) -> None:
    """Standard Webhooks, symmetric: any of several signatures, any of several secrets."""
    keys = [key_of(secret) for secret in secrets_of(connection)]
    message_id, stamp, signed = (
        standard_header(request, name) for name in ("id", "timestamp", "signature")
    )
    if not message_id or not stamp or not signed:
        raise SignatureError("webhook-id, webhook-timestamp or webhook-signature is missing")
    expected = [signature(key, message_id, stamp, request.body) for key in keys]
    require_any(signed.split(), expected)
    require_fresh(stamp, now, _tolerance(connection))


def plain_hmac(request: RawRequest, connection: Connection, now: datetime) -> None:
    """HMAC of the raw body in a header, as GitHub, Shopify, Meta and most site forms do."""
    settings = connection.settings
    given = request.header(settings.get("header") or "X-Signature").strip()
    given = given.removeprefix(settings.get("prefix") or "")
    algorithm = settings.get("algorithm") or "sha256"
    digests = [
        hmac.digest(secret.encode(), request.body, algorithm) for secret in secrets_of(connection)
    ]
    if settings.get("encoding") == "base64":
        require_any([given], [b64encode(digest).decode() for digest in digests])
    else:
        require_any([given.lower()], [digest.hex() for digest in digests])


def stripe(request: RawRequest, connection: Connection, now: datetime) -> None:
    """`t=…,v1=hex[,v1=hex]` over `{t}.{raw}`; the secret is used as text, other items ignored."""
    header = request.header(connection.settings.get("header") or "Stripe-Signature")
    items = [item.strip().partition("=") for item in header.split(",")]
    stamp = next((value for name, _, value in items if name == "t"), "")
    given = [value for name, _, value in items if name == "v1"]
    signed = f"{stamp}.".encode("utf-8", "replace") + request.body
    require_any(given, [hmac_sha256(secret, signed).hex() for secret in secrets_of(connection)])
    require_fresh(stamp, now, _tolerance(connection))


def token_place(connection: Connection) -> tuple[str, str]:
    """Where the token stands: (`header` | `query` | `field`, its name); ConfigError unless one."""
    named = [
        (place, str(connection.settings[place]))
        for place in ("header", "query", "field")
        if connection.settings.get(place)
    ]
    if len(named) != 1:
        raise ConfigError(
            "scheme token needs exactly one of header, query, field", place="settings.header"
        )
    return named[0]


def token(request: RawRequest, connection: Connection, now: datetime) -> None:
    """A shared token in a header, in the query string or in a field of the body."""
    place, name = token_place(connection)
    if place == "header":
        given = request.header(name)
    elif place == "query":
        given = request.query_fields.get(name, "")
    else:
        given = _token_in_body(request, connection, name)
    given = given.strip().removeprefix(connection.settings.get("prefix") or "").strip()
    require_any([given], secrets_of(connection), "token")


def _token_in_body(request: RawRequest, connection: Connection, expression: str) -> str:
    try:
        found = find(expression, tree(request, connection), "settings.field")
    except PayloadError as error:
        raise SignatureError(f"the token cannot be read: {error.message}") from error
    return scalar_text(found) or ""


def basic(request: RawRequest, connection: Connection, now: datetime) -> None:
    """HTTP Basic (RFC 7617) with name and password in UTF-8."""
    kind, _, encoded = request.header("authorization").strip().partition(" ")
    if kind.lower() != "basic":
        raise SignatureError("the Basic authorization is missing")
    try:
        given = b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureError("the Basic authorization is not base64") from None
    name = connection.setting("username")
    wanted = [f"{name}:{secret}".encode() for secret in secrets_of(connection)]
    if not any([hmac.compare_digest(given, one) for one in wanted]):  # noqa: C419  # constant time
        raise SignatureError("the user name or password does not match")


Scheme = Callable[[RawRequest, Connection, datetime], None]
SCHEMES: Final[dict[str, Scheme]] = {
    "standard": standard,
    "hmac": plain_hmac,
    "stripe": stripe,
    "token": token,
    "basic": basic,
}
