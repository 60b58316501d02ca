"""One message of Mango: its form, ids, numbers and times as plain values.

Nothing here is trusted: whatever the bytes are, the only error raised is PayloadError.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from hub.sdk import payload
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, PayloadError
from hub.sdk.request import RawRequest

STAMPS: Final = ("timestamp", "create_time", "forward_time", "talk_time", "end_time")
#: The vendor's limit on entry_id and call_id is 128 bytes; the store's on a key is 255.
MAX_ID_LENGTH: Final = 200
#: Some accounts stamp Moscow wall time as if it were UTC: three hours ahead.
MOSCOW_SECONDS: Final = 10_800
MOSCOW_TOLERANCE_SECONDS: Final = 600
DAY_SECONDS: Final = 86_400
INTEGER_LIMIT: Final = 10**15
EARLIEST_STAMP: Final = 946_684_800  # 2000-01-01
LATEST_STAMP: Final = 4_102_444_800  # 2100-01-01

_INTEGER: Final = re.compile(r"\s*(-?[0-9]{1,15})(\.0*)?\s*")
_SCHEME: Final = re.compile(r"^(sips?|tel):", re.IGNORECASE)
_HOST: Final = re.compile(r"[@;]")
_SPACING: Final = re.compile(r"[ ()-]")
_DIALLED: Final = re.compile(r"\+?[0-9]{2,16}")


def correct_times(
    data: dict[str, Any], marker: str, told_at: datetime, connection: Connection
) -> datetime:
    """Make every stamp of the message unix seconds UTC, or None for 0; return the marker's time.

    `marker` is the stamp nearest to the moment of sending: three hours ahead of `told_at` means
    that the account stamps Moscow time. The setting time_offset_seconds overrides the guess.
    Raises PayloadError for a stamp that is none, ConfigError for a setting beyond a day.
    """
    stamps: dict[str, int | None] = {name: _stamp(data, name) for name in STAMPS if name in data}
    sent = stamps.get(marker)
    if sent is None:
        raise PayloadError(f"{marker} is missing")
    offset = connection.settings.get("time_offset_seconds")
    if offset is None:
        ahead = sent - told_at.timestamp()
        is_moscow = abs(ahead - MOSCOW_SECONDS) <= MOSCOW_TOLERANCE_SECONDS
        offset = MOSCOW_SECONDS if is_moscow else 0
    if abs(offset) > DAY_SECONDS:
        raise ConfigError("must be within a day", place="settings.time_offset_seconds")
    for name, stamp in stamps.items():
        data[name] = None if stamp is None else stamp - offset
    return datetime.fromtimestamp(data[marker], UTC)


def _stamp(data: Mapping[str, Any], name: str) -> int | None:
    """A unix time in seconds; None for 0 or nothing, which is how Mango says «never»."""
    value = data[name]
    if value is None or value == "":
        return None
    seconds = integer(value)
    if seconds == 0:
        return None
    if seconds is None or not EARLIEST_STAMP <= seconds < LATEST_STAMP:
        raise PayloadError(f"{name} is not a unix time in seconds: {str(value)[:40]}")
    return seconds


def integer(value: Any) -> int | None:
    """A whole number that came as a number or as text, at most 15 digits; else None."""
    if value.__class__ is int:
        return int(value) if -INTEGER_LIMIT < value < INTEGER_LIMIT else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    if isinstance(value, Decimal) and not -1 < value.adjusted() < 15:
        return 0 if not value else None
    written = f"{value:f}" if isinstance(value, Decimal) else str(value)
    match = _INTEGER.fullmatch(written[:40])
    return int(match[1]) if match else None


def text(value: Any) -> str:
    """Text or a whole number as text without spaces around; anything else is empty."""
    if value.__class__ is str:
        return str(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    return str(value).strip()


def number(value: Any) -> str:
    """A dialled number out of `79160000010`, `sip:101@acme.example`, `tel:+7…`; else empty.

    Mango writes numbers with the country and without a plus; an eleven-digit number that starts
    with 8 is dialled the Russian way and stays as it is, as does 810….
    """
    dialled = text(value)
    # What is too long to be a number is not worth remembering either.
    read = _number if len(dialled) <= MAX_ID_LENGTH else _number.__wrapped__
    return read(dialled)


@lru_cache(maxsize=20_000)
def _number(dialled: str) -> str:
    bare = _SCHEME.sub("", dialled)
    digits = _SPACING.sub("", _HOST.split(bare, maxsplit=1)[0])
    if not _DIALLED.fullmatch(digits):
        return ""
    is_complete = digits.startswith(("+", "0", "810")) or (digits[0] == "8" and len(digits) == 11)
    return digits if is_complete or len(digits) < 11 else f"+{digits}"


def party(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One side of the call, `from` or `to`; empty when the message has none."""
    side = data.get(name)
    return side if isinstance(side, dict) else {}


def identifier(data: Mapping[str, Any], name: str) -> str:
    """A required opaque id as text; PayloadError when it is missing or too long."""
    found = text(data.get(name))
    if not found:
        raise PayloadError(f"{name} is missing")
    if len(found) > MAX_ID_LENGTH:
        raise PayloadError(f"{name} is longer than {MAX_ID_LENGTH} characters")
    return found


def load(request: RawRequest) -> dict[str, Any]:
    """The message in the json field; PayloadError when it is not a JSON object."""
    fields = form(request)
    if "json" not in fields:
        raise PayloadError("the form has no field json")
    message = payload.load_json(fields["json"])
    if not isinstance(message, dict):
        raise PayloadError("the field json holds no object")
    return message


def form(request: RawRequest) -> dict[str, bytes]:
    """The form's fields as bytes: the signature covers them exactly, whatever their charset."""
    fields: dict[str, bytes] = {}
    for piece in request.body.split(b"&", payload.MAX_FIELDS):
        name, _, value = piece.partition(b"=")
        fields[payload.unquote_form(name).decode("latin-1")] = payload.unquote_form(value)
    return fields
