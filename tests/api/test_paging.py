"""Lists are read to their end, nothing missed and nothing twice, whatever happens meanwhile."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from hub.store.lists.paging import encode_cursor
from hub.store.lists.record_filters import RecordFilters
from hub.store.lists.records import list_records
from hub.store.store import Store
from tests.api.conftest import Caller
from tests.support.rows import Rows, at


def read_all(admin: Caller, path: str, between: Any = None, **query: Any) -> list[int]:
    found: list[int] = []
    cursor = None
    while True:
        page = admin.get(path, **query, **({"cursor": cursor} if cursor else {}))
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
        if between:
            between()


def test_rows_added_while_reading_neither_hide_nor_double_others(admin: Caller, rows: Rows) -> None:
    there = [rows.record("order", minutes=number % 3) for number in range(7)]
    found = read_all(admin, "/orders", lambda: rows.record("order", minutes=99), limit=2)
    assert found == sorted(there, reverse=True)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
def test_equal_times_are_settled_by_the_id(admin: Caller, rows: Rows, limit: int) -> None:
    there = [rows.record("order", minutes=number // 3) for number in range(7)]
    found = read_all(admin, "/orders", updated_since=at(0).isoformat(), limit=limit)
    assert found == sorted(there, reverse=True)


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_rows_without_a_time_come_last_and_none_is_lost(
    store: Store, rows: Rows, limit: int
) -> None:
    moments = [None, at(2), None, at(1), at(2)]
    ids = [rows.record("call", started_at=moment) for moment in moments]
    found: list[int] = []
    cursor = None
    while True:
        page = list_records(
            store.database, "call", RecordFilters(), limit, cursor, order="occurred"
        )
        found += [row["id"] for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [ids[4], ids[1], ids[3], ids[2], ids[0]]


def test_the_last_page_has_no_next(admin: Caller, rows: Rows) -> None:
    rows.record("order")
    rows.record("order")
    assert admin.get("/orders", limit=2)["next_cursor"] is None


@pytest.mark.parametrize("limit", ["0", "201", "-1", "many", ""])
def test_a_limit_out_of_range_is_a_problem(admin: Caller, limit: str) -> None:
    answer = admin("GET", "/orders", limit=limit)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["place"] == "query.limit"


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "ё",
        "A" * 600,
        base64.urlsafe_b64encode(b"[1, 2, 3]").decode(),
        base64.urlsafe_b64encode(b'["id", null, 1e400]').decode(),
        base64.urlsafe_b64encode(b'["id", null, 99999999999999999999]').decode(),
        base64.urlsafe_b64encode(b'["id", "2026-01-12", 1]').decode(),
        encode_cursor("updated", at(0), 1),
    ],
)
def test_a_cursor_of_nobody_or_of_another_list_is_a_problem(admin: Caller, cursor: str) -> None:
    answer = admin("GET", "/orders", cursor=cursor)
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
