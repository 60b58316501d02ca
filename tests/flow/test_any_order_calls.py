"""P3: any order and any repetition of one call's events ends in the same row."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.mango.emulator import Emulator, signed
from hub.flow.replay import replay_events
from hub.sdk.request import RawRequest
from hub.store.models import calls, contacts, events, timeline
from tests.support import call_backs
from tests.support.hub import Hub, Row, shown

Message = tuple[str, dict[str, Any]]
NOW = datetime(2026, 1, 12, 15, 30, tzinfo=UTC)
START = int(NOW.timestamp()) - 3600
PLAYED = [call.messages for call in Emulator(now=NOW).calls]
BOUNDED = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
numbers = itertools.count(1)


def request(message: Message, entry_id: str, repeat: int = 0) -> RawRequest:
    """The message as Mango posts it; a repeat that differs in bytes but not in meaning."""
    path, told = message
    text = json.dumps({**told, "entry_id": entry_id}, ensure_ascii=False) + " " * repeat
    return signed(path, text, "emulated-key", "emulated-salt")


def connect(hub: Hub) -> None:
    """Two accounts that tell of the same calls: one in order and once, the other anyhow."""
    hub.option("tasks.within_days", 36_500)
    if not hub.store.catalog.all():
        for name in ("plain", "mixed"):
            hub.connect(name, Emulator(now=NOW).connection())


def play(
    hub: Hub, name: str, messages: list[RawRequest], batch: int = 100, pauses: Iterable[int] = ()
) -> None:
    """Receive in this order, draining in between, in batches of this size."""
    hub.option("events.batch_size", batch)
    for place, message in enumerate(messages):
        hub.post(name, message, NOW)
        if place in pauses:
            hub.drain(name)
    hub.drain(name)


def result(hub: Hub, name: str, entry_id: str) -> tuple[Row, Row | None]:
    """The one row of a call and its entry on the timeline."""
    connection_id = hub.store.catalog.require(name).id
    row = hub.one(calls, connection_id=connection_id, external_id=entry_id)
    entries = hub.rows(timeline, kind="call", record_id=row["id"])
    assert len(entries) == (1 if row["contact_id"] else 0)
    entry = {"occurred_at": entries[0]["occurred_at"], **entries[0]["summary"]} if entries else None
    return {**shown(row), "connection_id": None}, entry


@st.composite
def orders(draw: st.DrawFn, messages: list[Message]) -> list[tuple[Message, int]]:
    """The messages in any order, some of them several times."""
    repeated = draw(st.lists(st.sampled_from(messages), max_size=4))
    told = [(message, 0) for message in messages]
    told += [(message, draw(st.integers(0, 2))) for message in repeated]
    return draw(st.permutations(told))


def same_call(data: st.DataObject, hub: Hub, messages: list[Message]) -> None:
    entry_id = f"call-{next(numbers)}"
    play(hub, "plain", [request(message, entry_id) for message in messages])
    told = data.draw(orders(messages), label="order")
    pauses = data.draw(st.sets(st.integers(0, len(told))), label="pauses")
    batch = data.draw(st.integers(1, 8), label="batch")
    play(hub, "mixed", [request(item, entry_id, repeat) for item, repeat in told], batch, pauses)
    expected = result(hub, "plain", entry_id)
    assert result(hub, "mixed", entry_id) == expected
    assert call_backs.settled(hub) == call_backs.expected(hub)
    latest = [row["id"] for row in hub.rows(events)][-len(told) :]
    again = data.draw(st.lists(st.sampled_from(latest), min_size=1, max_size=4, unique=True))
    replay_events(hub.store, again, "parse", "test", "")
    for name in ("plain", "mixed"):
        hub.drain(name)
        assert result(hub, name, entry_id) == expected
    assert call_backs.settled(hub) == call_backs.expected(hub)


@BOUNDED
@given(data=st.data())
def test_the_calls_of_a_working_day(hub: Hub, data: st.DataObject) -> None:
    connect(hub)
    same_call(data, hub, data.draw(st.sampled_from(PLAYED), label="call"))
    # However many calls one number made, it is one client.
    phones = [row["phone"] for row in hub.rows(contacts)]
    assert len(phones) == len(set(phones))


stamps = st.integers(START, START + 120)
sides = st.sampled_from(
    [
        {"number": "79160000077"},
        {"number": "79160000078"},
        {"extension": "101", "number": "sip:user101@uzel.example"},
        {"extension": "102", "number": "sip:user102@uzel.example"},
        {"number": "74950000010", "line_number": "74950000010"},
    ]
)
reasons = st.sampled_from([1100, 1110, 1111, 1121, 1170, 3201, 1310])
legs = st.builds(
    lambda call_id, seq, state, at, location, caller, callee, reason, moved: (
        "events/call",
        {
            "call_id": f"leg-{call_id}",
            "seq": seq,
            "call_state": state,
            "timestamp": at,
            "location": location,
            "from": {**caller, **({"was_transferred": True} if moved else {})},
            "to": callee,
            "disconnect_reason": reason,
        },
    ),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from(["Appeared", "Connected", "OnHold", "Disconnected"]),
    stamps,
    st.sampled_from(["abonent", "ivr", "queue"]),
    sides,
    sides,
    reasons,
    st.booleans(),
)
summaries = st.builds(
    lambda direction, start, talk, end, caller, callee, reason: (
        "events/summary",
        {
            "call_direction": direction,
            "create_time": start,
            "forward_time": start,
            "talk_time": talk,
            "end_time": end,
            "from": caller,
            "to": callee,
            "line_number": "74950000010",
            "entry_result": 1,
            "disconnect_reason": reason,
        },
    ),
    st.sampled_from([0, 1, 2, None]),
    stamps,
    st.just(0) | stamps,
    stamps,
    sides,
    sides,
    reasons,
)
recordings = st.builds(
    lambda name, seq, at: (
        "events/recording",
        {
            "recording_id": f"record-{name}",
            "call_id": "leg-1",
            "recording_state": "Completed",
            "completion_code": 1000,
            "seq": seq,
            "timestamp": at,
        },
    ),
    st.integers(1, 3),
    st.integers(1, 3),
    stamps,
)


def leg(seq: int, state: str, caller: dict[str, str], at: int = 5, **to: str) -> Message:
    callee = to or {"extension": "101"}
    told = {"call_id": "leg-1", "seq": seq, "call_state": state, "timestamp": START + at}
    return "events/call", {**told, "location": "abonent", "from": caller, "to": callee}


@BOUNDED
@given(
    data=st.data(),
    messages=st.lists(legs | legs | summaries | recordings, min_size=1, max_size=7).filter(
        lambda told: any(path != "events/recording" for path, _ in told)
    ),
)
def test_whatever_the_messages_say(hub: Hub, data: st.DataObject, messages: list[Message]) -> None:
    """Contradictions too: two words of one seq, legs without a start, several summaries."""
    connect(hub)
    same_call(data, hub, messages)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(order=[0, 1])
@given(order=st.permutations([0, 1]))
def test_a_call_that_turns_out_to_be_internal_is_nobody_s(hub: Hub, order: list[int]) -> None:
    """A leg looked like a client's call; the summary, which knows, says otherwise."""
    connect(hub)
    own = {"extension": "102"}
    told = {"call_direction": 0, "create_time": START, "talk_time": 0, "end_time": START + 9}
    messages: list[Message] = [
        leg(1, "Appeared", {"number": "79160000079"}),
        ("events/summary", {**told, "from": own, "to": {"extension": "101"}}),
    ]
    entry_id = f"call-{next(numbers)}"
    for place in order:
        play(hub, "mixed", [request(messages[place], entry_id)])
    row, entry = result(hub, "mixed", entry_id)
    assert (row["direction"], row["contact_id"], entry) == ("internal", None, None)
