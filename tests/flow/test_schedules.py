"""When a stream is due, and who starts it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from connectors.woocommerce.emulator import Emulator as Shop
from hub.flow import poll, tick, watch
from hub.queues import BULK, LIVE, queues_for
from hub.registry import connector
from hub.schedules import check_rule, expected_period, next_run
from hub.sdk.errors import ConfigError, RetryLater
from hub.store import facts, leases
from hub.store.database import utc_now
from hub.store.models import cursors, sync_runs
from hub.store.models import leases as leases_table
from tests.support.hub import Hub, lead

MOSCOW = ZoneInfo("Europe/Moscow")
AFTER = datetime(2026, 1, 12, 15, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "due"),
    [
        ("every 5m", AFTER + timedelta(minutes=5)),
        ("Every 30s", AFTER + timedelta(seconds=30)),
        ("every 2h", AFTER + timedelta(hours=2)),
        ("every 1d", AFTER + timedelta(days=1)),
        ("*/15 * * * *", datetime(2026, 1, 12, 15, 15, tzinfo=UTC)),
        # Three in the morning of Moscow.
        ("0 3 * * *", datetime(2026, 1, 13, 0, 0, tzinfo=UTC)),
        ("30 9 * * 1-5", datetime(2026, 1, 13, 6, 30, tzinfo=UTC)),
    ],
)
def test_the_next_turn(rule: str, due: datetime) -> None:
    check_rule(rule, "schedule.x")
    assert next_run(rule, AFTER, MOSCOW) == due


@pytest.mark.parametrize(
    "rule", ["", "every", "every 3s", "every 5 minutes", "61 * * * *", "often"]
)
def test_a_wrong_rule_is_named_with_its_place(rule: str) -> None:
    with pytest.raises(ConfigError, match=r"schedule\.stock"):
        check_rule(rule, "schedule.stock")


@given(st.integers(1_577_836_800, 2_208_988_800))
def test_a_turn_is_always_ahead(seconds: int) -> None:
    after = datetime.fromtimestamp(seconds, UTC)
    for rule in ("every 5m", "*/10 8-20 * * *", "0 3 * * *"):
        assert next_run(rule, after, MOSCOW) > after
        assert 0 < expected_period(rule, after, MOSCOW) <= 90_000


def sweep(hub: Hub) -> None:
    hub.store.catalog.forget()
    tick.tick(hub.store)


def test_a_new_stream_starts_at_once_and_then_keeps_its_period(hub: Hub) -> None:
    hub.connect("shop", {**Shop().connection(), "schedule": {"orders": "every 15m"}})
    sweep(hub)
    run = hub.one(sync_runs)
    assert (run["stream"], run["trigger"], run["status"]) == ("orders", "schedule", "queued")
    sweep(hub)
    assert len(hub.rows(sync_runs)) == 1
    due = hub.one(cursors)["next_run_at"]
    assert timedelta(minutes=14) < due - utc_now() <= timedelta(minutes=15)
    with hub.store.database.write() as db:
        db.execute(update(cursors).values(next_run_at=utc_now() - timedelta(hours=5)))
        db.execute(update(sync_runs).values(status="failed"))
    sweep(hub)
    # However late the sweep is, one run makes up for it.
    assert len(hub.rows(sync_runs)) == 2
    assert hub.one(cursors)["next_run_at"] > utc_now()


def test_many_sweeps_at_once_start_a_stream_once(hub: Hub) -> None:
    hub.connect("shop", {**Shop().connection(), "schedule": {"orders": "every 15m"}})
    sweep(hub)
    with hub.store.database.write() as db:
        db.execute(update(cursors).values(next_run_at=utc_now() - timedelta(minutes=1)))
        db.execute(update(sync_runs).values(status="succeeded"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: tick.tick(hub.store), range(4)))
    assert len(hub.rows(sync_runs, status="queued")) == 1


def test_many_first_sweeps_at_once_start_a_new_stream_once(hub: Hub) -> None:
    hub.connect("shop", {**Shop().connection(), "schedule": {"orders": "every 15m"}})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: tick.tick(hub.store), range(4)))
    assert len(hub.rows(sync_runs)) == 1


def test_a_paused_connection_is_not_polled(hub: Hub) -> None:
    hub.connect("shop", Shop().connection())
    hub.set_state("shop", "paused")
    sweep(hub)
    assert not hub.rows(sync_runs)


def test_the_sweep_rings_for_what_no_doorbell_told_of(hub: Hub) -> None:
    """Events accepted while Redis was away."""
    hub.site()
    hub.post("site", lead(1))
    queues = queues_for(hub.store.settings)
    queues.redis.flushall()
    sweep(hub)
    assert queues.queue(LIVE).count == 1
    sweep(hub)
    # One ring is enough while nobody has heard it.
    assert queues.queue(LIVE).count == 1
    with hub.store.database.read() as db:
        assert facts.get_fact(db, watch.HEARTBEAT)


def test_an_idle_hub_rings_for_nothing(hub: Hub) -> None:
    hub.site()
    hub.post("site", lead(1))
    hub.drain()
    queues = queues_for(hub.store.settings)
    queues.redis.flushall()
    sweep(hub)
    assert {name: queues.queue(name).count for name in (LIVE, BULK)} == {LIVE: 0, BULK: 0}


def test_a_run_whose_worker_died_is_rung_for_again(hub: Hub) -> None:
    """And one whose worker lives is left alone."""
    hub.connect("shop", {**Shop().connection(), "schedule": {}})
    run_id = poll.request_run(hub.store, "shop", "orders", "person")
    run = hub.run(run_id)
    queues = queues_for(hub.store.settings)
    started = utc_now() - timedelta(minutes=2)
    with hub.store.database.write() as db:
        db.execute(update(sync_runs).values(status="running", started_at=started))
    name = f"sync-{run['connection_id']}-orders"
    held = leases.acquire(hub.store.database, name, "elsewhere-1-1", seconds=60)
    assert held is not None
    queues.redis.flushall()
    sweep(hub)
    assert queues.queue(BULK).count == 0
    assert hub.run(run_id)["status"] == "running"
    host = leases.owner_name().rsplit("-", 2)[0]
    leases.release(hub.store.database, held)
    assert leases.acquire(hub.store.database, name, f"{host}-{2**22 + 7}-1", seconds=60)
    sweep(hub)
    assert queues.queue(BULK).count == 1
    # Nobody is at it: it must not show as running.
    assert hub.run(run_id)["status"] == "queued"


def test_a_failure_after_the_lease_was_lost_is_nobodys_news(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker slept, another one did the run; then the sleeper's own connection breaks."""
    hub.connect("shop", {**Shop().connection(), "schedule": {}})
    run_id = poll.request_run(hub.store, "shop", "orders", "person")

    def sleep_then_break(*_: Any) -> Any:
        with hub.store.database.write() as db:
            db.execute(update(sync_runs).values(status="succeeded"))
            db.execute(update(leases_table).values(token=leases_table.c.token + 1))
        raise RetryLater("the line went dead while I slept")

    monkeypatch.setitem(connector("woocommerce").__dict__, "read", sleep_then_break)
    assert poll.run_sync(hub.store, run_id) == ""
    assert hub.run(run_id)["status"] == "succeeded"


def test_no_queue_holds_more_than_ids(hub: Hub) -> None:
    """P11: what lies in Redis names nobody and nothing."""
    hub.connect("shop", Shop().connection())
    hub.site()
    queues = queues_for(hub.store.settings)
    for number in range(3):
        hub.post("site", lead(number))
    sweep(hub)
    kept = b"".join(queues.redis.dump(key) or b"" for key in queues.redis.scan_iter())
    for secret in (b"site-forms-demo-secret", b"example.ru", b"+7916", b"cs_emulated"):
        assert secret not in kept
    for name in (LIVE, BULK):
        for job in queues.queue(name).jobs:
            assert all(isinstance(item, int) for item in job.args)
