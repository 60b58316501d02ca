"""Turns of a destination: what goes first, what is put off, and what recovery lets go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from connectors.webhook_out.emulator import Emulator as Receiver
from connectors.woocommerce.emulator import Emulator as Shop
from hub.flow import deliver
from hub.flow.deliver import destinations_due
from hub.flow.due import FRESH_BATCH, due_rows
from hub.registry import connector
from hub.sdk.errors import NotCalled
from hub.sdk.traffic import Urgency
from hub.store.database import utc_now
from hub.store.models import attempts, cursors, deliveries
from hub.traffic.roads import Road, breakers
from tests.support.hub import Hub, lead


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of outgoing webhooks that checks signatures."""
    emulator = Receiver()
    emulator.start()
    yield emulator
    emulator.stop()


def connect(hub: Hub, document: dict[str, Any], name: str = "out", **settings: Any) -> int:
    """A destination told of leads only."""
    hub.option("network.allow", ["127.0.0.0/8"])
    settings = {**document["settings"], "entities": ["lead"], **settings}
    return hub.connect(name, {**document, "settings": settings}).id


def leads(hub: Hub, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        hub.post("site", lead(number), utc_now())
    hub.drain()


def age(hub: Hub, minutes: float, **values: Any) -> None:
    """Everything that is due was so for some time already."""
    then = utc_now() - timedelta(minutes=minutes)
    with hub.store.database.write() as db:
        db.execute(update(deliveries).values(changed_at=then, due_at=then, **values))


def take(hub: Hub, destination: int) -> deliver.Turn:
    hub.store.catalog.forget()
    return deliver.turn(hub.store, destination, 60)


def test_fresh_changes_go_before_old_repeats_which_do_not_starve(
    hub: Hub, receiver: Receiver
) -> None:
    out = connect(hub, receiver.connection())
    hub.site()
    leads(hub, 60)
    age(hub, 90, status="waiting", attempts=4)
    leads(hub, 3, start=100)
    configured = hub.store.catalog.by_id(out)
    assert configured is not None
    with hub.store.database.read() as db:
        batch = due_rows(db, configured)
    assert [row.attempts for row in batch] == [0, 0, 0] + [4] * 47
    leads(hub, 60, start=200)
    with hub.store.database.read() as db:
        batch = due_rows(db, configured)
    assert [row.attempts for row in batch] == [0] * FRESH_BATCH + [4] * 10


def test_a_fresh_change_is_live_and_an_old_one_is_bulk(
    hub: Hub, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = connect(hub, receiver.connection())
    hub.site()
    seen: list[Urgency] = []
    real = connector("webhook_out").push
    assert real is not None

    def push(connection: Any, *given: Any) -> Any:
        assert isinstance(connection.traffic, Road)
        seen.append(connection.traffic.urgency)
        return real(connection, *given)

    monkeypatch.setitem(connector("webhook_out").__dict__, "push", push)
    leads(hub, 1)
    age(hub, 90)
    leads(hub, 1, start=1)
    take(hub, out)
    assert seen == [Urgency.LIVE, Urgency.BULK]


def test_what_must_not_be_called_is_put_off_and_loses_no_try(hub: Hub, receiver: Receiver) -> None:
    hub.option("http.breaker", {"failures": 2, "open_seconds": 40})
    out = connect(hub, receiver.connection())
    hub.site()
    leads(hub, 5)
    receiver.fail(99, 503)
    take(hub, out)
    # Two failures opened the breaker; the third was not called, and the turn ended with it.
    assert len(receiver.received) == 2
    rows = hub.rows(deliveries)
    assert [row["attempts"] for row in rows] == [1, 1, 0, 0, 0]
    assert len(hub.rows(attempts, subject="delivery")) == 2
    (breaker,) = breakers(hub.store.settings)[out]
    assert rows[2]["status"] == "pending"
    assert rows[2]["error_code"] == "not_called"
    assert rows[2]["due_at"] > utc_now() + timedelta(seconds=30)
    assert f"is not called before {breaker.next_probe_at:%H:%M:%S} UTC" in rows[2]["error_message"]
    for _ in range(3):
        turn = take(hub, out)
        # The delivery that is due next is put off as well, and says nothing about the pace.
        assert (turn.tried, turn.slowest_seconds) == (0, None)
    assert len(receiver.received) == 2


def test_a_host_that_asks_for_a_pause_is_not_asked_by_every_delivery(
    hub: Hub, receiver: Receiver
) -> None:
    out = connect(hub, receiver.connection())
    hub.site()
    leads(hub, 20)
    receiver.fail(1, 429, retry_after="60")
    take(hub, out)
    assert len(receiver.received) == 1
    assert hub.rows(deliveries)[0]["due_at"] > utc_now() + timedelta(seconds=50)


def test_a_used_up_limit_puts_off(hub: Hub, receiver: Receiver) -> None:
    limits = {"requests_per_second": 0.01, "burst": 4}
    out = connect(hub, receiver.connection(), limits=limits)
    hub.site()
    leads(hub, 6)
    assert take(hub, out).tried == 4
    assert {row["status"] for row in hub.rows(deliveries)} == {"delivered", "pending"}
    assert "limit of requests is used up" in hub.rows(deliveries)[4]["error_message"]


def test_recovery_from_a_refusal_lets_everything_go_at_once(hub: Hub, receiver: Receiver) -> None:
    out = connect(hub, receiver.connection())
    hub.site()
    leads(hub, 60)
    receiver.fail(1, 401)
    take(hub, out)
    assert hub.state("out") == "needs_attention"
    # Another one had been refused before and would wait for hours.
    with hub.store.database.write() as db:
        far = utc_now() + timedelta(hours=6)
        values = {"status": "waiting", "error_code": "auth", "due_at": far, "attempts": 6}
        db.execute(update(deliveries).where(deliveries.c.id == 7).values(values))
        refused = deliveries.c.id == 1
        db.execute(update(deliveries).where(refused).values(due_at=utc_now()))
    assert destinations_due(hub.store) == [out]
    # One turn: the probe, and then everything behind it.
    assert take(hub, out).tried == 60
    assert hub.state("out") == "active"
    assert {row["status"] for row in hub.rows(deliveries)} == {"delivered"}


@pytest.mark.parametrize("remedy", ["resume", "new settings"])
def test_an_admin_s_remedy_lets_everything_go_at_once(
    hub: Hub, receiver: Receiver, remedy: str
) -> None:
    out = connect(hub, receiver.connection())
    hub.site()
    leads(hub, 3)
    receiver.fail(1, 401)
    take(hub, out)
    # Only what was refused may be tried, and its time has not come: nobody needs to ring.
    assert destinations_due(hub.store) == []
    if remedy == "resume":
        hub.set_state("out", "active")
    else:
        connect(hub, receiver.connection())
    assert destinations_due(hub.store) == [out]
    assert take(hub, out).tried == 3


def test_a_turn_ends_after_its_time_and_after_the_call_when_told_to_stop(
    hub: Hub, receiver: Receiver
) -> None:
    out = connect(hub, receiver.connection())
    hub.site()
    leads(hub, 5)
    turn = deliver.turn(hub.store, out, 0)
    assert (turn.tried, turn.more) == (1, True)
    turn = deliver.turn(hub.store, out, 60, is_stopping=lambda: True)
    assert (turn.tried, turn.more) == (1, True)
    assert (take(hub, out).tried, take(hub, out).tried) == (3, 0)


def test_a_failed_poll_that_was_not_made_is_no_failure(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.connect("shop", Shop().connection())

    def read(connection: Any, *_: Any) -> Any:
        assert connection.traffic.urgency is Urgency.BULK
        raise NotCalled("shop.example is not called before 10:00:00 UTC: down", after=33)

    monkeypatch.setitem(connector("woocommerce").__dict__, "read", read)
    run = hub.sync("shop", "orders")
    assert (run["status"], run["error_code"]) == ("failed", "not_called")
    assert hub.one(cursors, stream="orders")["failures"] == 0
