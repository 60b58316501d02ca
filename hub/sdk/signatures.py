"""Signatures of webhooks: compute, compare in constant time, accept several secrets."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime

from hub.sdk.errors import SignatureError

#: How far a vendor's stamped time may stand from ours, as Standard Webhooks and Stripe advise.
TOLERANCE_SECONDS = 300


def hmac_sha256(secret: str | bytes, signed: bytes) -> bytes:
    """Return the HMAC-SHA256 of `signed`."""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.digest(key, signed, hashlib.sha256)


def encode(digest: bytes, encoding: str) -> str:
    """Write a digest as `hex` or `base64` text."""
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


def same(left: str | bytes, right: str | bytes) -> bool:
    """Compare two texts in constant time, whatever characters they hold."""
    a = left.encode("utf-8", "surrogateescape") if isinstance(left, str) else left
    b = right.encode("utf-8", "surrogateescape") if isinstance(right, str) else right
    return hmac.compare_digest(a, b)


def require_any(given: Iterable[str], expected: Iterable[str], what: str = "signature") -> None:
    """Raise SignatureError unless one given value equals one expected value."""
    offered = [value for value in given if value]
    if not offered:
        raise SignatureError(f"the {what} is missing")
    wanted = list(expected)
    # Every pair is compared, so that the time tells nothing about which secret matched.
    matches = [same(one, other) for one in offered for other in wanted]
    if not any(matches):
        raise SignatureError(f"the {what} does not match")


def require_fresh(stamp: str | int, now: datetime, tolerance: int = TOLERANCE_SECONDS) -> None:
    """Raise SignatureError when a stamped unix time is further than `tolerance` from `now`."""
    try:
        seconds = int(stamp)
    except (TypeError, ValueError):
        raise SignatureError("the timestamp is not a unix time") from None
    # Whole seconds: a stamp of 400 digits would overflow a float.
    if abs(int(now.astimezone(UTC).timestamp()) - seconds) > tolerance:
        raise SignatureError(f"the timestamp is more than {tolerance} seconds off")


def from_base64(text: str) -> bytes:
    """Decode base64 with or without padding; SignatureError when it is not base64."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureError("the value is not base64") from None
