"""Deadlines in working hours: minutes count only while the company works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hub.sdk.errors import ConfigError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: Further than this nobody's next working day is.
MAX_DAYS = 400


@dataclass(frozen=True)
class WorkingHours:
    """When the company works, in its own zone. `days` are weekdays, Monday is 0."""

    days: frozenset[int]
    opens: time
    closes: time
    zone: ZoneInfo

    def after(self, moment: datetime, minutes: int) -> datetime:
        """The moment when so many working minutes have gone by since `moment`, in UTC.

        Outside of hours the count begins at the next opening; what does not fit before closing
        goes on at the next one.
        """
        left = timedelta(minutes=minutes)
        at, day = moment, moment.astimezone(self.zone).date()
        for _ in range(MAX_DAYS):
            if day.weekday() in self.days:
                begin, end = max(at, self._at(day, self.opens)), self._at(day, self.closes)
                if begin < end:
                    if begin + left <= end:
                        return (begin + left).astimezone(UTC)
                    left -= end - begin
            day += timedelta(days=1)
        return (moment + timedelta(minutes=minutes)).astimezone(UTC)

    def _at(self, day: date, clock: time) -> datetime:
        if clock == time.max:
            return datetime.combine(day + timedelta(days=1), time(), tzinfo=self.zone)
        return datetime.combine(day, clock, tzinfo=self.zone)


def working_hours(said: Mapping[str, Any], zone: ZoneInfo) -> WorkingHours:
    """Read `{days: mon-fri, from: "09:00", to: "18:00"}`; ConfigError names what is wrong."""
    opens = _clock(said.get("from", "09:00"), "from")
    closes = _clock(said.get("to", "18:00"), "to")
    if opens >= closes:
        raise ConfigError("must be later than from", place="tasks.working_hours.to")
    return WorkingHours(_days(said.get("days", "mon-fri")), opens, closes, zone)


def _clock(said: Any, name: str) -> time:
    if isinstance(said, int):
        # YAML reads 9:00 without quotes as a number to the base of sixty.
        said = f"{said // 60}:{said % 60:02}"
    text = str(said).strip()
    if text == "24:00":
        return time.max
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007  # a time of the day has no zone
    except ValueError:
        raise ConfigError("must be a time, 09:00", place=f"tasks.working_hours.{name}") from None


def _days(said: Any) -> frozenset[int]:
    parts = said if isinstance(said, list) else str(said).split(",")
    found: set[int] = set()
    try:
        for part in parts:
            first, _, last = str(part).strip().lower().partition("-")
            begin = DAYS.index(first)
            end = DAYS.index(last) if last else begin
            while begin != end:
                found.add(begin)
                begin = (begin + 1) % len(DAYS)
            found.add(end)
    except ValueError:
        raise ConfigError(
            "must name days: mon-fri, or mon, wed, sat", place="tasks.working_hours.days"
        ) from None
    return frozenset(found)
