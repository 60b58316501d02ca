"""Changes on their way out: each to every destination that wants it, the newest state, no echo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.webhook_out.emulator import Emulator as Receiver
from connectors.woocommerce import emulator as shop
from connectors.woocommerce.emulator import Emulator as Shop
from hub.flow import deliver
from hub.flow.deliver import destinations_due, replay_delivery
from hub.registry import connector
from hub.sdk.errors import Rejected
from hub.sdk.records import Receipt
from hub.store import leases
from hub.store.database import utc_now
from hub.store.models import attempts, bindings, deliveries, leads
from tests.support.hub import Hub, lead


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of outgoing webhooks that checks signatures."""
    emulator = Receiver()
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture
def out(hub: Hub, receiver: Receiver) -> int:
    """The destination «out», told of leads only."""
    hub.option("network.allow", ["127.0.0.0/8"])
    document = receiver.connection()
    settings = {**document["settings"], "entities": ["lead"]}
    return hub.connect("out", {**document, "settings": settings}).id


def change(hub: Hub, number: int = 1, **fields: Any) -> None:
    """A lead comes in, or comes again with other words."""
    event_id = f"evt-{number}-{len(fields)}-{fields.get('subject', '')}"
    hub.post("site", lead(number, event_id=event_id, **fields), utc_now())
    hub.drain()


def go(hub: Hub, destination: int) -> int:
    hub.store.catalog.forget()
    return deliver.deliver(hub.store, destination)


def test_a_change_reaches_the_receiver_signed(hub: Hub, receiver: Receiver, out: int) -> None:
    hub.site()
    change(hub)
    assert destinations_due(hub.store) == [out]
    assert go(hub, out) == 1
    (came,) = receiver.received
    assert came.verified
    record = hub.one(leads)
    assert came.body["type"] == "lead.created"
    assert came.body["data"]["title"] == record["title"]
    assert came.body["data"]["id"] == record["id"]
    row = hub.one(deliveries)
    assert (row["status"], row["attempts"], row["error_code"]) == ("delivered", 1, None)
    tried = hub.one(attempts, subject="delivery")
    assert (tried["outcome"], tried["status_code"], tried["number"]) == ("succeeded", 204, 1)
    assert destinations_due(hub.store) == []


def test_every_subscribed_destination_is_told_and_no_other(
    hub: Hub, receiver: Receiver, out: int
) -> None:
    document = receiver.connection()
    everything = hub.connect("everything", document).id
    orders_only = {**document, "settings": {**document["settings"], "entities": ["order"]}}
    hub.connect("orders", orders_only)
    hub.site()
    change(hub)
    owed = {(row["connection_id"], row["entity"]) for row in hub.rows(deliveries)}
    assert owed == {(out, "lead"), (everything, "lead"), (everything, "contact")}
    # A connection may name the only destinations of its changes.
    hub.site("named", destinations=["everything"])
    hub.post("named", lead(2))
    hub.drain("named")
    assert {row["connection_id"] for row in hub.rows(deliveries) if row["record_id"] != 1} == {
        everything
    }


def test_what_comes_from_a_system_does_not_go_back_to_it(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CRM that is both a source and a destination."""
    monkeypatch.setitem(connector("standard_webhook").__dict__, "push", lambda *_: Receipt("x-1"))
    crm, other = hub.site("crm"), hub.site("other")
    hub.post("crm", lead(1))
    hub.drain("crm")
    assert {row["connection_id"] for row in hub.rows(deliveries)} == {other.id}
    go(hub, other.id)
    # What the other system calls the record is remembered; coming back, it is the same record.
    bound = hub.one(bindings, connection_id=other.id, entity="lead")
    assert (bound["external_id"], bound["record_id"]) == ("x-1", hub.one(leads)["id"])
    assert crm.id not in {row["connection_id"] for row in hub.rows(deliveries)}


def test_an_unchanged_repeat_owes_nothing(hub: Hub, receiver: Receiver, out: int) -> None:
    hub.site()
    change(hub, subject="Кухня")
    go(hub, out)
    hub.post("site", lead(1, event_id="again", subject="Кухня"), utc_now())
    hub.drain()
    assert [row["status"] for row in hub.rows(deliveries)] == ["delivered"]


def test_the_id_stays_over_retries_and_the_newest_state_is_another_message(
    hub: Hub, receiver: Receiver, out: int
) -> None:
    hub.site()
    receiver.fail(2, 500)
    change(hub, subject="Кухня")
    for _ in range(3):
        go(hub, out)
        hub.make_due(deliveries)
    ids = [item.message_id for item in receiver.received]
    assert len(ids) == 3
    assert len(set(ids)) == 1
    assert [item.status for item in receiver.received] == [500, 500, 204]
    assert len({str(item.body) for item in receiver.received}) == 1
    assert [row["number"] for row in hub.rows(attempts, subject="delivery")] == [1, 2, 3]
    change(hub, subject="Шкаф")
    go(hub, out)
    assert receiver.received[-1].message_id != ids[0]
    assert receiver.received[-1].body["type"] == "lead.updated"
    assert receiver.received[-1].body["data"]["title"] == "Шкаф"


def test_a_change_while_it_is_delivered_is_delivered_too(
    hub: Hub, receiver: Receiver, out: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.site()
    change(hub, subject="Кухня")
    real = connector("webhook_out").push
    assert real is not None
    pushed: list[bool] = []

    def push(*given: Any) -> Receipt:
        receipt = real(*given)
        if not pushed:
            change(hub, subject="Шкаф")
        pushed.append(True)
        return receipt

    monkeypatch.setitem(connector("webhook_out").__dict__, "push", push)
    go(hub, out)
    titles = [item.body["data"]["title"] for item in receiver.received]
    assert titles == ["Кухня", "Шкаф"]
    assert len({item.message_id for item in receiver.received}) == 2
    assert hub.one(deliveries)["status"] == "delivered"


def test_a_slow_receiver_gets_one_message_with_the_last_state(
    hub: Hub, receiver: Receiver, out: int
) -> None:
    hub.site()
    for title in ("Кухня", "Шкаф", "Стол"):
        change(hub, subject=title)
    assert go(hub, out) == 1
    assert [item.body["data"]["title"] for item in receiver.received] == ["Стол"]


def test_retry_after_is_honoured(hub: Hub, receiver: Receiver, out: int) -> None:
    hub.site()
    receiver.fail(1, 429, retry_after="7200")
    change(hub)
    before = utc_now()
    go(hub, out)
    row = hub.one(deliveries)
    assert (row["status"], row["error_code"]) == ("waiting", "retry_later")
    assert row["due_at"] >= before + timedelta(hours=2)
    assert destinations_due(hub.store) == []
    assert go(hub, out) == 0
    assert hub.state("out") == "active"


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_a_refusal_is_dead_at_once_with_the_receiver_s_words(
    hub: Hub, receiver: Receiver, out: int, status: int
) -> None:
    hub.site()
    receiver.fail(1, status)
    for number in (1, 2):
        change(hub, number)
    go(hub, out)
    rows = hub.rows(deliveries)
    # And the next record is not held up by it.
    assert [row["status"] for row in rows] == ["dead", "delivered"]
    assert rows[0]["error_code"] == "rejected"
    assert str(status) in rows[0]["error_message"]
    assert hub.state("out") == "active"


def test_refused_credentials_ask_for_attention_and_the_work_waits(
    hub: Hub, receiver: Receiver, out: int
) -> None:
    hub.site()
    receiver.fail(1, 401)
    for number in (1, 2, 3):
        change(hub, number)
    go(hub, out)
    # One refusal is enough: the others are not tried against a closed door.
    assert len(receiver.received) == 1
    assert hub.state("out") == "needs_attention"
    assert [row["status"] for row in hub.rows(deliveries)] == ["waiting", "pending", "pending"]
    # Until it opens again only the refused one is tried, when its time has come.
    go(hub, out)
    assert len(receiver.received) == 1
    hub.make_due(deliveries)
    go(hub, out)
    assert hub.state("out") == "active"
    go(hub, out)
    assert {row["status"] for row in hub.rows(deliveries)} == {"delivered"}
    assert len({item.message_id for item in receiver.received}) == 3


def test_a_paused_destination_waits_and_then_gets_the_last_state(
    hub: Hub, receiver: Receiver, out: int
) -> None:
    hub.site()
    hub.set_state("out", "paused")
    change(hub, subject="Кухня")
    change(hub, subject="Шкаф")
    assert destinations_due(hub.store) == []
    assert go(hub, out) == 0
    hub.set_state("out", "active")
    assert go(hub, out) == 1
    assert [item.body["data"]["title"] for item in receiver.received] == ["Шкаф"]


def test_a_replayed_delivery_is_sent_again_as_the_record_is_now(
    hub: Hub, receiver: Receiver, out: int
) -> None:
    hub.site()
    receiver.fail(1, 422)
    change(hub, subject="Кухня")
    go(hub, out)
    dead = hub.one(deliveries)
    replay_delivery(hub.store, dead["id"], "alice")
    with pytest.raises(Rejected):
        replay_delivery(hub.store, dead["id"], "alice")
    go(hub, out)
    row = hub.one(deliveries)
    assert (row["status"], row["error_code"]) == ("delivered", None)
    first, second = receiver.received
    assert first.message_id != second.message_id
    with pytest.raises(Rejected):
        replay_delivery(hub.store, 999, "alice")


def test_a_deletion_is_told(hub: Hub, receiver: Receiver) -> None:
    hub.option("network.allow", ["127.0.0.0/8"])
    document = receiver.connection()
    settings = {**document["settings"], "entities": ["order"], "events": ["deleted"]}
    out = hub.connect("out", {**document, "settings": settings}).id
    hub.connect("shop", Shop().connection())
    order = Shop().orders[0]
    hub.post("shop", shop.signed("order.updated", order))
    hub.post("shop", shop.signed("order.deleted", {"id": order["id"]}), utc_now())
    hub.drain("shop")
    go(hub, out)
    (came,) = receiver.received
    assert (came.body["type"], came.body["data"]["deleted"]) == ("order.deleted", True)


def test_only_one_worker_delivers_to_a_destination(hub: Hub, receiver: Receiver, out: int) -> None:
    hub.site()
    change(hub)
    held = leases.acquire(hub.store.database, f"deliver-{out}", "elsewhere-1-1", seconds=60)
    assert held is not None
    assert go(hub, out) == 0
    assert not receiver.received
    leases.release(hub.store.database, held)
    assert go(hub, out) == 1


def test_an_unreachable_destination_holds_up_no_other(
    hub: Hub, receiver: Receiver, out: int
) -> None:
    """P5: its own lease, its own queue job, its own waiting time."""
    document = receiver.connection()
    settings = {"url": "http://127.0.0.1:9/hooks", "entities": ["lead"]}
    nowhere = hub.connect("nowhere", {**document, "settings": settings}).id
    hub.site()
    change(hub)
    assert sorted(destinations_due(hub.store)) == sorted([out, nowhere])
    go(hub, nowhere)
    go(hub, out)
    states = {row["connection_id"]: row["status"] for row in hub.rows(deliveries)}
    assert states == {out: "delivered", nowhere: "waiting"}
    assert destinations_due(hub.store) == []


def test_a_change_made_while_it_waits_its_turn_goes_out_under_its_own_id_once(
    hub: Hub, receiver: Receiver, out: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found due, then changed by another worker before it is sent: one message, not two."""
    hub.site()
    change(hub)
    found_due = deliver._due

    def changed_after(store: Any, configured: Any) -> Any:
        due = found_due(store, configured)
        if due and not receiver.received:
            change(hub, subject="Уже другая")
        return due

    monkeypatch.setattr(deliver, "_due", changed_after)
    go(hub, out)
    assert [came.body["data"]["title"] for came in receiver.received] == ["Уже другая"]
    assert hub.one(deliveries)["status"] == "delivered"
