"""Calls are listed by every filter; who was not called back is the same as told one by one."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from hub.crm.calls import client_number
from hub.store import call_marks
from hub.store.database import utc_now
from hub.store.lists import calls as call_lists
from hub.store.lists.calls import CallFilters
from hub.store.models import calls
from hub.store.store import Store
from tests.support.hub import Hub
from tests.support.rows import Rows

LINES = ("+74950000010", "+74950000020")
NUMBERS = ("+79160000001", "+79160000002", "+79160000003", "101", None)


def one_by_one(store: Store, since: datetime) -> list[dict[str, Any]]:
    """The rule told plainly: the last missed call of each caller whom nobody spoke to or called
    after it, with `times` they tried in vain."""
    told = [
        row for row in Hub(store).rows(calls) if row["started_at"] and row["started_at"] >= since
    ]
    settled: set[str] = set()
    missed: dict[str, dict[str, Any]] = {}
    for row in sorted(told, key=lambda one: (one["started_at"], one["id"]), reverse=True):
        number = client_number(row)
        if number is None or number in settled:
            continue
        if row["direction"] == "out" or row["status"] != "missed":
            settled.add(number)
        elif number in missed:
            missed[number]["times"] += 1
        else:
            missed[number] = {**row, "times": 1}
    return list(missed.values())


def history(rows: Rows, seed: int, count: int = 60) -> datetime:
    """A few callers' calls in any order; returns a moment before all of them."""
    chance, now = random.Random(seed), utc_now()  # noqa: S311  # no secret
    for place in range(count):
        direction = chance.choice(("in", "in", "in", "out", "internal"))
        number = chance.choice(NUMBERS)
        rows.record(
            "call",
            external_id=str(place),
            direction=direction,
            status=chance.choice(("missed", "missed", "answered", None, "busy")),
            from_number="102" if direction == "out" else number,
            to_number=number if direction == "out" else "102",
            line_number=chance.choice(LINES),
            manager=chance.choice(("vera@example.ru", None)),
            started_at=now - timedelta(minutes=chance.randrange(1, 500)),
        )
    return now - timedelta(days=1)


@pytest.mark.parametrize("seed", range(4))
def test_not_called_back_is_what_a_look_at_each_call_tells(
    store: Store, rows: Rows, seed: int
) -> None:
    since = history(rows, seed)
    wanted = {(row["id"], row["times"]) for row in one_by_one(store, since)}
    found = call_lists.unreturned(store.database, since)
    assert {(row["id"], row["times"]) for row in found} == wanted
    listed = call_lists.list_calls(store.database, CallFilters(unreturned_since=since))
    assert {row["id"] for row in listed.items} == {key for key, _ in wanted}


def test_a_call_that_is_done_waits_no_more_until_they_ring_again(store: Store, rows: Rows) -> None:
    since = utc_now() - timedelta(days=1)
    missed: dict[str, Any] = {
        "direction": "in", "status": "missed", "from_number": "+79160000001",
    }  # fmt: skip
    first = rows.record("call", started_at=since + timedelta(hours=1), **missed)
    with store.database.write() as db:
        call_marks.set_done(db, first, "vera@example.ru")
    assert call_lists.unreturned(store.database, since) == []
    with store.database.write() as db:
        call_marks.set_done(db, first, "")
    assert [row["id"] for row in call_lists.unreturned(store.database, since)] == [first]
    with store.database.write() as db:
        call_marks.set_done(db, first, "vera@example.ru")
    again = rows.record("call", started_at=since + timedelta(hours=2), **missed)
    assert [row["id"] for row in call_lists.unreturned(store.database, since)] == [again]


def test_filters_find_and_note_is_kept(store: Store, rows: Rows) -> None:
    history(rows, seed=9)
    everything = call_lists.list_calls(store.database, CallFilters(), limit=200).items
    for filters, holds in (
        (CallFilters(line=LINES[0]), lambda row: row["line_number"] == LINES[0]),
        (CallFilters(manager="vera@example.ru", status="missed"),
         lambda row: (row["manager"], row["status"]) == ("vera@example.ru", "missed")),
        (CallFilters(q="8 916 000-00-02"),
         lambda row: NUMBERS[1] in (row["from_number"], row["to_number"])),
        (CallFilters(q="никого"), lambda row: False),
    ):  # fmt: skip
        found = call_lists.list_calls(store.database, filters, limit=200).items
        assert [row["id"] for row in found] == [row["id"] for row in everything if holds(row)]
    assert call_lists.lines(store.database) == sorted(LINES)
    with store.database.write() as db:
        call_marks.set_note(db, everything[0]["id"], " просил скидку ", "vera@example.ru")
    assert (call_marks.mark(store.database, everything[0]["id"]) or {})["note"] == "просил скидку"
