"""Answers that come twice, half, twice at once, or with rows that are not quite right."""

from __future__ import annotations

import gzip
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any
from wsgiref.types import StartResponse

import pytest

from connectors.onec_soap.emulator import XML, Emulator
from hub.flow import poll
from hub.store.models import cursors, products, row_issues, sync_runs
from hub.store.stock_stage import StockStage
from tests.flow.onec import answer, goods, row
from tests.support.hub import Hub

Reply = Callable[[StartResponse], Iterable[bytes]]


class OwnReplies(Emulator):
    """A 1C whose answer's very bytes on the wire a test decides."""

    own: Reply | None = None

    def _answer(self, body: bytes, start: StartResponse) -> Iterable[bytes]:
        return super()._answer(body, start) if self.own is None else self.own(start)


@pytest.fixture
def onec(hub: Hub) -> Iterator[OwnReplies]:
    """A 1C with thirty goods in stock, synced once."""
    emulator = OwnReplies()
    emulator.start()
    emulator.answers["GetRemains"] = goods(30)
    hub.connect("onec", {**emulator.connection(), "schedule": {}})
    assert hub.sync("onec", "stock")["status"] == "succeeded"
    yield emulator
    emulator.stop()


def quantities(hub: Hub) -> dict[str, Decimal]:
    return {item["sku"]: item["quantity"] for item in hub.levels()}


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each run staged."""
    counts: list[int] = []
    add = StockStage.add

    def counting(stage: StockStage, rows: Any) -> None:
        counts.append(len(rows))
        add(stage, rows)

    monkeypatch.setattr(StockStage, "add", counting)
    return counts


def test_the_same_answer_again_is_not_read_and_makes_the_stock_fresher(
    hub: Hub, onec: OwnReplies, staged: list[int]
) -> None:
    before, fresh = hub.levels(), hub.one(cursors)["fresh_at"]
    run = hub.sync("onec", "stock")
    assert staged == []
    assert (run["status"], run["rows_read"], run["rows_changed"]) == ("succeeded", 30, 0)
    assert hub.levels() == before
    now = hub.one(cursors)
    assert now["fresh_at"] > fresh
    assert now["row_count"] == 30
    # And so again, from the run that did not read it.
    assert hub.sync("onec", "stock")["rows_read"] == 30
    assert staged == []


def test_a_known_answer_lists_its_issues_again(
    hub: Hub, onec: OwnReplies, staged: list[int]
) -> None:
    rows = [row(f"А-{n}", "много" if n == 4 else "6") for n in range(29)]
    onec.answers["GetRemains"] = answer([*rows, row("А-29", "6", Price="даром")])
    first, second, third = (hub.sync("onec", "stock") for _ in range(3))
    assert staged == [29]
    for run in (first, second, third):
        assert (run["rows_read"], run["rows_rejected"], run["rows_warned"]) == (30, 1, 1)
        listed = [(item["kind"], item["place"]) for item in hub.rows(row_issues, run_id=run["id"])]
        assert listed == [("rejected", "row 5"), ("warning", "row 30")]
    warning = hub.rows(row_issues, run_id=first["id"])[1]
    assert "price" in warning["message"]
    assert "даром" in warning["row"]
    assert quantities(hub)["А-29"] == Decimal(6)


@pytest.mark.parametrize("change", ["mapping", "settings", "another answer", "another stream"])
def test_what_may_change_the_rows_has_the_answer_read_again(
    hub: Hub, onec: OwnReplies, staged: list[int], change: str
) -> None:
    document = {**onec.connection(), "schedule": {}}
    streams = document["settings"]["streams"]
    if change == "mapping":
        fields = {**document["mappings"]["stock"]["fields"], "sku": "Item"}
        hub.connect("onec", {**document, "mappings": {"stock": {"fields": fields}}})
    elif change == "settings":
        hub.connect("onec", {**document, "settings": {**document["settings"], "username": "Обмен"}})
    elif change == "another answer":
        onec.answers["GetRemains"] = goods(30, quantity="9")
        hub.sync("onec", "stock")
        onec.answers["GetRemains"] = goods(30)
    else:
        second = {**streams, "second": {**streams["stock"], "entity": "stock"}}
        hub.connect("onec", {**document, "settings": {**document["settings"], "streams": second}})
        onec.answers["GetRemains"] = goods(30, quantity="9")
        hub.sync("onec", "second")
        onec.answers["GetRemains"] = goods(30)
    staged.clear()
    assert hub.sync("onec", "stock")["status"] == "succeeded"
    assert sum(staged) == 30
    assert set(quantities(hub).values()) == {Decimal(5)}
    staged.clear()
    hub.sync("onec", "stock")
    assert staged == []


def cut_by_length(start: StartResponse) -> Iterable[bytes]:
    body = goods(30, quantity="9")
    start("200 OK", [("Content-Type", XML), ("Content-Length", str(len(body)))])
    return [body[: len(body) // 2]]


def cut_chunks(start: StartResponse) -> Iterator[bytes]:
    start("200 OK", [("Content-Type", XML)])
    yield goods(30, quantity="9")[:3000]
    raise ConnectionAbortedError


def cut_gzip(start: StartResponse) -> Iterable[bytes]:
    body = gzip.compress(goods(30, quantity="9"))[:-200]
    start("200 OK", [("Content-Type", XML), ("Content-Encoding", "gzip"),
                     ("Content-Length", str(len(body)))])  # fmt: skip
    return [body]


def spoilt_gzip(start: StartResponse) -> Iterable[bytes]:
    body = gzip.compress(goods(30, quantity="9"))
    body = body[:100] + b"\xff\xff\xff" + body[103:]
    start("200 OK", [("Content-Type", XML), ("Content-Encoding", "gzip"),
                     ("Content-Length", str(len(body)))])  # fmt: skip
    return [body]


@pytest.mark.parametrize("reply", [cut_by_length, cut_chunks, cut_gzip, spoilt_gzip])
def test_a_reply_cut_in_the_middle_applies_nothing_and_is_asked_for_again(
    hub: Hub, onec: OwnReplies, reply: Reply
) -> None:
    hub.connect("onec", {**onec.connection(), "schedule": {"stock": "every 5m"}})
    before, fresh = hub.levels(), hub.one(cursors)["fresh_at"]
    onec.own = reply
    run = hub.sync("onec", "stock")
    assert (run["status"], run["error_code"]) == ("failed", "retry_later")
    assert "1С" in run["error_message"]
    assert hub.levels() == before
    position = hub.one(cursors)
    assert (position["fresh_at"], position["failures"]) == (fresh, 1)
    assert position["next_run_at"] is not None
    onec.own = None
    onec.answers["GetRemains"] = goods(30, quantity="9")
    assert hub.sync("onec", "stock")["rows_changed"] == 30


def test_a_gzipped_answer_is_read(hub: Hub, onec: OwnReplies) -> None:
    def whole(start: StartResponse) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", XML), ("Content-Encoding", "gzip")])
        return [gzip.compress(goods(30, quantity="9"))]

    onec.own = whole
    assert hub.sync("onec", "stock")["rows_changed"] == 30


def test_workers_and_triggers_at_once_make_one_run(hub: Hub, onec: OwnReplies) -> None:
    """Two workers are rung for one run while the schedule asks for another."""
    met, go = threading.Event(), threading.Event()

    def slowly(start: StartResponse) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", XML)])
        body = goods(30, quantity="9")
        yield body[:500]
        met.set()
        go.wait(30)
        yield body[500:]

    calls = len(onec.calls)
    onec.own = slowly
    manual = poll.request_run(hub.store, "onec", "stock", "person")
    found: list[str] = []
    worker = threading.Thread(target=lambda: found.append(poll.run_sync(hub.store, manual)))
    worker.start()
    assert met.wait(30)
    scheduled = poll.request_run(hub.store, "onec", "stock", "schedule")
    assert scheduled != manual
    others = [
        threading.Thread(target=lambda run=run: found.append(poll.run_sync(hub.store, run)))
        for run in (manual, scheduled, manual)
    ]
    for other in others:
        other.start()
    for other in others:
        other.join(30)
    assert found == ["", "", ""]
    assert len(onec.calls) == calls + 1
    go.set()
    worker.join(30)
    assert found[-1] == "succeeded"
    # The other one waited; it is carried out when it is rung for again, and finds nothing new.
    assert hub.run(scheduled)["status"] == "queued"
    onec.own = None
    onec.answers["GetRemains"] = goods(30, quantity="9")
    assert poll.run_sync(hub.store, scheduled) == "succeeded"
    assert hub.run(scheduled)["rows_changed"] == 0
    assert Counter(item["status"] for item in hub.rows(sync_runs)) == {"succeeded": 3}
    assert set(quantities(hub).values()) == {Decimal(9)}


def test_of_many_bad_rows_all_are_counted_and_the_first_are_listed(
    hub: Hub, onec: OwnReplies
) -> None:
    bad = [row(f"Б-{n}", "много") for n in range(1100)]
    onec.answers["GetRemains"] = answer([*bad, *(row(f"А-{n}", "6") for n in range(30))])
    run = hub.sync("onec", "stock")
    assert (run["status"], run["rows_rejected"], run["rows_changed"]) == ("succeeded", 1100, 30)
    assert len(hub.rows(row_issues, run_id=run["id"])) == 1000


def test_a_row_committed_late_is_not_passed_by_the_cursor(hub: Hub, onec: OwnReplies) -> None:
    """1C stamps a row when it begins to write it; the row is seen when the transaction ends."""
    seen = [row("П-1", "1", ChangedAt="2026-01-17T10:00:05")]
    onec.answers["GetItems"] = items(seen)
    assert hub.sync("onec", "products")["rows_created"] == 1
    asked = len(onec.calls)
    late = [row("П-2", "1", ChangedAt="2026-01-17T10:00:05"),
            row("П-3", "1", ChangedAt="2026-01-17T09:59:40")]  # fmt: skip
    onec.answers["GetItems"] = items([*seen, *late])
    run = hub.sync("onec", "products")
    assert b"2026-01-17T09:59:05" in onec.calls[asked]
    assert (run["rows_read"], run["rows_created"], run["rows_changed"]) == (3, 2, 0)
    again = hub.sync("onec", "products")
    assert (again["rows_created"], again["rows_changed"]) == (0, 0)
    assert {item["sku"] for item in hub.rows(products)} == {"П-1", "П-2", "П-3"}


def items(rows: list[bytes]) -> bytes:
    return answer(rows).replace(b"GetRemains", b"GetItems")
