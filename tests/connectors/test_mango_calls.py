"""Mango Office: what one message says of a call – sides, outcome, times whatever the clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.mango import webhook
from connectors.mango.emulator import signed
from hub.sdk.connection import Connection, Secrets
from hub.sdk.errors import ConfigError, Ignored
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event

ROOT = Path(__file__).parents[2]
FIXTURES = sorted((ROOT / "connectors" / "mango" / "fixtures").glob("*.http"))
NOW = datetime(2025, 10, 20, 10, 2, tzinfo=UTC)
ENTRY, LEG = "NTAwOTE1MTM3MQ==", "MToxMDA2MDg1OjQ4OjU4MTg1"
CLIENT, LINE = "79160000010", "74950000010"


def make_connection(**settings: Any) -> Connection:
    return Connection(
        name="mango-main",
        connector="mango",
        settings={"managers": {}, "time_offset_seconds": None, **settings},
        secrets=Secrets({"api_key": "k1", "api_salt": "s1"}),
    )


def parse(path: str, told: Any, at: datetime = NOW, **settings: Any) -> SourceRecord:
    request = signed(path, json.dumps(told), "k1", "s1")
    webhook.verify(request, make_connection(**settings), at)
    (record,) = webhook.parse(Event(request, at), make_connection(**settings))
    return record


def leg(**changes: Any) -> dict[str, Any]:
    told = {
        "entry_id": ENTRY,
        "call_id": LEG,
        "timestamp": 1760954412,
        "seq": 2,
        "call_state": "Connected",
        "location": "abonent",
        "from": {"number": CLIENT},
        "to": {"extension": "101", "number": "sip:anna@uzel.example", "line_number": LINE},
    }
    return {**told, **changes}


def summary(**changes: Any) -> dict[str, Any]:
    told = {
        "entry_id": ENTRY,
        "call_direction": 1,
        "from": {"number": CLIENT},
        "to": {"extension": "101", "number": "sip:anna@uzel.example"},
        "line_number": LINE,
        "create_time": 1760954395,
        "forward_time": 1760954400,
        "talk_time": 1760954412,
        "end_time": 1760954492,
        "entry_result": 1,
        "disconnect_reason": 1110,
    }
    return {**told, **changes}


# --- legs ----------------------------------------------------------------------------------


def test_seq_sorts_as_text_whether_number_or_text() -> None:
    versions = [parse("events/call", leg(seq=seq)).version for seq in ("1", 2, "9", 10, "11", 100)]
    assert versions == sorted(versions)
    assert len(set(versions)) == 6


@pytest.mark.parametrize(
    ("location", "state", "expected"),
    [
        ("abonent", "Connected", "connected"),
        ("ivr", "Connected", "appeared"),
        ("queue", "Connected", "appeared"),
        ("abonent", "OnHold", "on_hold"),
        ("queue", "Disconnected", "disconnected"),
    ],
)
def test_only_a_person_answers(location: str, state: str, expected: str) -> None:
    told = leg(location=location, call_state=state)
    assert parse("events/call", told).data["leg_state"] == expected


OUTSIDE, ANNA, BORIS = {"number": CLIENT}, {"extension": "101"}, {"extension": 102}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"from": OUTSIDE, "to": ANNA},
            {"direction": "in", "extension": "101", "from": "+79160000010", "to": "101"},
        ),
        (
            {"from": ANNA, "to": OUTSIDE},
            {"direction": "out", "extension": "101", "from": "101", "to": "+79160000010"},
        ),
        (
            {"from": ANNA, "to": BORIS},
            {"direction": "internal", "extension": "102", "from": "101", "to": "102"},
        ),
        (
            {"from": OUTSIDE, "to": {"number": LINE}, "location": "ivr"},
            {"direction": "in", "from": "+79160000010", "to": "+74950000010"},
        ),
        (
            {"from": {"number": "anonymous"}, "to": {"number": "sip:103@uzel.example"}},
            {"direction": "in", "to": "103"},
        ),
        (
            {"from": {**ANNA, "taken_from_call_id": "x"}, "to": BORIS},
            {"extension": "102", "from": "101", "to": "102"},
        ),
        (
            {"from": {**OUTSIDE, "was_transferred": True}, "to": BORIS},
            {"extension": "102", "from": "+79160000010", "to": "102"},
        ),
    ],
)
def test_leg_tells_direction_and_sides(changes: dict[str, Any], expected: dict[str, str]) -> None:
    data = parse("events/call", leg(**changes)).data
    names = {"from_number": "from", "to_number": "to"}
    told = {
        names.get(name, name): data[name]
        for name in ("direction", "extension", "from_number", "to_number")
        if name in data
    }
    assert told == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("79160000010", "+79160000010"),
        ("89160000010", "89160000010"),
        ("+79160000010", "+79160000010"),
        ("tel:+7(916)000-00-10", "+79160000010"),
        ("sip:79160000010@uzel.example;transport=udp", "+79160000010"),
        ("375290000010", "+375290000010"),
        ("8613900000010", "+8613900000010"),
        ("810375290000010", "810375290000010"),
        ("103", "103"),
        ("sip:anna@uzel.example", None),
        ("anonymous", None),
        ("", None),
    ],
)
def test_number_is_unwrapped(written: str, expected: str | None) -> None:
    data = parse("events/call", leg(**{"from": {"number": written}})).data
    assert data.get("from_number") == expected


# --- outcomes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "incoming", "outgoing"),
    [
        (1111, "missed", "missed"),
        ("1121", "busy", "busy"),
        (1122, "missed", "busy"),
        (1131, "missed", "failed"),
        (1133, "failed", "failed"),
        (1163, "missed", "missed"),
        (1170, "missed", "missed"),
        (1192, "missed", "missed"),
        (1310, "voicemail", "voicemail"),
        (2030, "failed", "failed"),
        (3201, "failed", "failed"),
        (4200, "missed", "failed"),
        (5001, "failed", "failed"),
        (1110, None, None),
        (7777, None, None),
        (21, None, None),
        (None, None, None),
    ],
)
def test_disconnect_reason_by_class(
    reason: Any, incoming: str | None, outgoing: str | None
) -> None:
    ended = leg(call_state="Disconnected", disconnect_reason=reason)
    assert parse("events/call", ended).data.get("outcome") == incoming
    called = {**ended, "from": ANNA, "to": OUTSIDE}
    assert parse("events/call", called).data.get("outcome") == outgoing
    unanswered = summary(talk_time=0, disconnect_reason=reason)
    assert parse("events/summary", unanswered).data["outcome"] == (incoming or "missed")


def test_talk_time_decides_and_entry_result_does_not() -> None:
    assert parse("events/summary", summary(entry_result=0)).data["outcome"] == "answered"
    menu = parse("events/summary", summary(entry_result=1, talk_time="0", disconnect_reason=1170))
    assert menu.data["outcome"] == "missed"
    assert menu.data["talk_time"] is None


@pytest.mark.parametrize(("told", "expected"), [(0, "internal"), ("1", "in"), (2, "out")])
def test_summary_direction(told: Any, expected: str) -> None:
    assert parse("events/summary", summary(call_direction=told)).data["direction"] == expected


def test_recording_is_one_part_and_its_file_the_last_word() -> None:
    told = {"recording_id": "REC=", "recording_state": "Completed", "seq": 7, **leg(seq=7)}
    completed, added = parse("events/recording", told), parse("events/record/added", told)
    assert completed.part == added.part == "recording:REC="
    assert completed.version < added.version
    for changes in ({"recording_state": "Continued"}, {"completion_code": "4002"}):
        with pytest.raises(Ignored):
            parse("events/recording", {**told, **changes})


# --- the clock -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead_seconds", "setting", "subtracted"),
    [
        (0, None, 0),
        (10_800, None, 10_800),
        (10_800 - 600, None, 10_800),
        (10_800 + 600, None, 10_800),
        (10_800 - 601, None, 0),
        (10_800 + 601, None, 0),
        (-10_800, None, 0),
        (10_800, 0, 0),
        (0, 3_600, 3_600),
        (0, -3_600, -3_600),
    ],
)
def test_clock_three_hours_ahead_is_put_right(
    ahead_seconds: int, setting: int | None, subtracted: int
) -> None:
    at = NOW
    stamp = int((at + timedelta(seconds=ahead_seconds)).timestamp())
    record = parse("events/call", leg(timestamp=str(stamp)), at, time_offset_seconds=setting)
    assert record.data["timestamp"] == stamp - subtracted
    assert record.occurred_at == datetime.fromtimestamp(stamp - subtracted, UTC)


def test_long_call_with_a_fast_clock_is_put_right_as_a_whole() -> None:
    shift, end = 10_800, int(NOW.timestamp())
    told = summary(
        create_time=end - 5000 + shift,
        forward_time=0,
        talk_time=end - 4900 + shift,
        end_time=end + shift,
    )
    data = parse("events/summary", told).data
    times = [data[name] for name in ("create_time", "forward_time", "talk_time", "end_time")]
    assert times == [end - 5000, None, end - 4900, end]


def test_replay_later_gives_the_same_times() -> None:
    request = signed("events/call", json.dumps(leg(timestamp=1760965212)), "k1", "s1")
    first = webhook.parse(Event(request, NOW), make_connection())
    assert list(first) == list(webhook.parse(Event(request, NOW), make_connection()))


def test_offset_beyond_a_day_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match="time_offset_seconds"):
        parse("events/call", leg(), time_offset_seconds=10**12)
