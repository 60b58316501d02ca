"""Stock out to a shop: what changed, the newest value only, each product for itself, no echo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from connectors.onec_soap.emulator import Emulator as Onec
from connectors.woocommerce.emulator import Emulator as Shop
from hub.flow import poll, tick
from hub.flow.stock_out import OVERLAP, pieces
from hub.store.database import utc_now
from hub.store.models import cursors, row_issues, stock_sent, sync_runs
from tests.flow.onec import answer, row
from tests.support.doomed_sync import killed_at
from tests.support.hub import NOW, Hub


@pytest.fixture
def onec(hub: Hub) -> Iterator[Onec]:
    emulator = Onec()
    emulator.start()
    hub.connect("onec", {**emulator.connection(), "schedule": {}})
    yield emulator
    emulator.stop()


@pytest.fixture
def shop(hub: Hub, onec: Onec) -> Iterator[Shop]:
    emulator = Shop(NOW)
    emulator.start()
    connect(hub, emulator)
    yield emulator
    emulator.stop()


def connect(hub: Hub, shop: Shop, **settings: Any) -> None:
    document = shop.connection()
    given = {**document["settings"], "stock_from": ["onec"], **settings}
    hub.connect("shop", {**document, "settings": given, "schedule": {}})


def stock(hub: Hub, onec: Onec, *rows: bytes) -> None:
    """1C has this stock, and the hub has read it."""
    onec.answers["GetRemains"] = answer(rows)
    run = hub.sync("onec", "stock")
    assert run["status"] == "succeeded", run["error_message"] or run["held_reason"]


def out(hub: Hub) -> dict[str, Any]:
    run = hub.sync("shop", "stock_out")
    assert run["status"] == "succeeded", run["error_message"]
    return run


def later(hub: Hub) -> str:
    """A moment from which the overlap does not reach back to now."""
    return (utc_now() + OVERLAP[hub.store.database.is_sqlite]).isoformat()


def has(shop: Shop, sku: str) -> Any:
    """What the shop has of this SKU."""
    goods = [*shop.products, *(item for rows in shop.variations.values() for item in rows)]
    return next(item["stock_quantity"] for item in goods if item["sku"] == sku)


def test_a_shop_gets_what_is_free_whole_and_never_below_zero(
    hub: Hub, onec: Onec, shop: Shop
) -> None:
    stock(
        hub,
        onec,
        row("HAT-1", "5.9", Reserve="2"),
        row("SCF-1", "-3"),
        row("JKT-M", "6"),
        row("JKT-M", "4", Warehouse="Дальний"),
    )
    run = out(hub)
    assert (run["rows_read"], run["rows_changed"], run["rows_rejected"]) == (3, 3, 0)
    assert [has(shop, sku) for sku in ("HAT-1", "SCF-1", "JKT-M")] == [3, 0, 10]
    # The variation goes to its product's own address.
    assert sorted(path for path, _ in shop.batches) == ["products", "products/30/variations"]


def test_only_what_changed_goes_out_again(hub: Hub, onec: Onec, shop: Shop) -> None:
    stock(hub, onec, row("HAT-1", "5"), row("SCF-1", "7"))
    out(hub)
    shop.batches.clear()
    assert out(hub)["rows_changed"] == 0
    # Once nothing new can come from before the last run, nothing is looked at twice.
    with hub.store.database.write() as db:
        moved = {**hub.one(cursors, stream="stock_out")["cursor"], "updated_at": later(hub)}
        db.execute(update(cursors).where(cursors.c.stream == "stock_out").values(cursor=moved))
    run_id = poll.request_run(hub.store, "shop", "stock_out", "schedule")
    poll.run_sync(hub.store, run_id)
    assert hub.run(run_id)["rows_read"] == 0
    # A new price is no new quantity; half a piece more is none either.
    stock(hub, onec, row("HAT-1", "5.4", Price="99"), row("SCF-1", "8"))
    assert out(hub)["rows_changed"] == 1
    assert shop.batches == [("products", [{"id": 22, "manage_stock": True, "stock_quantity": 8}])]


def test_what_1c_has_no_more_is_zero_in_the_shop(hub: Hub, onec: Onec, shop: Shop) -> None:
    rest = [row(f"А-{number}", "1") for number in range(9)]
    stock(hub, onec, row("HAT-1", "5"), *rest)
    out(hub)
    stock(hub, onec, *rest)
    out(hub)
    assert has(shop, "HAT-1") == 0


def test_the_shops_own_stock_never_comes_back_to_it(hub: Hub, onec: Onec, shop: Shop) -> None:
    stock(hub, onec, row("HAT-1", "5"))
    out(hub)
    for echo in shop.echoes:
        hub.post("shop", echo, NOW)
    hub.drain("shop")
    shop.batches.clear()
    # Somebody bought two in the shop: 1C has not said anything new, so nothing goes there.
    hat = next(item for item in shop.products if item["sku"] == "HAT-1")
    hat["stock_quantity"] = 3
    hub.sync("shop", "products")
    assert out(hub)["rows_changed"] == 0
    assert shop.batches == []
    assert has(shop, "HAT-1") == 3


def test_one_refused_product_blocks_no_other_and_its_words_are_kept(
    hub: Hub, onec: Onec, shop: Shop
) -> None:
    shop.refused[21] = ("woocommerce_rest_cannot_edit", "Этот товар закрыт от правки.")
    stock(hub, onec, row("HAT-1", "5"), row("SCF-1", "7"), row("НЕТ-1", "2"))
    run = out(hub)
    assert (run["rows_changed"], run["rows_rejected"]) == (1, 2)
    assert has(shop, "SCF-1") == 7
    issues = {issue["place"]: issue["message"] for issue in hub.rows(row_issues)}
    assert "Этот товар закрыт от правки." in issues["HAT-1"]
    assert issues["НЕТ-1"] == "the shop has no such product"
    statuses = {item["sku"]: item["status"] for item in hub.rows(stock_sent)}
    assert statuses == {"HAT-1": "refused", "SCF-1": "sent", "НЕТ-1": "absent"}


def test_a_refused_product_is_tried_again_by_a_person_or_with_another_value(
    hub: Hub, onec: Onec, shop: Shop
) -> None:
    shop.refused[21] = ("woocommerce_rest_cannot_edit", "Этот товар закрыт от правки.")
    stock(hub, onec, row("HAT-1", "5"))
    out(hub)
    shop.refused.clear()
    by_itself = poll.request_run(hub.store, "shop", "stock_out", "change")
    poll.run_sync(hub.store, by_itself)
    assert has(shop, "HAT-1") == 12
    out(hub)
    assert has(shop, "HAT-1") == 5


def test_a_product_that_comes_to_the_shop_later_gets_its_stock(
    hub: Hub, onec: Onec, shop: Shop
) -> None:
    hat = shop.products.pop(0)
    stock(hub, onec, row("HAT-1", "5"))
    out(hub)
    shop.products.append(hat)
    hub.sync("shop", "products")
    run_id = poll.request_run(hub.store, "shop", "stock_out", "schedule")
    poll.run_sync(hub.store, run_id)
    assert has(shop, "HAT-1") == 5


def test_settings_say_which_warehouses_and_which_number_count(
    hub: Hub, onec: Onec, shop: Shop
) -> None:
    stock(
        hub,
        onec,
        row("HAT-1", "5", Reserve="1"),
        row("HAT-1", "9", Warehouse="Брак"),
        row("SCF-1", "4", Warehouse="Брак"),
    )
    out(hub)
    assert [has(shop, sku) for sku in ("HAT-1", "SCF-1")] == [13, 4]
    connect(hub, shop, warehouses=["основной"], stock_number="quantity")
    out(hub)
    # What lies only in a warehouse that does not count any more is not for sale.
    assert [has(shop, sku) for sku in ("HAT-1", "SCF-1")] == [5, 0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"stock_from": []}, "settings.stock_from"),
        ({"stock_from": ["shop"]}, "its own stock"),
        ({"stock_from": ["nobody"]}, "there is no connection"),
    ],
)
def test_a_wrong_setting_says_so(
    hub: Hub, onec: Onec, shop: Shop, given: dict[str, Any], words: str
) -> None:
    connect(hub, shop, **given)
    run = hub.sync("shop", "stock_out")
    assert (run["status"], run["error_code"]) == ("failed", "config")
    assert words in run["error_message"]


def test_two_sources_of_one_warehouse_are_not_added_up(hub: Hub, onec: Onec, shop: Shop) -> None:
    hub.connect("second", {**onec.connection(), "schedule": {}})
    connect(hub, shop, stock_from=["onec", "second"])
    stock(hub, onec, row("HAT-1", "5", ChangedAt="2026-01-12T18:00:00"))
    onec.answers["GetRemains"] = answer(
        [
            row("HAT-1", "8", ChangedAt="2026-01-12T19:00:00"),
            row("HAT-1", "1", Warehouse="Свой"),
        ]
    )
    hub.sync("second", "stock")
    out(hub)
    assert has(shop, "HAT-1") == 8 + 1
    hub.option("stock.sources", ["onec", "second"])
    out(hub)
    assert has(shop, "HAT-1") == 5 + 1


def test_a_shop_is_told_after_a_run_that_changed_stock_and_by_schedule(
    hub: Hub, onec: Onec, shop: Shop
) -> None:
    stock(hub, onec, row("HAT-1", "5"))
    (queued,) = hub.rows(sync_runs, stream="stock_out")
    assert (queued["status"], queued["trigger"]) == ("queued", "change")
    poll.run_sync(hub.store, queued["id"])
    assert has(shop, "HAT-1") == 5
    hub.sync("onec", "stock")
    assert len(hub.rows(sync_runs, stream="stock_out")) == 1
    # The connection's file names no schedule: the connector's own holds while stock goes out.
    with hub.store.database.write() as db:
        db.execute(cursors.update().values(next_run_at=None))
    tick.tick(hub.store)
    (_, by_schedule) = hub.rows(sync_runs, stream="stock_out")
    assert by_schedule["trigger"] == "schedule"


def test_a_shop_that_is_down_is_tried_again_soon_and_gets_the_newest_value(
    hub: Hub, onec: Onec, shop: Shop
) -> None:
    stock(hub, onec, row("HAT-1", "5"))
    shop.down = 503
    run = hub.sync("shop", "stock_out")
    assert run["status"] == "failed"
    cursor = hub.one(cursors, stream="stock_out")
    assert cursor["failures"] == 1
    # Not in a quarter of an hour, as the schedule has it: after the first wait of the policy.
    assert (cursor["next_run_at"] - run["finished_at"]).total_seconds() < 10
    stock(hub, onec, row("HAT-1", "6"))
    shop.down = None
    out(hub)
    assert [update["stock_quantity"] for _, updates in shop.batches for update in updates] == [6]


def test_keys_that_may_not_write_ask_for_attention(hub: Hub, onec: Onec, shop: Shop) -> None:
    stock(hub, onec, row("HAT-1", "5"))
    shop.read_only = True
    run = hub.sync("shop", "stock_out")
    assert (run["status"], run["error_code"]) == ("failed", "auth")
    assert hub.state("shop") == "needs_attention"


def test_batches_stay_within_the_shops_limit(hub: Hub, onec: Onec, shop: Shop) -> None:
    pattern = shop.products[0]
    shop.products += [{**pattern, "id": 1000 + n, "sku": f"М-{n}"} for n in range(230)]
    stock(hub, onec, *(row(f"М-{n}", str(n)) for n in range(230)))
    run = out(hub)
    assert (run["rows_changed"], run["rows_rejected"]) == (230, 0)
    assert [len(updates) for _, updates in shop.batches] == [100, 100, 30]
    assert [has(shop, f"М-{n}") for n in (0, 1, 229)] == [0, 1, 229]


def test_a_batch_that_the_shop_refuses_for_one_products_sake_goes_in_parts(
    hub: Hub, onec: Onec, shop: Shop
) -> None:
    pattern = shop.products[0]
    shop.products += [{**pattern, "id": 1000 + n, "sku": f"М-{n}"} for n in range(20)]
    shop.poison = {1007}
    stock(hub, onec, *(row(f"М-{n}", "6") for n in range(20)))
    run = out(hub)
    assert (run["rows_changed"], run["rows_rejected"]) == (19, 1)
    assert [has(shop, f"М-{n}") for n in (6, 7, 8)] == [6, 12, 6]
    assert "rest_invalid_param" in hub.one(row_issues)["message"]


@pytest.mark.parametrize(("moment", "number"), [("sent", 2), ("remembered", 2), ("cursor", 1)])
def test_a_run_killed_anywhere_is_carried_on_and_the_shop_has_the_newest_values(
    hub: Hub, onec: Onec, shop: Shop, moment: str, number: int
) -> None:
    pattern = shop.products[0]
    shop.products += [{**pattern, "id": 1000 + n, "sku": f"М-{n}"} for n in range(250)]
    stock(hub, onec, *(row(f"М-{n}", "6") for n in range(250)))
    run_id = poll.request_run(hub.store, "shop", "stock_out", "change")
    killed_at(hub, run_id, moment, number)
    assert hub.run(run_id)["status"] == "running"
    # While nobody works on it, 1C sells some.
    stock(hub, onec, *(row(f"М-{n}", "4" if n < 120 else "6") for n in range(250)))
    assert poll.run_sync(hub.store, run_id) == "succeeded"
    assert [has(shop, f"М-{n}") for n in range(250)] == [4] * 120 + [6] * 130
    assert {item["status"] for item in hub.rows(stock_sent)} == {"sent"}
    told = Counter(item["id"] for _, batch in shop.batches for item in batch)
    assert set(told) == {1000 + n for n in range(250)}
    # Only the batch whose answer was not in writing yet may have gone out twice unchanged.
    again = [key for key, times in told.items() if times > 1 and key >= 1120]
    assert len(again) <= 100
    shop.batches.clear()
    assert out(hub)["rows_changed"] == 0


@pytest.mark.parametrize(
    ("quantity", "whole"), [("2.999", 2), ("-0.5", 0), ("0", 0), ("-7", 0), ("1E+3", 1000)]
)
def test_pieces_are_whole_and_never_below_zero(quantity: str, whole: int) -> None:
    assert pieces(Decimal(quantity)) == whole
