"""A client's letter waits for an answer until there is one, in whatever order they come in."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.store import letters
from hub.store.models import messages
from tests.support.hub import Hub
from tests.support.rows import Rows

FIRST = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
LETTERS = [(0, "in", "mail"), (5, "in", "mail"), (9, "out", "mail"), (20, "in", "mail")]


def settle(hub: Hub) -> list[int]:
    """The minutes of the letters that wait."""
    with hub.store.database.write() as db:
        letters.settle_threads(db, ["<a>"], FIRST - timedelta(days=1))
    rows = [row for row in hub.rows(messages) if row["awaits_since"]]
    assert all(row["awaits_since"] == row["sent_at"] for row in rows)
    return sorted(int((row["sent_at"] - FIRST).total_seconds() // 60) for row in rows)


def add(hub: Hub, minutes: float, direction: str, kind: str, **values: Any) -> int:
    sent = FIRST + timedelta(minutes=minutes)
    return Rows(hub.store).record(
        "message", direction=direction, kind=kind, sent_at=sent, thread_key="<a>", **values
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_the_first_letter_after_our_last_one_waits(hub: Hub, order: tuple[int, ...]) -> None:
    for number in order:
        add(hub, *LETTERS[number])
        settle(hub)
    assert settle(hub) == [20]


def test_machines_ask_for_no_answer_and_give_none(hub: Hub) -> None:
    add(hub, 0, "in", "auto_reply")
    add(hub, 1, "in", "bulk")
    assert settle(hub) == []
    add(hub, 2, "in", "mail")
    add(hub, 3, "out", "auto_reply")
    assert settle(hub) == [2]


def test_no_answer_needed_is_said_of_what_came_before(hub: Hub) -> None:
    add(hub, 0, "in", "mail")
    last = add(hub, 5, "in", "mail")
    assert settle(hub) == [0]
    with hub.store.database.write() as db:
        assert letters.waive(db, last, "vera", FIRST + timedelta(hours=1), FIRST)
    assert settle(hub) == []
    add(hub, 20, "in", "mail")
    assert settle(hub) == [20]
