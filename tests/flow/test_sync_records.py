"""P9: a cursor never passes what was not stored; a sync of records blocks and doubles nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from connectors.onec_soap.emulator import Emulator as Onec
from connectors.woocommerce.emulator import Emulator as Shop
from hub.flow import poll, sync_run
from hub.registry import connector
from hub.sdk.errors import RetryLater
from hub.sdk.records import Page, SourceRecord
from hub.store import leases
from hub.store.cursors import move_cursor
from hub.store.database import utc_now
from hub.store.models import (
    companies,
    contacts,
    cursors,
    orders,
    products,
    row_issues,
    sync_runs,
    timeline,
)
from hub.store.models import leases as leases_table
from hub.store.working_set import WorkingSet
from tests.support.hub import Hub


@pytest.fixture
def store_front(hub: Hub) -> Iterator[Shop]:
    """A shop with fourteen orders."""
    emulator = Shop()
    emulator.start()
    hub.connect("shop", {**emulator.connection(), "schedule": {}})
    yield emulator
    emulator.stop()


def script(monkeypatch: pytest.MonkeyPatch, *steps: Page | Exception) -> list[Mapping[str, Any]]:
    """Let the shop's poll yield these; returns the cursors it was asked with."""
    asked: list[Mapping[str, Any]] = []

    def read(_connection: object, _stream: str, cursor: Mapping[str, Any]) -> Iterator[Page]:
        asked.append(cursor)
        for step in steps:
            if isinstance(step, Exception):
                raise step
            yield step

    monkeypatch.setitem(connector("woocommerce").__dict__, "read", read)
    return asked


def order(number: int, **changes: Any) -> SourceRecord:
    data = {**Shop().orders[0], "id": number, "number": str(number), "customer_id": 0, **changes}
    return SourceRecord("order", str(number), data, version=f"v{changes.get('version', 1)}")


def cursor_of(hub: Hub) -> Any:
    return hub.one(cursors)["cursor"]


def test_an_unchanged_resync_writes_nothing(hub: Hub, store_front: Shop) -> None:
    for stream in ("orders", "customers", "products"):
        assert hub.sync("shop", stream)["status"] == "succeeded"
    tables = (orders, contacts, products, timeline)
    before = {table.name: hub.rows(table) for table in tables}
    with hub.store.database.write() as db:
        db.execute(update(cursors).values(cursor={}))
    for stream in ("orders", "customers", "products"):
        run = hub.sync("shop", stream)
        assert (run["status"], run["rows_created"], run["rows_changed"]) == ("succeeded", 0, 0)
    for table in tables:
        assert hub.rows(table) == before[table.name], table.name


def test_rows_without_a_version_are_written_only_when_they_change(hub: Hub) -> None:
    """A 1C list that comes whole every time and says of no row when it changed."""
    emulator = Onec()
    emulator.start()
    document = emulator.connection()
    streams = document["settings"]["streams"]
    streams = {
        "products": {**streams["products"], "mode": "full", "cursor": ""},
        "counterparties": {**streams["counterparties"], "mode": "full", "cursor": ""},
        "people": {**streams["counterparties"], "mode": "full", "cursor": "", "entity": "contact"},
    }
    for name in streams:
        streams[name]["arguments"] = dict.fromkeys(streams[name]["arguments"], "")
    settings = {**document["settings"], "streams": streams}
    hub.connect("onec", {**document, "settings": settings, "schedule": {}, "mappings": {}})
    for name in streams:
        run = hub.sync("onec", name)
        assert run["status"] == "succeeded", run["error_message"]
    before = [hub.rows(table) for table in (products, companies, contacts)]
    assert all(before)
    for name in streams:
        run = hub.sync("onec", name)
        assert (run["status"], run["rows_changed"]) == ("succeeded", 0)
    assert [hub.rows(table) for table in (products, companies, contacts)] == before
    emulator.stop()


def test_what_changed_since_is_fetched_and_nothing_else(hub: Hub, store_front: Shop) -> None:
    hub.sync("shop", "orders")
    position = cursor_of(hub)
    assert position
    changed = store_front.orders[5]
    moved = (store_front.now + timedelta(minutes=5)).isoformat()
    changed.update(status="cancelled", date_modified_gmt=moved)
    run = hub.sync("shop", "orders")
    assert run["rows_read"] < len(store_front.orders)
    assert run["rows_changed"] == 1
    assert hub.one(orders, external_id=str(changed["id"]))["status"] == "cancelled"
    assert cursor_of(hub) != position


def test_polls_and_webhooks_of_one_order_make_one_order(hub: Hub, store_front: Shop) -> None:
    for request in store_front.webhooks():
        hub.post("shop", request)
    hub.sync("shop", "orders")
    hub.drain("shop")
    assert len(hub.rows(orders)) == len(store_front.orders)
    newest = {str(item["id"]): item["status"] for item in store_front.orders}
    assert {row["external_id"]: row["status"] for row in hub.rows(orders)} == newest


def test_the_cursor_stands_where_the_stored_rows_end(
    hub: Hub, store_front: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [Page([order(n)], cursor={"page": n}) for n in (1, 2, 3)]
    asked = script(monkeypatch, *pages[:2], RetryLater("the shop is busy", after=60))
    run = hub.sync("shop", "orders")
    assert (run["status"], run["error_code"]) == ("failed", "retry_later")
    assert cursor_of(hub) == {"page": 2}
    assert len(hub.rows(orders)) == 2
    script(monkeypatch, pages[2])
    assert hub.sync("shop", "orders")["cursor_before"] == {"page": 2}
    assert cursor_of(hub) == {"page": 3}
    assert asked == [{}]


def test_a_page_that_cannot_be_written_moves_no_cursor(
    hub: Hub, store_front: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, Page([order(1)], cursor={"page": 1}), Page([order(2)], cursor={"page": 2}))

    def move(db: Any, connection_id: int, stream: str, cursor: Mapping[str, Any]) -> None:
        move_cursor(db, connection_id, stream, cursor)
        if cursor == {"page": 2}:
            raise leases.LeaseLostError("killed at the worst moment")

    with monkeypatch.context() as patch:
        patch.setattr(sync_run, "move_cursor", move)
        hub.sync("shop", "orders")
    assert cursor_of(hub) == {"page": 1}
    assert [row["external_id"] for row in hub.rows(orders)] == ["1"]


def test_one_bad_row_is_one_issue(
    hub: Hub, store_front: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    nameless = replace(order(2), external_id="")
    rows = [order(1), nameless, order(3)]
    script(monkeypatch, Page(rows, cursor={"page": 1}, rejected=[("row 4", "not an object")]))
    run = hub.sync("shop", "orders")
    assert (run["status"], run["rows_rejected"]) == ("succeeded", 2)
    places = {row["place"]: row["message"] for row in hub.rows(row_issues)}
    assert set(places) == {"row 4", "row 2"}
    assert "external id" in places["row 2"]
    assert {row["external_id"] for row in hub.rows(orders)} == {"1", "3"}
    assert cursor_of(hub) == {"page": 1}


def test_a_row_that_the_store_refuses_is_one_issue(
    hub: Hub, store_front: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = WorkingSet.flush

    def flush(ws: WorkingSet) -> None:
        if any(row.get("external_id") == "2" for row in ws._rows.values()):
            raise OverflowError("too large")
        real(ws)

    script(monkeypatch, Page([order(1), order(2), order(3)], cursor={"page": 1}))
    with monkeypatch.context() as patch:
        patch.setattr(WorkingSet, "flush", flush)
        run = hub.sync("shop", "orders")
    assert (run["status"], run["rows_rejected"]) == ("succeeded", 1)
    assert hub.one(row_issues)["place"] == "2"
    assert {row["external_id"] for row in hub.rows(orders)} == {"1", "3"}
    assert cursor_of(hub) == {"page": 1}


def test_one_run_of_a_stream_at_a_time(
    hub: Hub, store_front: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second worker meets the first one in the middle of its run."""
    run_id = poll.request_run(hub.store, "shop", "orders", "person")
    assert poll.request_run(hub.store, "shop", "orders", "schedule") == run_id
    met: list[str] = []

    def read(_connection: object, _stream: str, _cursor: object) -> Iterator[Page]:
        yield Page([order(1)], cursor={"page": 1})
        with ThreadPoolExecutor(1) as other:
            met.append(other.submit(poll.run_sync, hub.store, run_id).result(30))
        yield Page([order(2)], cursor={"page": 2})

    monkeypatch.setitem(connector("woocommerce").__dict__, "read", read)
    assert poll.run_sync(hub.store, run_id) == "succeeded"
    assert met == [""]
    assert len(hub.rows(orders)) == 2
    # A finished run is not carried out again, however often it is rung for.
    assert poll.run_sync(hub.store, run_id) == ""


def test_a_run_whose_worker_was_killed_is_carried_out_again(
    hub: Hub, store_front: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def dies(_connection: object, _stream: str, _cursor: object) -> Iterator[Page]:
        yield Page([order(1)], cursor={"page": 1})
        raise Killed

    monkeypatch.setitem(connector("woocommerce").__dict__, "read", dies)
    run_id = poll.request_run(hub.store, "shop", "orders", "person")
    with monkeypatch.context() as patch:
        patch.setattr(leases, "release", lambda *_, **__: None)
        with pytest.raises(Killed):
            poll.run_sync(hub.store, run_id)
    assert hub.run(run_id)["status"] == "running"
    with hub.store.database.write() as db:
        db.execute(update(leases_table).values(expires_at=utc_now() - timedelta(seconds=1)))
    script(monkeypatch, Page([order(2)], cursor={"page": 2}))
    assert poll.run_sync(hub.store, run_id) == "succeeded"
    run = hub.run(run_id)
    assert run["cursor_before"] == {"page": 1}
    assert {row["external_id"] for row in hub.rows(orders)} == {"1", "2"}


def test_a_failed_run_waits_as_the_vendor_asked(
    hub: Hub, store_front: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.connect("shop", {**store_front.connection(), "schedule": {"orders": "every 5m"}})
    script(monkeypatch, RetryLater("busy", after=7200))
    before = utc_now()
    hub.sync("shop", "orders")
    assert hub.one(cursors)["next_run_at"] >= before + timedelta(hours=2)
    script(monkeypatch, Page([order(1)], cursor={"page": 1}))
    hub.sync("shop", "orders")
    assert hub.one(cursors)["next_run_at"] < before + timedelta(hours=1)


def test_a_bug_in_a_connector_ends_the_run_and_says_so(
    hub: Hub, store_front: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, Page([order(1)], cursor={"page": 1}), ZeroDivisionError("by nought"))
    run = hub.sync("shop", "orders")
    assert (run["status"], run["error_code"]) == ("failed", "bug")
    assert "by nought" in run["error_message"]
    assert len(hub.rows(orders)) == 1
    # The next run starts from nothing but the stored cursor.
    assert hub.one(sync_runs)["cursor_before"] == {}
