"""The cursor of a delta stream: which of two values of a row's field is the newer one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

MAX_DIGITS = 30
#: Years that 1C uses for «no date» and «never».
FIRST_YEAR, LAST_YEAR = 1900, 3999
#: A row dated further ahead is a mistake: it must not carry the cursor past all later changes.
FUTURE_SLACK = timedelta(days=1)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?$")
_RUSSIAN = re.compile(r"(\d\d)\.(\d\d)\.(\d{4})(?: (\d?\d):(\d\d)(?::(\d\d))?)?$")
Rank = tuple[int, Any]


def parse_moment(text: str, timezone: ZoneInfo) -> datetime | None:
    """An ISO or «31.12.2026 23:59:59» time, naive ones in `timezone`; None when it is neither."""
    text = text.strip()
    try:
        if _ISO.match(text):
            moment = datetime.fromisoformat(text)
        elif found := _RUSSIAN.match(text):
            day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
            moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone)
        else:
            return None
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone)


def earlier(text: str, seconds: float, timezone: ZoneInfo) -> str:
    """A time so much earlier, written as it was; what is no time stays as it is."""
    moment = parse_moment(text, timezone)
    if moment is None or not seconds:
        return text
    before = moment - timedelta(seconds=seconds)
    if _RUSSIAN.match(text.strip()):
        return before.strftime("%d.%m.%Y %H:%M:%S")
    zoned = datetime.fromisoformat(text.strip()).tzinfo is not None
    return (before if zoned else before.replace(tzinfo=None)).isoformat()


def parse_number(text: str) -> Decimal | None:
    """A number as 1C writes it, spaces and comma included; None when it is none."""
    try:
        number = Decimal(re.sub(r"\s", "", text).replace(",", "."))
    except InvalidOperation:
        return None
    # A number of thousands of digits is nobody's; as text it still tells one row from another.
    return number if number.is_finite() and number.adjusted() < MAX_DIGITS else None


def rank(value: Any, timezone: ZoneInfo) -> Rank | None:
    """A key that orders cursor values: times, then numbers, then text; None for «no value»."""
    if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
        return None
    text = str(value).strip()
    moment = parse_moment(text, timezone)
    if moment is not None:
        if not FIRST_YEAR <= moment.year < LAST_YEAR:
            return None
        return 2, moment.astimezone(UTC)
    number = parse_number(text)
    if number is not None:
        return 1, number
    return (0, text) if text else None


def version(key: Rank | None) -> str:
    """The key as text that sorts: UTC time, zero-padded number, or the text itself."""
    if key is None:
        return ""
    kind, value = key
    if kind == 2:
        return str(value.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if kind == 1:
        return f"{int(value):020d}"
    return str(value)


class Marker:
    """Follows the newest cursor value of the rows read; starts from the stored one."""

    def __init__(self, stored: str, timezone: ZoneInfo, now: datetime) -> None:
        self.value = stored
        self.seen = False
        self._timezone = timezone
        self._top = rank(stored, timezone)
        self._limit = now.astimezone(UTC) + FUTURE_SLACK

    def see(self, value: Any) -> str:
        """Take a row's value in account and return the row's version."""
        key = rank(value, self._timezone)
        if key is None:
            return ""
        self.seen = True
        if key[0] == 2 and key[1] > self._limit:
            return version(key)
        if self._top is None or key[0] != self._top[0] or key[1] > self._top[1]:
            self._top, self.value = key, str(value).strip()
        return version(key)
