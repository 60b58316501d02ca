"""P10: a snapshot that is empty, cut off or suspiciously small destroys nothing."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from connectors.onec_soap.emulator import Emulator, many_rows
from connectors.woocommerce import emulator as shop
from hub.flow import poll
from hub.sdk.errors import Rejected
from hub.store.models import cursors, row_issues
from tests.flow.onec import answer, goods, row
from tests.support.hub import NOW, Hub


@pytest.fixture
def onec(hub: Hub) -> Iterator[Emulator]:
    """A 1C with ten goods in stock, synced once."""
    emulator = Emulator()
    emulator.start()
    emulator.answers["GetRemains"] = goods(10)
    hub.connect("onec", {**emulator.connection(), "schedule": {}})
    run = hub.sync("onec", "stock")
    assert (run["status"], run["rows_read"], run["rows_created"]) == ("succeeded", 10, 10), run[
        "error_message"
    ]
    yield emulator
    emulator.stop()


def quantities(hub: Hub) -> dict[str, Decimal]:
    return {item["sku"]: item["quantity"] for item in hub.levels()}


def test_only_changed_rows_are_written(hub: Hub, onec: Emulator) -> None:
    before = hub.levels()
    run = hub.sync("onec", "stock")
    counts = [run[f"rows_{name}"] for name in ("read", "created", "changed", "removed", "rejected")]
    assert counts == [10, 0, 0, 0, 0]
    assert hub.levels() == before
    changed = [row(f"А-{n}", "7" if n == 3 else "5") for n in range(10)]
    onec.answers["GetRemains"] = answer(changed)
    run = hub.sync("onec", "stock")
    assert (run["rows_changed"], run["rows_created"]) == (1, 0)
    after = {item["sku"]: item for item in hub.levels()}
    assert after["А-3"]["quantity"] == Decimal(7)
    unchanged = [item for item in before if item["sku"] != "А-3"]
    assert unchanged == [item for item in after.values() if item["sku"] != "А-3"]


def test_what_is_absent_from_a_whole_snapshot_is_gone(hub: Hub, onec: Emulator) -> None:
    onec.answers["GetRemains"] = goods(9, first=1)
    run = hub.sync("onec", "stock")
    assert (run["status"], run["rows_removed"]) == ("succeeded", 1)
    assert "А-0" not in quantities(hub)
    assert len(quantities(hub)) == 9


@pytest.mark.parametrize("kind", ["empty", "shrunk"])
def test_an_implausible_snapshot_is_held_until_a_person_approves(
    hub: Hub, onec: Emulator, kind: str
) -> None:
    before = hub.levels()
    left = 0 if kind == "empty" else 4
    onec.answers["GetRemains"] = goods(left, quantity="1")
    held = hub.sync("onec", "stock")
    assert held["status"] == "held"
    assert "10" in held["held_reason"]
    assert hub.levels() == before
    # A person looks at it and lets it through.
    run_id = poll.approve_run(hub.store, held["id"], "alice")
    assert poll.run_sync(hub.store, run_id) == "succeeded"
    run = hub.run(run_id)
    assert (run["approved_by"], run["rows_removed"]) == ("alice", 10 - left)
    assert quantities(hub) == {f"А-{n}": Decimal(1) for n in range(left)}
    with pytest.raises(Rejected):
        poll.approve_run(hub.store, held["id"], "alice")


def test_an_approval_covers_no_smaller_snapshot_than_the_one_seen(hub: Hub, onec: Emulator) -> None:
    onec.answers["GetRemains"] = goods(4)
    held = hub.sync("onec", "stock")
    onec.answers["GetRemains"] = goods(1)
    run_id = poll.approve_run(hub.store, held["id"], "alice")
    assert poll.run_sync(hub.store, run_id) == "held"
    assert len(quantities(hub)) == 10


@pytest.mark.parametrize("failure", ["cut", "hangup", "fault", "html", "no_body", "nil"])
def test_a_broken_answer_changes_nothing(hub: Hub, onec: Emulator, failure: str) -> None:
    before, position = hub.levels(), hub.one(cursors)["fresh_at"]
    onec.answers.clear()
    onec.failure = failure
    run = hub.sync("onec", "stock")
    assert run["status"] == ("held" if failure == "nil" else "failed")
    assert run["error_message"] or run["held_reason"]
    assert hub.levels() == before
    assert hub.one(cursors)["fresh_at"] == position


def test_an_answer_cut_off_after_many_pages_changes_nothing(hub: Hub, onec: Emulator) -> None:
    def cut() -> Iterator[bytes]:
        for number, piece in enumerate(many_rows(6_000)):
            if number > 8:
                return
            yield piece

    before = hub.levels()
    onec.answers["GetRemains"] = cut()
    assert hub.sync("onec", "stock")["status"] == "failed"
    assert hub.levels() == before


def test_the_share_that_is_plausible_is_a_setting(hub: Hub, onec: Emulator) -> None:
    hub.option("stock.snapshot_min_share", 0.3)
    onec.answers["GetRemains"] = goods(4)
    assert hub.sync("onec", "stock")["status"] == "succeeded"
    onec.answers["GetRemains"] = goods(1)
    assert hub.sync("onec", "stock")["status"] == "held"


def test_one_bad_row_is_one_issue_and_the_rest_is_stored(hub: Hub, onec: Emulator) -> None:
    rows = [row(f"А-{n}", "много" if n == 4 else "6") for n in range(10)]
    onec.answers["GetRemains"] = answer([*rows, row("", "3", Item="")])
    run = hub.sync("onec", "stock")
    assert (run["status"], run["rows_rejected"], run["rows_changed"]) == ("succeeded", 2, 9)
    issues = hub.rows(row_issues, run_id=run["id"])
    assert len(issues) == 2
    assert "много" in issues[0]["message"]
    assert "А-4" in issues[0]["row"]


def test_of_a_repeated_row_the_last_counts_and_warehouses_are_apart(
    hub: Hub, onec: Emulator
) -> None:
    rows = [row(f"А-{n}", "5") for n in range(10)]
    onec.answers["GetRemains"] = answer([*rows, row("А-1", "8"), row("А-1", "2", Warehouse="Б")])
    hub.sync("onec", "stock")
    found = {item["warehouse"]: item["quantity"] for item in hub.levels(sku="А-1")}
    assert found == {"Основной": Decimal(8), "Б": Decimal(2)}


def test_a_snapshot_takes_nothing_from_other_streams_and_connections(
    hub: Hub, onec: Emulator
) -> None:
    """Rows that webhooks brought, and rows of a second 1C."""
    hub.connect("second", {**onec.connection(), "schedule": {}})
    onec.answers["GetRemains"] = goods(3, first=100)
    assert hub.sync("second", "stock")["status"] == "succeeded"
    document = shop.Emulator().connection()
    hub.connect("shop", {**document, "schedule": {}})
    for product in shop.Emulator().products[:2]:
        hub.post("shop", shop.signed("product.updated", product), NOW)
    hub.drain("shop")
    theirs = [
        item
        for item in hub.levels()
        if item["connection_id"] != hub.store.catalog.require("onec").id
    ]
    assert len(theirs) == 5
    onec.answers["GetRemains"] = goods(8, quantity="1")
    assert hub.sync("onec", "stock")["rows_removed"] == 2
    assert [
        item
        for item in hub.levels()
        if item["connection_id"] != hub.store.catalog.require("onec").id
    ] == theirs


def test_a_snapshot_takes_nothing_from_another_stream_of_its_connection(
    hub: Hub, onec: Emulator
) -> None:
    """Two shops of one 1C, each with a stream of its own."""
    document = onec.connection()
    streams = document["settings"]["streams"]
    settings = {**document["settings"], "streams": {**streams, "second": streams["stock"]}}
    settings["streams"]["second"] = {**streams["stock"], "entity": "stock"}
    hub.connect("onec", {**document, "settings": settings, "schedule": {}})
    onec.answers["GetRemains"] = goods(4, first=50)
    assert hub.sync("onec", "second")["status"] == "succeeded"
    assert len(quantities(hub)) == 14
    onec.answers["GetRemains"] = goods(9)
    assert hub.sync("onec", "stock")["rows_removed"] == 1
    assert len(hub.levels(stream="second")) == 4


def test_an_empty_snapshot_is_held_whatever_share_is_allowed(hub: Hub, onec: Emulator) -> None:
    hub.option("stock.snapshot_min_share", 0)
    onec.answers["GetRemains"] = goods(0)
    assert hub.sync("onec", "stock")["status"] == "held"
    assert len(quantities(hub)) == 10


def test_a_wrong_password_asks_for_attention_and_work_goes_on_when_it_is_right(
    hub: Hub, onec: Emulator
) -> None:
    onec.failure = "unauthorized"
    run = hub.sync("onec", "stock")
    assert (run["status"], run["error_code"]) == ("failed", "auth")
    assert hub.state("onec") == "needs_attention"
    assert hub.one(cursors)["failures"] == 1
    onec.failure = ""
    assert hub.sync("onec", "stock")["status"] == "succeeded"
    assert hub.state("onec") == "active"
    assert hub.one(cursors)["failures"] == 0
