"""Refused requests are counted, and a flood of them costs little."""

from __future__ import annotations

import time

from sqlalchemy import event

from hub.store.models import rejections
from hub.store.rejections import MAX_CAUSES, SAMPLE_CHARACTERS, Rejections, cut_sample
from tests.support.hub import Hub
from tests.support.waiting import wait_until


def test_a_flood_is_one_row_and_few_writes(hub: Hub) -> None:
    tally = Rejections(hub.store.database)
    commits: list[int] = []
    event.listen(hub.store.database.engine, "commit", lambda _: commits.append(1))
    started = time.monotonic()
    for number in range(500):
        tally.note("shop", "signature", "wrong", f"192.0.2.{number % 7}", cut_sample(b"x" * 2_000))
    took = time.monotonic() - started
    tally.flush()
    row = hub.one(rejections)
    assert row["count"] == 500
    assert row["sample"] == "x" * SAMPLE_CHARACTERS
    assert row["first_at"] <= row["last_at"]
    assert len(commits) <= 3 + took


def test_what_was_counted_is_written_without_another_refusal(hub: Hub) -> None:
    tally = Rejections(hub.store.database)
    for _ in range(4):
        tally.note("shop", "signature", "wrong", "", "")
    wait_until(lambda: [row["count"] for row in hub.rows(rejections)] == [4], 5, "the flush")


def test_two_processes_add_up(hub: Hub) -> None:
    for _ in range(2):
        tally = Rejections(hub.store.database)
        tally.note("shop", "signature", "wrong", "", cut_sample(b"\x00\xff\xed\xa0\x80"))
        tally.note("shop", "too_large", "big", "", "")
        tally.flush()
    assert {row["cause"]: row["count"] for row in hub.rows(rejections)} == {
        "signature": 2,
        "too_large": 2,
    }


def test_made_up_causes_do_not_fill_the_memory(sqlite_hub: Hub) -> None:
    tally = Rejections(sqlite_hub.store.database)
    tally.note("shop", "signature", "first", "", "")
    for number in range(MAX_CAUSES * 3):
        tally.note("shop", "signature", f"made up {number}", "", "")
    assert len(tally._tallies) <= MAX_CAUSES
    tally.flush()
    assert len(sqlite_hub.rows(rejections)) <= MAX_CAUSES + 1
