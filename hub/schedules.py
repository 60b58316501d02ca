"""When a stream is due: «every 5m» or a cron line, in the connection's time zone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from hub.sdk.errors import ConfigError

_EVERY = re.compile(r"every\s+([0-9]{1,9})\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_SECONDS = 366 * 86400


def period_seconds(rule: str) -> int | None:
    """The period of an «every …» rule, in seconds; None for a cron line."""
    match = _EVERY.fullmatch(rule.strip().lower())
    return int(match[1]) * _SECONDS[match[2]] if match else None


def check_rule(rule: str, place: str) -> None:
    """Raise ConfigError unless the rule can be understood."""
    period = period_seconds(rule)
    if period is not None and period < 5:
        raise ConfigError("a stream cannot be polled more often than every 5s", place=place)
    if period is not None and period > LONGEST_SECONDS:
        raise ConfigError("a stream is polled at least once a year", place=place)
    if period is None and not croniter.is_valid(rule):
        raise ConfigError(
            f"«{rule}» is neither «every 5m» (s, m, h, d) nor a cron line, «*/10 8-20 * * *»",
            place=place,
        )


def next_run(rule: str, after: datetime, zone: ZoneInfo) -> datetime:
    """The first moment after `after` (aware) when the stream is due."""
    period = period_seconds(rule)
    if period is not None:
        return after + timedelta(seconds=period)
    due: datetime = croniter(rule, after.astimezone(zone)).get_next(datetime)
    return due


def expected_period(rule: str, now: datetime, zone: ZoneInfo) -> float:
    """How many seconds pass between two runs, to judge what is stale."""
    period = period_seconds(rule)
    if period is not None:
        return float(period)
    first = next_run(rule, now, zone)
    return (next_run(rule, first, zone) - first).total_seconds()
