"""P2, P7, P9: a sync run whose process is killed -9 leaves no hole and repeats no effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import pytest

from connectors.onec_soap.emulator import Emulator as Onec
from connectors.woocommerce.emulator import Emulator as Shop
from hub.flow import poll
from hub.store.models import changes, cursors, orders, sync_runs, timeline
from tests.flow.onec import answer, row
from tests.support.doomed_sync import killed_at
from tests.support.hub import Hub


@pytest.fixture
def onec(hub: Hub) -> Iterator[Onec]:
    emulator = Onec()
    emulator.start()
    hub.connect("onec", {**emulator.connection(), "schedule": {}})
    yield emulator
    emulator.stop()


@pytest.fixture
def shop(hub: Hub) -> Iterator[Shop]:
    emulator = Shop()
    emulator.start()
    hub.connect("shop", {**emulator.connection(), "schedule": {}})
    yield emulator
    emulator.stop()


def quantities(hub: Hub) -> dict[str, Decimal]:
    return {item["sku"]: item["quantity"] for item in hub.levels()}


@pytest.mark.parametrize(("moment", "number"), [("part", 1), ("cursor", 1)])
def test_a_snapshot_killed_while_it_is_written_is_written_by_the_next_worker(
    hub: Hub, onec: Onec, moment: str, number: int
) -> None:
    before = [row(f"А-{n}", "1") for n in range(30)]
    onec.answers["GetRemains"] = answer(before)
    hub.sync("onec", "stock")
    wanted = {**{f"А-{n}": Decimal(2) for n in range(25)}, "Б-1": Decimal(2)}
    onec.answers["GetRemains"] = answer(row(sku, "2") for sku in wanted)
    run_id = poll.request_run(hub.store, "onec", "stock", "person")
    killed_at(hub, run_id, moment, number)
    assert hub.run(run_id)["status"] == "running"
    assert len(quantities(hub)) >= 25
    assert poll.run_sync(hub.store, run_id) == "succeeded"
    assert quantities(hub) == wanted
    keys = Counter((item["item_key"], item["warehouse"]) for item in hub.levels())
    assert set(keys.values()) == {1}
    # The same answer again: nothing to do, and the killed run's half is not taken for the whole.
    again = hub.sync("onec", "stock")
    assert (again["rows_read"], again["rows_changed"], again["rows_created"]) == (26, 0, 0)


def test_half_a_written_snapshot_is_not_taken_for_the_one_before(hub: Hub, onec: Onec) -> None:
    """1C says A, then B (killed in the middle), then A again: A is stored whole."""
    first = answer(row(f"А-{n}", "1") for n in range(30))
    onec.answers["GetRemains"] = first
    hub.sync("onec", "stock")
    onec.answers["GetRemains"] = answer(row(f"А-{n}", "2") for n in range(30))
    killed = poll.request_run(hub.store, "onec", "stock", "person")
    killed_at(hub, killed, "cursor", 1)
    onec.answers["GetRemains"] = first
    assert poll.run_sync(hub.store, killed) == "succeeded"
    assert set(quantities(hub).values()) == {Decimal(1)}


@pytest.mark.parametrize(("moment", "number"), [("cursor", 2), ("noted", 1)])
def test_pages_killed_anywhere_are_read_on_from_the_stored_cursor(
    hub: Hub, shop: Shop, moment: str, number: int
) -> None:
    run_id = poll.request_run(hub.store, "shop", "orders", "person")
    template = shop.orders[0]
    for number_of in range(5000, 5150):
        shop.orders.append({**template, "id": number_of, "number": str(number_of)})
    killed_at(hub, run_id, moment, number)
    assert poll.run_sync(hub.store, run_id) == "succeeded"
    assert {item["external_id"] for item in hub.rows(orders)} == {
        str(item["id"]) for item in shop.orders
    }
    created = Counter(
        item["record_id"] for item in hub.rows(changes, entity="order", action="created")
    )
    assert set(created.values()) == {1}
    entries = Counter(item["record_id"] for item in hub.rows(timeline, kind="order"))
    assert set(entries.values()) <= {1}
    assert hub.one(sync_runs)["status"] == "succeeded"
    # The overlap is read again by the next run, and writes nothing.
    again = hub.sync("shop", "orders")
    assert (again["rows_created"], again["rows_changed"]) == (0, 0)
    assert hub.rows(cursors)
