"""Nothing that runs all day walks through the whole history: SQLite's own plans say so.

Times on a shared machine prove nothing; `tests/bench/bench_history.py` measures them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, text

from hub.store.lists.event_filters import EventFilters
from hub.store.lists.events import list_events
from hub.store.lists.record_filters import RecordFilters
from hub.store.lists.records import list_records
from hub.store.lists.timeline import contact_timeline
from hub.store.store import Store
from tests.support.hub import Hub, lead

#: The tables that grow with every event.
HISTORY = ("events", "event_bodies", "attempts", "changes", "calls", "leads", "contacts",
           "contact_points", "identity_claims", "bindings", "timeline", "deliveries",
           "message_refs", "messages", "companies", "company_claims")  # fmt: skip
SCAN = re.compile(rf"SCAN ({'|'.join(HISTORY)})\b")
SINCE = datetime(2026, 1, 12, tzinfo=UTC)


@contextmanager
def plans(store: Store) -> Iterator[list[tuple[str, list[str]]]]:
    """Every statement of the block with its plan, explained when the block ends."""
    asked: dict[str, Any] = {}
    found: list[tuple[str, list[str]]] = []

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        many = isinstance(given, list)
        asked.setdefault(statement, given[0] if many and given else given)

    engine = store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)
    with store.database.read() as db:
        for statement, given in asked.items():
            if statement.split()[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}:
                rows = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
                found.append((statement, [str(row[3]) for row in rows]))


@pytest.fixture
def hub(sqlite_store: Store) -> Hub:
    return Hub(sqlite_store)


def test_a_drain_looks_up_and_never_walks(hub: Hub) -> None:
    hub.site()
    hub.post("site", lead(1))
    hub.drain()
    for number in (1, 2, 3):
        hub.post("site", lead(number, event_id=f"again-{number}", subject="Ещё раз"))
    with plans(hub.store) as found:
        assert hub.drain() == 3
        assert hub.drain() == 0
    assert len(found) > 15
    walks = {statement: plan for statement, plan in found if any(map(SCAN.search, plan))}
    assert not walks


LISTS = {
    "newest": RecordFilters(),
    "phone": RecordFilters(phone="+79161234567"),
    "email": RecordFilters(email="one@example.ru"),
    "external id": RecordFilters(external_id="L-1"),
    "connection": RecordFilters(connection="site"),
    "connection and id": RecordFilters(connection="site", external_id="L-1"),
    "changed since": RecordFilters(updated_since=SINCE),
    "since": RecordFilters(since=SINCE),
}


def in_order(plan: list[str]) -> bool:
    """A list may walk its own table newest first, until the page is full; nothing else."""
    scans = [step for step in plan if SCAN.search(step)]
    sorts = [step for step in plan if "TEMP B-TREE FOR ORDER BY" in step]
    return not scans or (len(scans) == 1 and not sorts)


@pytest.mark.parametrize("filters", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("entity", ["call", "contact", "lead"])
def test_a_list_walks_only_as_far_as_its_page(
    hub: Hub, entity: str, filters: RecordFilters
) -> None:
    hub.site()
    with plans(hub.store) as found:
        list_records(hub.store.database, entity, filters)
    assert found
    assert not {statement: plan for statement, plan in found if not in_order(plan)}


@pytest.mark.parametrize("entity", ["call", "contact", "lead"])
def test_a_list_by_phone_looks_up_and_never_walks(hub: Hub, entity: str) -> None:
    """The calls of one number may lie far back: the newest ones are not gone through for them."""
    with plans(hub.store) as found:
        list_records(hub.store.database, entity, RecordFilters(phone="+79161234567"))
    assert not [plan for _, plan in found if any(map(SCAN.search, plan))]


@pytest.mark.parametrize(
    "filters",
    [EventFilters(), EventFilters(status="dead"), EventFilters(status="done", connection="site"),
     EventFilters(connection="site")],
)  # fmt: skip
def test_a_list_of_events_too(hub: Hub, filters: EventFilters) -> None:
    hub.site()
    with plans(hub.store) as found:
        list_events(hub.store.database, filters)
    assert not {statement: plan for statement, plan in found if not in_order(plan)}


def test_a_timeline_reads_its_contact_alone(hub: Hub) -> None:
    with plans(hub.store) as found:
        contact_timeline(hub.store.database, 1)
        contact_timeline(hub.store.database, 1, ("call",))
    assert not [plan for _, plan in found if any(map(SCAN.search, plan))]


def test_the_probe_sees_a_walk(hub: Hub) -> None:
    """This test's own eyes: a lookup without an index is found."""
    with plans(hub.store) as found, hub.store.database.read() as db:
        db.execute(text("SELECT id FROM calls ORDER BY recording_url"))
    assert any(map(SCAN.search, found[0][1]))
    assert not in_order(found[0][1])
