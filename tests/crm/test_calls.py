"""One call from its parts: seconds, status, manager."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.mango.emulator import Emulator as Mango
from hub.crm.calls import add_part, client_number, derive, last_moment
from hub.store.models import calls, contacts, timeline
from tests.support.hub import Hub

T0 = datetime(2026, 1, 12, 10, 0, tzinfo=UTC)
CLIENT, LINE = "+79161110001", "+74950000010"


def at(seconds: int) -> datetime:
    return T0 + timedelta(seconds=seconds)


def leg(name: str, *states: tuple[str, int], **said: Any) -> list[tuple[str, dict[str, Any], str]]:
    """(part, fields, version) of each message of a leg."""
    about = {"direction": "in", "from_number": CLIENT, "to_number": "101", **said}
    return [
        (f"leg:{name}", {**about, "leg_state": state, "leg_at": at(moment)}, f"{seq:010d}")
        for seq, (state, moment) in enumerate(states, 1)
    ]


def summary(**said: Any) -> list[tuple[str, dict[str, Any], str]]:
    return [("summary", said, "9")]


def call(*told: list[tuple[str, dict[str, Any], str]]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for message in [item for group in told for item in group]:
        part, fields, version = message
        parts = add_part(parts, part, fields, version)
    return derive(parts)


ANSWERED = leg("a", ("appeared", 0), ("connected", 12), ("disconnected", 75))
MISSED = leg("a", ("appeared", 0), ("disconnected", 30), outcome="missed")
BUSY = leg(
    "a", ("appeared", 0), ("disconnected", 4), direction="out", to_number=CLIENT, outcome="busy"
)


@pytest.mark.parametrize(
    ("told", "status", "wait", "talk"),
    [
        ([ANSWERED], "answered", 12, 63),
        ([ANSWERED[:1]], None, None, None),
        ([ANSWERED[:2]], "answered", 12, None),
        ([MISSED], "missed", 30, 0),
        ([BUSY], "busy", 4, 0),
        # A second employee picks up: the client waited from the first ring.
        ([MISSED, leg("b", ("appeared", 30), ("connected", 42), ("disconnected", 100))],
         "answered", 42, 58),
        # Only a summary, as for a call out of schedule.
        ([summary(started_at=at(0), ended_at=at(9), direction="in", outcome="missed")],
         "missed", 9, 0),
        ([summary(started_at=at(0), answered_at=at(5), ended_at=at(65), direction="in")],
         "answered", 5, 60),
        # A summary without an answer stands over a leg that was connected to a menu.
        ([ANSWERED, summary(started_at=at(0), ended_at=at(9), outcome="missed")], "missed", 9, 0),
        # A summary that counts for itself.
        ([summary(started_at=at(0), wait_seconds=7, talk_seconds=100)], "answered", 7, 100),
        ([summary(status="voicemail", started_at=at(0), ended_at=at(20))], "voicemail", 20, 0),
        # Clocks that run apart never make negative seconds.
        ([leg("a", ("appeared", 10), ("connected", 5), ("disconnected", 3))], "answered", 2, 0),
        # A leg that began before the hub listened.
        ([leg("a", ("disconnected", 60))], "missed", 0, 0),
        ([[("recording:r1", {"recording_id": "r1"}, "1")]], None, None, None),
    ],
)  # fmt: skip
def test_status_and_seconds(
    told: list[Any], status: str | None, wait: int | None, talk: int | None
) -> None:
    found = call(*told)
    assert (found["status"], found["wait_seconds"], found["talk_seconds"]) == (status, wait, talk)


def test_the_manager_is_who_answered_else_who_was_rung_last() -> None:
    first = leg("a", ("appeared", 0), ("disconnected", 9), manager="anna", extension="101")
    rung = leg("b", ("appeared", 10), ("disconnected", 19), manager="boris", extension="102")
    took = leg("c", ("appeared", 20), ("connected", 25), manager="vera", extension="103")
    assert call(first, rung)["manager"] == "boris"
    assert call(first, took, rung)["manager"] == "vera"
    assert call(took, summary(manager="gleb"))["manager"] == "gleb"


def test_a_recording_is_added_whenever_it_comes() -> None:
    record = [("recording:r1", {"recording_id": "r1", "recording_url": "https://x/1"}, "1")]
    for found in (call(ANSWERED, record), call(record, ANSWERED)):
        assert (found["recording_id"], found["recording_url"]) == ("r1", "https://x/1")
        assert found["talk_seconds"] == 63


def test_the_outside_number_is_the_client_s() -> None:
    assert client_number(call(ANSWERED)) == CLIENT
    assert client_number(call(BUSY)) == CLIENT
    assert client_number(call(leg("a", ("appeared", 0), from_number="101"))) is None
    assert client_number({"direction": "internal", "from_number": CLIENT}) is None
    assert client_number({}) is None


def test_a_message_that_says_nothing_new_changes_no_part() -> None:
    part, fields, version = ANSWERED[1]
    parts = add_part({}, part, fields, version, 7)
    assert add_part(parts, part, fields, version, 7) == parts
    assert add_part(parts, part, fields, version, 8) == parts
    assert add_part(parts, part, {**fields, "manager": "anna"}, version, 7) != parts


def test_a_state_told_twice_counts_from_its_first_and_a_leg_ends_with_its_last_end() -> None:
    """After a hold the leg is connected again; a correction moves the end."""
    told = leg(
        "a",
        ("appeared", 0),
        ("connected", 10),
        ("on_hold", 20),
        ("connected", 30),
        ("disconnected", 50),
        ("disconnected", 60),
    )
    for order in (told, told[::-1]):
        found = call(order)
        assert (found["answered_at"], found["ended_at"]) == (at(10), at(60))
        assert (found["wait_seconds"], found["talk_seconds"]) == (10, 50)


def test_of_two_words_of_one_version_the_same_one_always_counts() -> None:
    messages = [("leg:a", {"manager": name}, "1") for name in ("anna", "boris", "vera", "gleb")]
    found = {call(list(order))["manager"] for order in itertools.permutations(messages)}
    assert len(found) == 1
    newer = ("leg:a", {"manager": "zoya"}, "2")
    assert {
        call(list(order))["manager"] for order in itertools.permutations([*messages, newer])
    } == {"zoya"}


def test_a_working_day_ends_as_it_was_played(hub: Hub) -> None:
    emulator = Mango()
    hub.connect("mango", emulator.connection())
    for request in emulator.webhooks():
        hub.post("mango", request)
    hub.drain("mango")
    rows = {row["external_id"]: row for row in hub.rows(calls)}
    assert {key: (row["direction"], row["status"]) for key, row in rows.items()} == (
        emulator.outcomes()
    )
    assert len(hub.rows(contacts)) == emulator.expected()["contact"]
    entries = {row["record_id"]: row for row in hub.rows(timeline, kind="call")}
    assert set(entries) == {row["id"] for row in rows.values() if row["contact_id"]}
    for row in rows.values():
        if row["status"] == "answered":
            assert row["talk_seconds"] > 0
            assert row["answered_at"] > row["started_at"]
        else:
            assert row["talk_seconds"] == 0
            assert row["answered_at"] is None
        if row["contact_id"]:
            assert entries[row["id"]]["occurred_at"] == row["started_at"]
            assert entries[row["id"]]["summary"]["status"] == row["status"]


def test_the_last_moment_is_the_same_in_whatever_order_the_messages_came() -> None:
    told = [
        ("leg:1", {"leg_state": "appeared", "leg_at": "2026-01-12T15:00:00+00:00"}),
        ("summary", {"ended_at": "2026-01-12T15:00:09+00:00", "outcome": "missed"}),
        ("recording:1", {"recording_id": "1"}),
    ]
    for order in (told, told[::-1]):
        parts: dict[str, Any] = {}
        for number, (part, fields) in enumerate(order):
            parts = add_part(parts, part, fields, "1", number + 1)
        moment = last_moment(parts)
        assert moment is not None
        assert moment.isoformat() == "2026-01-12T15:00:09+00:00"
    assert last_moment({"recording:1": parts["recording:1"]}) is None
