"""Standard Webhooks signatures, both ways: https://github.com/standard-webhooks/standard-webhooks.

Signed is `{id}.{timestamp}.{raw body}`; the secret is `whsec_` + base64 of 24 to 64 bytes.
The reference library is not used here: it reads the clock itself and needs the body as text.
"""

from __future__ import annotations

import base64

from hub.sdk.errors import ConfigError, SignatureError
from hub.sdk.signatures import from_base64, hmac_sha256

SECRET_PREFIX = "whsec_"  # noqa: S105  # a marker of the format, not a secret


def key_of(secret: str, place: str = "secrets.secret") -> bytes:
    """The bytes of a `whsec_…` secret; ConfigError, without the secret, when it is not base64."""
    try:
        key = from_base64(secret.removeprefix(SECRET_PREFIX))
    except SignatureError:
        key = b""
    if not key:
        raise ConfigError(f"must be {SECRET_PREFIX} followed by base64", place=place)
    return key


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """One item of the `webhook-signature` header: `v1,` + base64 of the HMAC-SHA256."""
    signed = f"{message_id}.{timestamp}.".encode("utf-8", "replace") + body
    return "v1," + base64.b64encode(hmac_sha256(key, signed)).decode()
