"""Transforms that give moments in time, always aware and in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from hub.mapping.transforms.numeric import exact
from hub.mapping.transforms.registry import (
    MappingContext,
    TransformError,
    as_text,
    sample,
    transform,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_YEAR, LAST_YEAR = 1900, 3000
_LAST_SECOND = int(datetime(LAST_YEAR, 1, 1, tzinfo=UTC).timestamp())
#: 1C writes «no date» as 0001-01-01 and «for ever» as 3999-12-31.
NO_DATE_YEAR, FOREVER_YEAR = 1, 3999

_DIGITS = re.compile(r"[0-9]+")
_RUSSIAN = re.compile(
    r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII
)
_MAIL = re.compile(r"(?:[A-Za-z]{3}, *)?\d{1,2} [A-Za-z]{3} \d{4} \d{1,2}:\d{2}.*", re.ASCII)
#: More than six digits of a second are cut, not refused.
_LONG_FRACTION = re.compile(r"([.,]\d{6})\d+")


def _refuse(value: Any) -> TransformError:
    return TransformError(f"«{sample(value)}» is not a time the hub understands")


def _parse(text: str) -> datetime:
    """Read one of the known forms; ValueError when it is none of them."""
    if text[4:5] == "-":
        return datetime.fromisoformat(
            _LONG_FRACTION.sub(r"\1", text) if "." in text or "," in text else text
        )
    if _DIGITS.fullmatch(text):
        if len(text) == 14:
            return datetime.strptime(text, "%Y%m%d%H%M%S")  # noqa: DTZ007  # the caller knows the zone
        if len(text) == 8:
            return datetime.fromisoformat(text)
        raise ValueError(text)
    russian = _RUSSIAN.fullmatch(text)
    if russian:
        day, month, year, hour, minute, second = (int(part or 0) for part in russian.groups())
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  # the caller knows the zone
    if _MAIL.fullmatch(text):
        moment = parsedate_to_datetime(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.fromisoformat(_LONG_FRACTION.sub(r"\1", text))


def _to_utc(moment: datetime, zone: tzinfo, value: Any) -> datetime | None:
    """The moment in UTC; None for the dates that mean «no date»."""
    if not FIRST_YEAR <= moment.year < LAST_YEAR:
        if moment.year <= NO_DATE_YEAR or moment.year >= FOREVER_YEAR:
            return None
        raise TransformError(f"«{sample(value)}»: the year {moment.year} is impossible")
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _moment(value: Any, zone: tzinfo) -> datetime | None:
    if value.__class__ is not str:
        if isinstance(value, datetime):
            return _to_utc(value, zone, value)
        if isinstance(value, date):
            return _to_utc(datetime(value.year, value.month, value.day, tzinfo=zone), zone, value)
        if isinstance(value, int | float | Decimal):
            raise TransformError(f"«{sample(value)}» is a bare number: use unixtime or unixtime_ms")
    text = as_text(value)
    if len(text) > 64:
        raise _refuse(value)
    if text.startswith("0000-00-00"):
        return None
    try:
        moment = _parse(text)
    except (ValueError, TypeError, OverflowError, LookupError) as error:
        if _DIGITS.fullmatch(text) and len(text) in {10, 13}:
            raise TransformError(
                f"«{sample(value)}» is a bare number: use unixtime or unixtime_ms"
            ) from error
        raise _refuse(value) from error
    return _to_utc(moment, zone, value)


@transform("time", gives="time")
def time(value: Any, argument: Any, context: MappingContext) -> datetime | None:
    """A moment: ISO 8601, «12.01.2026 18:20:05», 20260112182005 or a mail date.

    Without a zone it is the connection's own. 0001-01-01, 0000-00-00 and 3999-12-31 are no value.
    """
    return _moment(value, context.timezone)


@transform("time_utc", gives="time")
def time_utc(value: Any, argument: Any, context: MappingContext) -> datetime | None:
    """The same as time, but without a zone it is UTC."""
    return _moment(value, UTC)


def _since_epoch(value: Any, per_second: int, hint: str) -> datetime | None:
    if value.__class__ is int and 0 < value < _LAST_SECOND * per_second:
        return EPOCH + timedelta(microseconds=value * 1_000_000 // per_second)
    number = exact(value, "a unix time")
    if not number:
        return None
    try:
        moment = EPOCH + timedelta(microseconds=int(number * 1_000_000 / per_second))
    except OverflowError as error:
        raise TransformError(f"«{sample(value)}» is not a unix time{hint}") from error
    if not FIRST_YEAR <= moment.year < LAST_YEAR:
        raise TransformError(f"«{sample(value)}» is not a unix time{hint}")
    return moment


@transform("unixtime", gives="time")
def unixtime(value: Any, argument: Any, context: MappingContext) -> datetime | None:
    """A moment in seconds since 1970, with a fraction or without; 0 is no value."""
    return _since_epoch(value, 1, " in seconds: perhaps unixtime_ms")


@transform("unixtime_ms", gives="time")
def unixtime_ms(value: Any, argument: Any, context: MappingContext) -> datetime | None:
    """A moment in milliseconds since 1970; 0 is no value."""
    return _since_epoch(value, 1000, " in milliseconds")


def _check_format(argument: Any) -> str:
    probe = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    try:
        datetime.strptime(probe.strftime(argument), argument)  # noqa: DTZ007  # only the form is tried
    except (ValueError, TypeError, re.error):
        known = False
    else:
        known = "%" in argument
    return "" if known else f"«{argument}» is not a date format such as %d.%m.%Y"


@transform("date", gives="time", check=_check_format)
def date_format(value: Any, argument: Any, context: MappingContext) -> datetime | None:
    """A moment in a form of your own, as Python's strptime writes it: {date: "%d/%m/%y"}."""
    try:
        moment = datetime.strptime(as_text(value), argument)  # noqa: DTZ007  # the zone is added below
    except (ValueError, OverflowError) as error:
        raise TransformError(f"«{sample(value)}» does not look like {argument}") from error
    return _to_utc(moment, context.timezone, value)
