"""Events are found by filters, text and paths; a look that ends early says where it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from hub.flow import find_events
from hub.sdk.errors import Rejected
from hub.store.lists import event_pages
from hub.store.lists.event_filters import EventFilters, filters_from
from hub.store.models import events
from tests.support.hub import NOW, Hub, lead


@pytest.fixture
def inbox(hub: Hub) -> Hub:
    """Twelve leads, a minute apart, of which all but the last three are done."""
    hub.site()
    for number in range(1, 13):
        hub.post("site", lead(number), NOW + timedelta(minutes=number))
        if number == 9:
            hub.drain()
    return hub


def ids(
    hub: Hub, filters: EventFilters, *, further: bool = False, cursor: str | None = None
) -> list[int]:
    page = find_events.search(hub.store.database, filters, 50, cursor, further=further)
    return [row["id"] for row in page.items]


def test_each_filter_leaves_what_it_names(inbox: Hub) -> None:
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({"status": "received"}, [12, 11, 10]),
        ({"connection": "site", "since": NOW + timedelta(minutes=11)}, [12, 11]),
        ({"until": NOW + timedelta(minutes=3)}, [2, 1]),
        ({"type": "lead", "status": "done", "since": NOW + timedelta(minutes=9)}, [9]),
        ({"key": "evt-4"}, [4]),
        ({"entity": "lead", "until": NOW + timedelta(minutes=2)}, [1]),
        ({"entity": "lead", "record_id": 5}, [5]),
        ({"text": "клиент 7"}, [7]),
        ({"path": "lead.id", "equals": "L-12"}, [12]),
        ({"path": "lead.subject", "text": "Заявка 10"}, [10]),
        ({"path": "lead.nothing"}, []),
        ({"connection": "nobody"}, []),
    ]
    for values, expected in cases:
        filters = EventFilters(**values)
        assert ids(inbox, filters) == expected, values
        assert filters_from(filters.as_dict()) == filters


def test_a_status_is_found_in_every_connection_newest_first(hub: Hub) -> None:
    """Each connection has its own index; a page mixes them as they came."""
    for name in ("one", "two", "three"):
        hub.site(name)
    for number in range(1, 10):
        hub.post(("one", "two", "three")[number % 3], lead(number))
    for name in ("one", "three"):
        hub.drain(name)
    done = EventFilters(status="done")
    first = find_events.search(hub.store.database, done, 4, None, further=False)
    assert [row["id"] for row in first.items] == [9, 8, 6, 5]
    assert ids(hub, done, cursor=first.next_cursor) == [3, 2]
    assert ids(hub, EventFilters(status="received")) == [7, 4, 1]
    with hub.store.database.read() as db:
        assert event_pages.count_up_to(db, done, 100) == 6
        assert event_pages.count_up_to(db, done, 4) == 4


def test_text_is_found_however_the_body_spells_it(hub: Hub) -> None:
    body = {"headers": [["Content-Type", "application/x-www-form-urlencoded"]]}
    for raw in (b'{"name": "\\u041f\\u0430\\u0432\\u0435\\u043b"}', "имя=Павел".encode(),
                b"json=%7B%22name%22%3A%22%D0%9F%D0%B0%D0%B2%D0%B5%D0%BB%22%7D"):  # fmt: skip
        test = find_events.tester(EventFilters(text="павел"))
        assert test is not None
        assert test({**body, "body": raw}), raw
    nested = find_events.tester(EventFilters(path="json.name", equals="Павел"))
    assert nested is not None
    assert nested({**body, "body": raw})


def test_a_look_ends_and_says_where(inbox: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find_events, "BODIES", 4)
    monkeypatch.setattr(find_events, "CHUNK", 2)
    database, wanted = inbox.store.database, EventFilters(text="клиент 1")
    page = find_events.search(database, wanted, 50, None, further=False)
    assert [row["id"] for row in page.items] == [12, 11, 10]
    assert (page.searched, page.reached_at) == (4, NOW + timedelta(minutes=9))
    rest = find_events.search(database, wanted, 50, page.next_cursor, further=True)
    assert [row["id"] for row in rest.items] == [1]
    assert (rest.next_cursor, rest.searched) == (None, 0)


def test_what_has_no_index_is_looked_for_in_a_window(
    inbox: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_pages, "WINDOW", 5)
    page = find_events.search(
        inbox.store.database, EventFilters(type="order"), 50, None, further=False
    )
    assert (page.items, page.searched) == ([], 5)
    assert page.reached_at == NOW + timedelta(minutes=8)
    assert ids(inbox, EventFilters(type="lead"), cursor=page.next_cursor) == [7, 6, 5, 4, 3]


def test_a_wrong_path_is_refused_in_words(inbox: Hub) -> None:
    with pytest.raises(Rejected, match="the path cannot be read"):
        ids(inbox, EventFilters(path="lead[["))


def test_the_tail_gives_what_is_new_and_fits(inbox: Hub) -> None:
    rows, place = find_events.newer(inbox.store.database, EventFilters(text="клиент 1"), 9, 50)
    assert ([row["id"] for row in rows], place) == ([12, 11, 10], 12)
    assert find_events.newer(inbox.store.database, EventFilters(), 12, 50) == ([], 12)


def test_the_first_event_since_a_moment_is_found_by_halving(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_pages, "NEAR", 8)
    configured = hub.site()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    # Ids with gaps, as removed events leave them.
    rows = [
        {"id": 3 * number, "connection_id": configured.id, "event_key": str(number),
         "received_at": start + timedelta(hours=number), "status": "done"}
        for number in range(1, 500)
    ]  # fmt: skip
    with hub.store.database.write() as db:
        db.execute(insert(events), rows)
    since, until = start + timedelta(hours=100), start + timedelta(hours=103)
    assert ids(hub, EventFilters(since=since, until=until)) == [306, 303, 300]
    assert ids(hub, EventFilters(since=start + timedelta(days=90))) == []
