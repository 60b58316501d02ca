"""A missed call makes a task for somebody; a talk with the client closes it."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.mango.emulator import Emulator, signed
from hub.crm import edit, merges
from hub.flow.replay import replay_events
from hub.store.models import calls, changes, contacts, deliveries, events, tasks, timeline
from tests.support import call_backs
from tests.support.hub import Hub, Row
from tests.support.people import IRINA, PAVEL, VERA
from tests.support.rows import Rows

#: A Monday, 10:00 in Moscow.
MORNING = datetime(2026, 1, 12, 7, 0, tzinfo=UTC)
NUMBER, OTHER, LINE = "+79160000077", "+79160000078", "+74950000010"
MISSED, TALKED = 1121, 1110
entries = itertools.count(1)


@pytest.fixture
def phones(hub: Hub) -> Hub:
    """A hub with a telephony account, for which January is not long ago."""
    hub.option("tasks.within_days", 36_500)
    hub.connect("pbx", Emulator(now=MORNING).connection())
    return hub


def tell(
    hub: Hub, minutes: float, *, out: bool = False, talk: bool = False, number: str = NUMBER,
    entry: str = "", drain: bool = True,
) -> str:  # fmt: skip
    """A call as its summary tells it, so many minutes into the morning; returns its id."""
    at = int((MORNING + timedelta(minutes=minutes)).timestamp())
    client, own = {"number": number[1:]}, {"extension": "101", "number": "sip:101@uzel.example"}
    said: dict[str, Any] = {
        "entry_id": entry or f"call-{next(entries)}",
        "call_direction": 2 if out else 1,
        "create_time": at,
        "forward_time": at + 1,
        "talk_time": at + 10 if talk else 0,
        "end_time": at + 30,
        "from": own if out else client,
        "to": client if out else own,
        "line_number": LINE[1:],
        "entry_result": int(talk),
        "disconnect_reason": TALKED if talk else MISSED,
    }
    text = json.dumps(said)
    hub.post("pbx", signed("events/summary", text, "emulated-key", "emulated-salt"))
    if drain:
        hub.drain("pbx")
    return str(said["entry_id"])


def only(hub: Hub) -> Row:
    """The one task that stands."""
    found = [row for row in hub.rows(tasks) if not row["deleted_at"]]
    assert len(found) == 1
    return found[0]


def test_a_missed_call_makes_a_task_with_a_deadline(phones: Hub) -> None:
    tell(phones, 0)
    row, call = only(phones), phones.one(calls)
    assert (row["kind"], row["number"], row["call_id"]) == ("call_back", NUMBER, call["id"])
    assert row["due_at"] == MORNING + timedelta(minutes=15)
    assert (row["missed_count"], row["done_at"], row["title"]) == (1, None, f"Перезвонить {NUMBER}")
    assert row["contact_id"] == call["contact_id"]
    assert phones.one(timeline, kind="task")["record_id"] == row["id"]
    assert row["origins"]["due_at"]["e"] == phones.one(events)["id"]
    assert phones.one(changes, entity="task")["event_id"] == phones.one(events)["id"]


def test_further_missed_calls_join_it_and_a_talk_closes_it(phones: Hub) -> None:
    tell(phones, 0)
    tell(phones, 4)
    tell(phones, 5, out=True)
    row = only(phones)
    assert (row["missed_count"], row["attempt_count"], row["done_at"]) == (2, 1, None)
    assert row["last_missed_at"] == MORNING + timedelta(minutes=4)
    talk = tell(phones, 9, out=True, talk=True)
    row = only(phones)
    assert row["done_at"] == MORNING + timedelta(minutes=9, seconds=10)
    closer = phones.one(calls, external_id=talk)
    assert (row["closed_by_entity"], row["closed_by_id"]) == ("call", closer["id"])
    tell(phones, 30)
    assert [bool(row["done_at"]) for row in phones.rows(tasks)] == [True, False]


def test_an_attempt_closes_it_where_the_company_says_so(phones: Hub) -> None:
    phones.option("tasks.attempt_closes", True)
    tell(phones, 0)
    tell(phones, 5, out=True)
    assert only(phones)["done_at"]


def test_order_and_repetition_do_not_matter(phones: Hub) -> None:
    talk: dict[str, Any] = {"out": True, "talk": True}
    told: list[tuple[int, dict[str, Any]]] = [(9, talk), (4, {}), (30, {}), (0, {})]
    told.append((12, {"out": True}))
    for minutes, how in told:
        tell(phones, minutes, **how)
    assert call_backs.stored(phones) == call_backs.expected(phones)
    assert [row["missed_count"] for row in call_backs.stored(phones)] == [2, 1]
    before = call_backs.stored(phones)
    replay_events(phones.store, [row["id"] for row in phones.rows(events)], "parse", "test", "")
    phones.drain("pbx")
    assert call_backs.stored(phones) == before
    assert not [row for row in phones.rows(tasks) if row["deleted_at"]]


def test_all_at_once_is_like_one_by_one(phones: Hub) -> None:
    for minutes, talk in ((0, False), (9, True), (4, False), (20, False)):
        tell(phones, minutes, talk=talk, drain=False)
    phones.drain("pbx")
    assert call_backs.stored(phones) == call_backs.expected(phones)
    assert len(call_backs.stored(phones)) == 2


def test_a_call_that_was_answered_after_all_withdraws_the_task(phones: Hub) -> None:
    phones.site("crm-copy")
    entry = tell(phones, 0)
    task = only(phones)
    # A second summary of the same call, told later, knows of the talk.
    tell(phones, 0.02, talk=True, entry=entry)
    assert call_backs.stored(phones) == call_backs.expected(phones) == []
    assert phones.one(tasks, id=task["id"])["deleted_at"]
    assert phones.rows(timeline, kind="task") == []


@pytest.mark.parametrize(
    ("client", "line", "expected"),
    [
        (VERA.email, "x@example.ru", VERA.email),
        ("", "x@example.ru", "x@example.ru"),
        ("", "", None),
    ],
)
def test_who_is_to_call_back(phones: Hub, client: str, line: str, expected: str | None) -> None:
    """The client's manager, else the line's, else nobody: anyone may take it."""
    if client:
        Rows(phones.store).contact(IRINA, manager=client)
    if line:
        phones.option("tasks.lines", {LINE: line})
    settings = {**Emulator(now=MORNING).connection(), "settings": {}}
    phones.connect("pbx", settings)
    tell(phones, 0, number=IRINA.phone)
    assert only(phones)["manager"] == expected


def test_another_phone_of_the_client_counts(phones: Hub) -> None:
    rows = Rows(phones.store)
    irina = rows.contact(IRINA)
    rows.point(irina, "phone", OTHER)
    tell(phones, 0, number=IRINA.phone)
    tell(phones, 5, number=OTHER, out=True, talk=True)
    assert only(phones)["done_at"]
    assert call_backs.stored(phones) == call_backs.expected(phones)


def test_a_person_s_word_stands(phones: Hub) -> None:
    tell(phones, 0)
    task = only(phones)
    done = MORNING + timedelta(minutes=3)
    words = {"done_at": done, "done_by": VERA.email, "manager": VERA.email}
    edit.edit_record(phones.store, "task", task["id"], words, VERA.email, 5)
    tell(phones, 9, talk=True)
    assert only(phones)["done_at"] == done
    # What comes after «done» is a call-back of its own.
    tell(phones, 20)
    assert [row["missed_count"] for row in phones.rows(tasks)] == [1, 1]


def test_opened_again_it_waits_for_another_talk(phones: Hub) -> None:
    tell(phones, 0)
    tell(phones, 5, talk=True)
    task = only(phones)
    words = {"done_at": None, "reopened_at": MORNING + timedelta(minutes=8), "done_by": None}
    edit.edit_record(phones.store, "task", task["id"], words, VERA.email, 5)
    tell(phones, 10)
    assert (only(phones)["done_at"], only(phones)["missed_count"]) == (None, 2)
    tell(phones, 12, talk=True)
    assert only(phones)["done_at"] == MORNING + timedelta(minutes=12, seconds=10)


def test_it_follows_a_merged_client(phones: Hub) -> None:
    rows = Rows(phones.store)
    pavel = rows.contact(PAVEL)
    tell(phones, 0)
    merged = phones.one(contacts, phone=NUMBER)["id"]
    merges.merge(phones.store, pavel, merged, "test")
    assert only(phones)["contact_id"] == pavel
    tell(phones, 2)
    assert (only(phones)["contact_id"], only(phones)["missed_count"]) == (pavel, 2)
    tell(phones, 5, number=PAVEL.phone, talk=True)
    assert only(phones)["done_at"]


def test_a_history_read_in_makes_no_tasks(phones: Hub) -> None:
    phones.option("tasks.within_days", 3)
    tell(phones, 0)
    assert phones.rows(tasks) == []


def test_it_is_brought_to_the_destinations(phones: Hub) -> None:
    copy = phones.connect(
        "copy",
        {
            "connector": "webhook_out",
            "settings": {"url": "https://copy.example/in", "entities": ["task"]},
            "secrets": {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        },
    )
    tell(phones, 0)
    duty = phones.one(deliveries, connection_id=copy.id)
    assert (duty["entity"], duty["event_type"]) == ("task", "task.created")


def test_between_two_desks_a_call_is_not_missed_yet(phones: Hub) -> None:
    at = int(MORNING.timestamp())
    for seq, state in ((1, "Appeared"), (2, "Disconnected")):
        said = {
            "entry_id": "desks", "call_id": "leg-1", "timestamp": at + seq, "seq": seq,
            "call_state": state, "location": "abonent", "from": {"number": NUMBER[1:]},
            "to": {"extension": "101"}, "disconnect_reason": MISSED,
        }  # fmt: skip
        phones.post("pbx", signed("events/call", json.dumps(said), "emulated-key", "emulated-salt"))
    phones.drain("pbx")
    assert phones.one(calls)["status"] == "busy"
    assert phones.rows(tasks) == []
    # A minute later nothing has come: it was.
    assert [row["number"] for row in call_backs.settled(phones)] == [NUMBER]
