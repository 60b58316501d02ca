"""P3: an order's versions in any order, any number of times, end in the same order."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.woocommerce.emulator import Emulator, signed
from hub.flow.replay import replay_events
from hub.sdk.request import RawRequest
from hub.store.models import contacts, events, orders, timeline
from tests.support.hub import Hub, Row, shown

T0 = datetime(2026, 1, 12, 15, 0, tzinfo=UTC)
BASE = Emulator(now=T0).orders[0]
STATUSES = ("pending", "on-hold", "processing", "completed", "cancelled", "wc-own-status")
BOUNDED = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
numbers = itertools.count(1)
#: (topic, second of the change, second of arrival, what else the version says)
Version = tuple[str, int, int, dict[str, Any]]

versions = st.tuples(
    st.sampled_from(["order.created", "order.updated", "order.updated", "order.updated"])
    | st.sampled_from(["order.deleted", "order.restored"]),
    st.integers(0, 3),
    st.integers(4, 7),
    st.fixed_dictionaries(
        {
            "status": st.sampled_from(STATUSES),
            "total": st.sampled_from(["100.00", "250.50"]),
            "customer_note": st.sampled_from(["", "Позвонить", "Домофон 12"]),
            "gift": st.sampled_from(["", "ribbon", "box"]),
        }
    ),
)


def request(version: Version, order_id: int) -> tuple[RawRequest, datetime]:
    """The delivery as the shop signs it, and when it arrives."""
    topic, changed, arrived, said = version
    moment = (T0 + timedelta(seconds=changed)).replace(tzinfo=None).isoformat()
    billing = {
        **BASE["billing"],
        "phone": f"+7926{order_id:07}",
        "email": f"b{order_id}@example.ru",
    }
    body = {**BASE, "id": order_id, "number": str(order_id), "billing": billing, "customer_id": 0}
    body = {**body, "date_modified_gmt": moment, **said}
    if topic == "order.deleted":
        body = {"id": order_id}
    delivery = signed(topic, body)
    if topic == "order.deleted":
        # Two deletions are two deliveries: the shop numbers them by the second.
        headers = [(name, value) for name, value in delivery.headers if "Delivery" not in name]
        headers.append(("X-WC-Webhook-Delivery-ID", f"deleted-{arrived}"))
        delivery = replace(delivery, headers=tuple(headers))
    return delivery, T0 + timedelta(seconds=arrived)


def play(
    hub: Hub, name: str, told: list[Version], order_id: int, batch: int, pauses: set[int]
) -> None:
    hub.option("events.batch_size", batch)
    for place, version in enumerate(told):
        delivery, at = request(version, order_id)
        hub.post(name, delivery, at)
        if place in pauses:
            hub.drain(name)
    hub.drain(name)


def result(hub: Hub, name: str, order_id: int) -> Row:
    """The one row of the order, with its contact and its entry on the timeline."""
    connection_id = hub.store.catalog.require(name).id
    row = hub.one(orders, connection_id=connection_id, external_id=str(order_id))
    entries = hub.rows(timeline, kind="order", record_id=row["id"])
    assert len(entries) == (1 if row["contact_id"] else 0)
    seen = {**shown(row), "connection_id": None, "is_deleted": row["deleted_at"] is not None}
    if entries:
        seen["entry"] = (entries[0]["occurred_at"], entries[0]["summary"])
        seen["contact"] = shown(hub.one(contacts, id=row["contact_id"]))
    return seen


def connect(hub: Hub, *names: str) -> None:
    """Shops that tell of the same orders. What has no column goes by the same rule as what has."""
    document = {**Emulator(now=T0).connection(), "settings": {"url": "https://shop.example"}}
    overlay = {"order": {"fields": {"extra.gift": "gift"}}}
    for name in names:
        if hub.store.catalog.get(name) is None:
            hub.connect(name, {**document, "schedule": {}, "mappings": overlay})


def v(topic: str, changed: int, arrived: int, **said: str) -> Version:
    given = {"status": "pending", "total": "100.00", "customer_note": "", "gift": ""}
    return f"order.{topic}", changed, arrived, {**given, **said}


@BOUNDED
@example(data=None, told=[v("updated", 1, 4, gift="box"), v("updated", 0, 5, gift="ribbon")])
@example(data=None, told=[v("deleted", 0, 5), v("restored", 1, 6), v("updated", 2, 4)])
@example(data=None, told=[v("updated", 1, 4), v("deleted", 0, 5), v("updated", 1, 4, gift="box")])
@given(data=st.data(), told=st.lists(versions, min_size=2, max_size=6))
def test_any_order_of_versions(hub: Hub, data: st.DataObject | None, told: list[Version]) -> None:
    connect(hub, "plain", "mixed")
    number = next(numbers)
    play(hub, "plain", told, number, 100, set())
    if data is None:
        order, pauses, batch = list(reversed(told)), set(range(len(told))), 1
    else:
        more = data.draw(st.lists(st.sampled_from(told), max_size=3), label="repeated")
        order = data.draw(st.permutations(told + more), label="order")
        pauses = data.draw(st.sets(st.integers(0, len(order))), label="pauses")
        batch = data.draw(st.integers(1, 8), label="batch")
    play(hub, "mixed", order, number, batch, pauses)
    expected = result(hub, "plain", number)
    assert result(hub, "mixed", number) == expected
    latest = [row["id"] for row in hub.rows(events)][-5:]
    replay_events(hub.store, latest[::2], "parse", "test", "")
    for name in ("plain", "mixed"):
        hub.drain(name)
        assert result(hub, name, number) == expected


@pytest.mark.parametrize("batch", [1, 4])
def test_versions_of_one_second_settle_alike(sqlite_hub: Hub, batch: int) -> None:
    """Four states with one time stamp and one status: any one of them, but always the same."""
    told = [
        v("updated", 1, 4, customer_note="Позвонить"),
        v("updated", 1, 4, customer_note="Позвонить", total="250.50"),
        v("updated", 1, 4, customer_note="Домофон 12"),
        v("updated", 1, 4, gift="box"),
    ]
    found = []
    for turn, order in enumerate(itertools.permutations(told)):
        connect(sqlite_hub, f"shop-{turn}")
        play(sqlite_hub, f"shop-{turn}", list(order), 77, batch, set(range(4)))
        found.append(result(sqlite_hub, f"shop-{turn}", 77))
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("is_late", [False, True], ids=["in order", "late"])
def test_the_newest_version_names_the_client(sqlite_hub: Hub, is_late: bool) -> None:
    """An order whose buyer was corrected afterwards; whatever digests the two versions have."""
    connect(sqlite_hub, "shop")
    for number, name in enumerate(("Анна", "Яна", "Ольга", "Ева", "Инна", "Рая"), start=1):
        own = {"phone": f"+7927{number:07}", "email": f"c{number}@example.ru"}
        told = [
            {
                **BASE,
                "id": number,
                "customer_id": 0,
                "billing": {**BASE["billing"], **own, "first_name": first_name},
                "date_modified_gmt": f"2026-01-12T15:00:0{second}",
            }
            for second, first_name in ((1, "Опечатка"), (2, name))
        ]
        for body in reversed(told) if is_late else told:
            sqlite_hub.post("shop", signed("order.updated", body), T0)
            sqlite_hub.drain("shop")
        owner = sqlite_hub.one(orders, external_id=str(number))["contact_id"]
        assert sqlite_hub.one(contacts, id=owner)["name"].startswith(name)
