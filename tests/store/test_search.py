"""Any part of a text is found by trigrams on either database, few or many, new, changed or gone."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from hub.store import search_index
from hub.store.lists import search
from hub.store.lists.query import words_of
from hub.store.lists.record_filters import RecordFilters
from hub.store.lists.records import list_records
from hub.store.models import contacts
from hub.store.store import Store
from tests.support.rows import Rows


def found(store: Store, q: str) -> list[int]:
    """Ids of the contacts found, the newest first."""
    page = list_records(store.database, "contact", RecordFilters(q=q))
    return [row["id"] for row in page.items]


def test_the_index_follows_every_change(store: Store, rows: Rows) -> None:
    assert search_index.missing(store.database) == []
    key = rows.record("contact", search_text="королев петр\n+79161234567")
    assert found(store, "Королёв") == found(store, "роле петр") == [key]
    assert found(store, "8 (916) 123") == found(store, "45-67") == [key]
    with store.database.write() as db:
        db.execute(update(contacts).values(search_text="сидоров петр"))
    assert found(store, "королев") == []
    assert found(store, "сидор") == [key]
    with store.database.write() as db:
        db.execute(delete(contacts))
    assert found(store, "сидор") == []


def test_what_many_have_is_found_in_the_lists_order_too(
    store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [rows.record("contact", search_text=f"иванов иван {n}") for n in range(5)]
    few = found(store, "иванов")
    monkeypatch.setattr(search, "MANY", 2)
    assert found(store, "иванов") == few == keys[::-1]
    assert found(store, "иванов 3") == [keys[3]]


def test_one_or_two_letters_look_among_the_recent(store: Store, rows: Rows) -> None:
    key = rows.record("product", search_text="ту-154")
    page = list_records(store.database, "product", RecordFilters(q="ту"))
    assert [row["id"] for row in page.items] == [key]


@pytest.mark.parametrize(
    ("q", "spellings"),
    [
        ("8 (916) 123-45-67", [("89161234567", "79161234567")]),
        ("+7 916 123", [("7916123",)]),
        ("труба 20 40", [("труба",), ("20",), ("40",)]),
        ("№ 2041", [("2041",)]),
        ("Ёлкин  СЕМЁН", [("елкин",), ("семен",)]),
        ("", []),
    ],
)
def test_what_was_typed_as_words(q: str, spellings: list[tuple[str, ...]]) -> None:
    assert [word.spellings for word in words_of(q)] == spellings
