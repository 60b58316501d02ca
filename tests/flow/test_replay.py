"""P8: replay of anything, any number of times, is safe."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.mango.emulator import Emulator as Mango
from connectors.woocommerce import emulator as shop
from connectors.woocommerce.emulator import Emulator as Shop
from hub.flow.replay import STEPS, replay_events
from hub.sdk.errors import Rejected
from hub.store.models import (
    ENTITY_TABLES,
    attempts,
    audit,
    bindings,
    calls,
    changes,
    contact_points,
    deliveries,
    events,
    leads,
    orders,
    replays,
    stock_levels,
    timeline,
)
from tests.support.hub import Hub, lead

WRONG = {
    "lead": {
        "external_id": "id",
        "fields": {"title": {"from": "topic", "required": True}},
        "contact": {"phone": {"from": "phone", "as": "phone"}},
    }
}
RECEIVER = {
    "connector": "webhook_out",
    "settings": {"url": "https://receiver.example/hooks"},
    "secrets": {"secret": "whsec_dWplbC1kZW1vLXJlY2VpdmVyLWtleS0wMQ=="},
}
#: Everything that a replay must leave as it was.
EFFECTS = (
    *ENTITY_TABLES.values(),
    bindings,
    changes,
    contact_points,
    deliveries,
    stock_levels,
    timeline,
)


def effects(hub: Hub) -> dict[str, Any]:
    return {table.name: hub.rows(table) for table in EFFECTS}


def replay_all(hub: Hub, step: str = "parse") -> None:
    replay_events(hub.store, [row["id"] for row in hub.rows(events)], step, "test", "again")


def test_a_dead_event_is_done_after_its_mapping_is_mended(hub: Hub) -> None:
    hub.site(mappings=WRONG)
    hub.post("site", lead(1))
    hub.drain()
    dead = hub.one(events, status="dead")
    hub.site()
    replay_events(hub.store, [dead["id"]], "map", "alice", "the mapping was wrong")
    assert hub.one(events)["status"] == "received"
    hub.drain()
    event = hub.one(events)
    assert (event["status"], event["error_code"], event["error_message"]) == ("done", None, None)
    assert hub.one(leads)["title"] == "Заявка 1"
    # Both tries are listed; who replayed and why is in the audit log.
    assert [row["outcome"] for row in hub.rows(attempts)] == ["failed", "succeeded"]
    assert hub.one(replays)["reason"] == "the mapping was wrong"
    assert hub.one(audit)["actor"] == "alice"


@pytest.mark.parametrize("step", ["parse", "map", "upsert"])
def test_replaying_everything_changes_nothing(hub: Hub, step: str) -> None:
    hub.connect("out", RECEIVER)
    emulators: dict[str, Any] = {"mango": Mango(), "shop": Shop()}
    for name, emulator in emulators.items():
        hub.connect(name, emulator.connection())
        for request in emulator.webhooks():
            hub.post(name, request)
        hub.drain(name)
    before = effects(hub)
    assert before["calls"]
    assert before["orders"]
    for size in (7, 100):
        hub.option("events.batch_size", size)
        replay_all(hub, step)
        for name in ("mango", "shop"):
            hub.drain(name)
    after = effects(hub)
    for name, rows in before.items():
        assert after[name] == rows, name


def test_a_mended_mapping_reaches_what_was_stored_before(hub: Hub) -> None:
    hub.site()
    hub.post("site", lead(1, utm={"source": "direct", "campaign": "spring"}))
    hub.drain()
    assert hub.one(leads)["campaign"] is None
    fields = {"title": "name", "campaign": "utm.campaign"}
    hub.site(mappings={"lead": {"external_id": "id", "fields": fields}})
    replay_all(hub)
    hub.drain()
    record = hub.one(leads)
    assert (record["title"], record["campaign"]) == ("Клиент 1", "spring")


@pytest.mark.parametrize("extension", ["x101", "y101", "z101"])
def test_a_mended_setting_reaches_calls_stored_before(hub: Hub, extension: str) -> None:
    """Whatever digests the old and the new word happen to have."""
    emulator = Mango()
    document = emulator.connection()
    managers = {name: f"{extension}-{name}@example.ru" for name in document["settings"]["managers"]}
    hub.connect("mango", {**document, "settings": {**document["settings"], "managers": managers}})
    for request in emulator.webhooks():
        hub.post("mango", request)
    hub.drain("mango")
    hub.connect("mango", document)
    replay_all(hub)
    hub.drain("mango")
    known = {None, *document["settings"]["managers"].values()}
    assert {row["manager"] for row in hub.rows(calls)} <= known


def test_a_mended_time_zone_reaches_calls_stored_before(hub: Hub) -> None:
    """The account stamps Moscow time; the admin finds out later and says so."""
    emulator = Mango()
    document = emulator.connection()
    requests = emulator.webhooks()
    for name, offset in (("late", 0), ("right", 3600)):
        settings = {**document["settings"], "time_offset_seconds": offset}
        hub.connect(name, {**document, "settings": settings})
        for request in requests:
            hub.post(name, request)
        hub.drain(name)
    hub.connect(
        "late", {**document, "settings": {**document["settings"], "time_offset_seconds": 3600}}
    )
    replay_all(hub)
    hub.drain("late")
    hub.drain("right")
    late, right = (hub.store.catalog.require(name).id for name in ("late", "right"))
    for one in hub.rows(calls, connection_id=late):
        other = hub.one(calls, connection_id=right, external_id=one["external_id"])
        for name in ("started_at", "answered_at", "ended_at", "wait_seconds", "talk_seconds"):
            assert one[name] == other[name], name


def test_replaying_an_older_version_does_not_bring_it_back(hub: Hub) -> None:
    hub.connect("shop", Shop().connection())
    order = Shop().orders[0]
    for second, status in enumerate(("pending", "processing", "completed")):
        version = {"status": status, "date_modified_gmt": f"2026-01-12T15:00:0{second}"}
        hub.post("shop", shop.signed("order.updated", {**order, **version}))
        hub.drain("shop")
    first = hub.rows(events)[0]
    for _ in range(3):
        replay_events(hub.store, [first["id"]], "parse", "test", "")
        hub.drain("shop")
    assert hub.one(orders)["status"] == "completed"


def test_a_replay_from_deliver_sends_out_and_changes_no_record(hub: Hub) -> None:
    hub.connect("out", RECEIVER)
    hub.site()
    hub.post("site", lead(1))
    hub.drain()
    before = effects(hub)
    owed = before.pop("deliveries")
    assert {(row["entity"], row["generation"]) for row in owed} == {("lead", 1), ("contact", 1)}
    replay_all(hub, "deliver")
    after = effects(hub)
    assert {row["generation"] for row in after.pop("deliveries")} == {2}
    assert after == before
    assert hub.statuses() == {"done": 1}


def test_a_wrong_replay_is_refused_whole(hub: Hub) -> None:
    hub.site()
    hub.post("site", lead(1))
    hub.drain()
    for ids, step in (([1], "guess"), ([1, 999], "parse"), ([], "parse")):
        with pytest.raises(Rejected):
            replay_events(hub.store, ids, step, "test", "")
    assert hub.statuses() == {"done": 1}
    assert not hub.rows(replays)
    assert STEPS == ("parse", "map", "upsert", "deliver")
