"""`hub sync` and `hub reconcile` work whether or not a hub runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from connectors.woocommerce.emulator import Emulator
from hub.commands import sync as module
from hub.store.models import orders, sync_runs
from tests.cli.conftest import Cli
from tests.support.hub import Hub


@pytest.fixture
def shop(inside: Hub) -> Iterator[Emulator]:
    """A shop that is connected as «shop»."""
    emulator = Emulator()
    emulator.start()
    inside.connect("shop", emulator.connection())
    yield emulator
    emulator.stop()


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORKER_SECONDS", 0.0)


def test_without_a_worker_the_command_polls_itself(cli: Cli, inside: Hub, shop: Emulator) -> None:
    run = cli("sync", "run", "shop", "orders", "--wait", "--json").json
    assert run["status"] == "succeeded"
    assert len(inside.rows(orders)) == len(shop.orders)
    (row,) = cli("sync", "list", "--connection", "shop", "--json").json
    assert row["rows_read"] == len(shop.orders)
    assert "succeeded" in cli("sync", "run", "shop", "orders", "--wait").out


def test_without_waiting_it_is_queued(cli: Cli, inside: Hub, shop: Emulator) -> None:
    assert shop.orders
    assert "queued" in cli("sync", "run", "shop", "orders").out
    assert inside.one(sync_runs)["status"] == "queued"


def test_a_failed_run_ends_with_1_and_its_reason(cli: Cli, shop: Emulator) -> None:
    shop.down = 503
    run = cli("sync", "run", "shop", "orders", "--wait", "--json", code=1).json
    assert run["status"] == "failed"
    assert run["error_message"]


def test_wrong_names_list_the_right_ones(cli: Cli, shop: Emulator, inside: Hub) -> None:
    assert shop.orders
    inside.site()
    assert "there are: orders" in cli("sync", "run", "shop", "prders", code=1).err
    assert "shop" in cli("sync", "run", "shpo", "orders", code=1).err
    assert "nothing to poll" in cli("sync", "run", "site", "orders", code=1).err


def test_a_paused_connection_is_said_to_be_paused(cli: Cli, inside: Hub, shop: Emulator) -> None:
    assert shop.orders
    inside.set_state("shop", "paused")
    error = cli("sync", "run", "shop", "orders", "--wait", code=1).err
    assert "hub connections resume shop" in error


def test_reconcile_fetches_what_is_missing(cli: Cli, inside: Hub, shop: Emulator) -> None:
    earliest = min(order["date_created_gmt"] for order in shop.orders)
    # The company's day, which late in the evening is not the day in Greenwich.
    moment = datetime.fromisoformat(earliest).replace(tzinfo=UTC)
    first = moment.astimezone(ZoneInfo("Europe/Moscow")).date().isoformat()
    days = cli("reconcile", "shop", "--from", first, "--json").json
    assert sum(day["recovered"] for day in days) == len(shop.orders)
    assert len(inside.rows(orders)) == len(shop.orders)
    days = cli("reconcile", "shop", "--from", first, "--json").json
    assert sum(day["ours"] for day in days) == len(shop.orders)
    assert "unexplained" in cli("reconcile", "shop", "--from", first).out
    assert cli("reconcile", "shop", "--from", first, "--to", first, "--json").json


def test_reconcile_names_what_is_wrong(cli: Cli, inside: Hub, shop: Emulator) -> None:
    assert shop.orders
    inside.site()
    assert "2026-01-12" in cli("reconcile", "shop", "--from", "yesterday", code=1).err
    backwards = ("reconcile", "shop", "--from", "2026-02-01", "--to", "2026-01-01")
    assert "later than" in cli(*backwards, code=1).err
    assert "no history" in cli("reconcile", "site", code=1).err


def test_a_held_run_is_approved(cli: Cli, inside: Hub) -> None:
    from connectors.onec_soap.emulator import Emulator as Base

    base = Base()
    base.start()
    try:
        inside.connect("onec", base.connection())
        cli("sync", "run", "onec", "stock", "--wait")
        base.failure = "empty"
        held = cli("sync", "run", "onec", "stock", "--wait", "--json", code=1).json
        assert held["status"] == "held"
        assert f"sync approve {held['id'] + 1}" in (
            cli("sync", "run", "onec", "stock", "--wait", code=1).out
        )
        approved = cli("sync", "approve", str(held["id"]), "--wait", "--json").json
        assert approved["status"] == "succeeded"
        assert approved["rows_removed"] > 0
    finally:
        base.stop()
