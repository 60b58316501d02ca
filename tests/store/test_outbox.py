"""At most one open delivery per destination and record, and it carries the newest state."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from hub.store import outbox
from hub.store.models import deliveries
from tests.support.hub import NOW, Hub


def owe(hub: Hub, action: str, minutes: int = 0, *, deleted: bool = False) -> None:
    duty = outbox.Duty(
        hub.store.catalog.require("out").id, "order", 7, f"order.{action}", None, deleted
    )
    with hub.store.database.write() as db:
        outbox.add(db, [duty], NOW + timedelta(minutes=minutes))


@pytest.fixture(autouse=True)
def destination(hub: Hub) -> None:
    hub.site("out")


def test_changes_before_the_delivery_become_one(hub: Hub) -> None:
    owe(hub, "created")
    owe(hub, "updated", 1)
    owe(hub, "updated", 2)
    row = hub.one(deliveries)
    assert (row["generation"], row["event_type"], row["status"]) == (3, "order.created", "pending")
    assert row["changed_at"] == NOW + timedelta(minutes=2)
    assert row["due_at"] == NOW


def test_a_deletion_before_the_delivery_is_told_as_one(hub: Hub) -> None:
    """A destination that asked for deletions must learn of it."""
    owe(hub, "updated")
    owe(hub, "deleted", 1, deleted=True)
    row = hub.one(deliveries)
    assert (row["event_type"], row["is_deleted"]) == ("order.deleted", True)
    owe(hub, "updated", 2)
    row = hub.one(deliveries)
    assert (row["event_type"], row["is_deleted"]) == ("order.updated", False)


@pytest.mark.parametrize("status", ["delivered", "dead"])
def test_a_change_after_the_delivery_is_a_new_one(hub: Hub, status: str) -> None:
    owe(hub, "created")
    with hub.store.database.write() as db:
        db.execute(update(deliveries).values(status=status))
    owe(hub, "updated", 1)
    rows = hub.rows(deliveries)
    assert [row["status"] for row in rows] == [status, "pending"]
    assert len({row["delivery_key"] for row in rows}) == 2


def test_a_waiting_delivery_keeps_its_turn(hub: Hub) -> None:
    """A change must not hurry a receiver that asked for time."""
    owe(hub, "created")
    later = NOW + timedelta(hours=1)
    with hub.store.database.write() as db:
        db.execute(update(deliveries).values(status="waiting", due_at=later, attempts=2))
    owe(hub, "updated", 1)
    row = hub.one(deliveries)
    assert (row["status"], row["due_at"], row["generation"]) == ("waiting", later, 2)
