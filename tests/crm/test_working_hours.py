"""Deadlines count working minutes only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.crm.working_hours import working_hours
from hub.sdk.errors import ConfigError

MOSCOW = ZoneInfo("Europe/Moscow")


def at(text: str) -> datetime:
    """A moment in Moscow; 12 January 2026 is a Monday."""
    return datetime.fromisoformat(f"2026-01-{text}").replace(tzinfo=MOSCOW)


@pytest.mark.parametrize(
    ("moment", "deadline"),
    [
        ("12T10:00", "12T10:15"),
        ("12T07:30", "12T09:15"),
        ("12T20:00", "13T09:15"),
        ("12T17:55", "13T09:10"),
        ("12T17:45", "12T18:00"),
        ("16T18:00", "19T09:15"),
        ("17T12:00", "19T09:15"),
    ],
)
def test_fifteen_working_minutes(moment: str, deadline: str) -> None:
    assert working_hours({}, MOSCOW).after(at(moment), 15) == at(deadline)


def test_round_the_clock_and_odd_days() -> None:
    always = working_hours({"days": "mon-sun", "from": "00:00", "to": "24:00"}, MOSCOW)
    assert always.after(at("17T23:50"), 15) == at("18T00:05")
    odd = working_hours({"days": "sat-mon, wed", "from": 540, "to": 1080}, MOSCOW)
    assert odd.after(at("13T12:00"), 15) == at("14T09:15")


def test_the_clock_that_is_put_forward() -> None:
    berlin = working_hours(
        {"days": "mon-sun", "from": "00:00", "to": "24:00"}, ZoneInfo("Europe/Berlin")
    )
    before = datetime(2026, 3, 29, 0, 50, tzinfo=UTC)
    assert (berlin.after(before, 30) - before).total_seconds() == 30 * 60


@pytest.mark.parametrize(
    "said", [{"days": "пн-пт"}, {"from": "утро"}, {"from": "18:00", "to": "09:00"}]
)
def test_what_makes_no_sense_is_named(said: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        working_hours(said, MOSCOW)
    assert error.value.place.startswith("tasks.working_hours.")
