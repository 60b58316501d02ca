"""What a call is to each person while it rings, is answered and ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.crm import calls
from hub.crm.ringing import LONGEST_RING, concerned, state_for

NOW = datetime(2026, 1, 12, 15, 0, tzinfo=UTC)
VERA, BORIS, GLEB = "vera@example.ru", "boris@example.ru", "gleb@example.ru"
GROUP = (VERA, BORIS)


def told(*steps: tuple[str, str, int, dict[str, Any]]) -> dict[str, Any]:
    """The call's row after these steps: (leg, state, seconds from the start, what else is said)."""
    parts: dict[str, Any] = {}
    for place, (leg, state, seconds, more) in enumerate(steps):
        fields = {
            "direction": "in",
            "from_number": "+79160000010",
            "leg_state": state,
            "leg_at": NOW + timedelta(seconds=seconds),
            **more,
        }
        parts = calls.add_part(parts, f"leg:{leg}", fields, f"{place:010d}", place + 1)
    return {**calls.derive(parts), "parts": parts, "id": 1, "connection_id": 1}


def seen(row: dict[str, Any], seconds: int = 20) -> dict[str, str]:
    """The state of a call to each of the cast."""
    now = NOW + timedelta(seconds=seconds)
    return {one: state_for(row, one, GROUP, now) for one in (VERA, BORIS, GLEB)}


AT_VERA = ("a", "appeared", 0, {"manager": "Vera@Example.ru", "extension": "101"})


def test_it_rings_at_its_owner_alone() -> None:
    row = told(AT_VERA)
    assert seen(row) == {VERA: "ringing", BORIS: "", GLEB: ""}
    assert concerned(row, GROUP) == {VERA}


def test_the_voice_menu_calls_nobody() -> None:
    row = told(("m", "appeared", 0, {"leg_place": "ivr"}))
    assert set(seen(row).values()) == {""}
    assert concerned(row, GROUP) == set()


def test_a_queue_concerns_all_until_somebodys_phone_rings() -> None:
    queue = ("q", "appeared", 0, {"leg_place": "queue"})
    assert seen(told(queue)) == {VERA: "ringing", BORIS: "ringing", GLEB: ""}
    assert seen(told(queue, AT_VERA)) == {VERA: "ringing", BORIS: "", GLEB: ""}


def test_who_answers_talks_and_the_others_are_told() -> None:
    at_boris = ("b", "appeared", 0, {"manager": BORIS, "extension": "102"})
    row = told(AT_VERA, at_boris, ("b", "connected", 5, {"manager": BORIS}))
    assert seen(row) == {VERA: "elsewhere", BORIS: "talking", GLEB: ""}


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([AT_VERA, ("a", "disconnected", 15, {})], "missed"),
        ([AT_VERA, ("a", "connected", 5, {}), ("a", "disconnected", 15, {})], "ended"),
    ],
)
def test_the_end_says_what_became_of_it(steps: list[Any], state: str) -> None:
    assert seen(told(*steps))[VERA] == state


def test_nothing_rings_for_ever() -> None:
    late = int(LONGEST_RING.total_seconds()) + 1
    assert seen(told(AT_VERA), late)[VERA] == ""


def test_whom_we_call_is_no_card() -> None:
    row = told(("a", "appeared", 0, {"direction": "out", "manager": VERA}))
    assert seen(row)[VERA] == ""
