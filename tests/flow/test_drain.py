"""The waiting events of a connection, worked off in batches."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.standard_webhook import emulator as site
from hub.flow import drain, tick
from hub.sdk.errors import RetryLater
from hub.store import leases
from hub.store.database import utc_now
from hub.store.models import (
    attempts,
    calls,
    connections,
    contacts,
    event_counts,
    events,
    leads,
    timeline,
)
from tests.support.hub import Hub, lead, patch_parse

REQUIRED = {
    "lead": {
        "external_id": "id",
        "fields": {"title": {"from": "subject", "required": True}, "channel": "utm.source"},
        "contact": {"phone": {"from": "phone", "as": "phone"}},
    }
}


def test_an_event_becomes_a_record_with_contact_timeline_and_provenance(hub: Hub) -> None:
    hub.site()
    hub.post("site", lead(1))
    assert hub.drain() == 1
    event, record, contact = hub.one(events), hub.one(leads), hub.one(contacts)
    assert (event["status"], event["attempts"], event["retry_at"]) == ("done", 1, None)
    assert record["contact_id"] == contact["id"]
    assert record["origins"]["title"]["e"] == event["id"]
    assert contact["origins"]["phone"]["e"] == event["id"]
    entry = hub.one(timeline)
    assert (entry["kind"], entry["record_id"], entry["event_id"]) == (
        "lead",
        record["id"],
        event["id"],
    )
    assert hub.one(connections)["last_event_at"] == event["received_at"]


def test_one_bad_event_leaves_the_others_of_its_batch_done(hub: Hub) -> None:
    hub.site(mappings=REQUIRED)
    for number in range(10):
        hub.post("site", lead(number, **({"subject": ""} if number == 4 else {})))
    hub.post("site", site.signed({"id": "evt-ping", "type": "ping"}))
    hub.drain()
    assert hub.statuses() == {"done": 9, "dead": 1, "ignored": 1}
    dead = hub.one(events, status="dead")
    assert dead["event_key"] == "evt-4"
    assert "title" in dead["error_message"]
    assert {row["external_id"] for row in hub.rows(leads)} == {
        f"L-{number}" for number in range(10) if number != 4
    }
    # What the bad event would have made is not there in part either.
    assert not hub.rows(contacts, phone="+79160000004")


def test_every_try_has_one_attempt_row_and_is_counted(hub: Hub) -> None:
    hub.site(mappings=REQUIRED)
    hub.post("site", lead(1))
    hub.post("site", lead(2, subject=""))
    hub.drain()
    assert hub.drain() == 0
    rows = hub.rows(attempts)
    assert [(row["subject_id"], row["number"], row["outcome"]) for row in rows] == [
        (1, 1, "succeeded"),
        (2, 1, "failed"),
    ]
    assert rows[1]["error_code"] and rows[1]["step"] == "map"
    assert {row["status"]: row["count"] for row in hub.rows(event_counts)} == {"done": 1, "dead": 1}


def test_a_record_that_the_store_refuses_is_one_dead_event(hub: Hub) -> None:
    """A value that no column holds is found out only while the batch is written."""
    huge = {"from": "utm.content"}
    mapping = {"lead": {**REQUIRED["lead"], "fields": {"title": "subject", "extra.big": huge}}}
    hub.site(mappings=mapping)
    hub.option("events.bug_tries", 1)
    for number in range(6):
        utm = {"source": "direct", "content": {"n": 2**80 if number == 3 else number}}
        hub.post("site", lead(number, utm=utm))
    hub.drain()
    assert {row["external_id"] for row in hub.rows(leads)} >= {f"L-{n}" for n in (0, 1, 2, 4, 5)}
    assert hub.statuses().get("done", 0) >= 5
    assert hub.drain() == 0


def test_an_unwritable_value_of_any_kind_does_not_stop_the_lane(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the database driver raises, the other events are done."""
    hub.site()
    hub.option("events.bug_tries", 1)

    def too_big(event: object, connection: object) -> object:
        records = list(real(event, connection))
        if "L-2" in str(records):
            # SQLite's driver raises OverflowError here, PostgreSQL's a data error.
            object.__setattr__(records[0], "entity", "call")
        return records

    real = patch_parse(monkeypatch, too_big)
    mappings = dict(site.Emulator().connection()["mappings"])
    mappings["call"] = {
        "external_id": "id",
        "fields": {"wait_seconds": {"const": 2**70}, "direction": {"const": "in"}},
    }
    hub.site(mappings=mappings)
    for number in range(1, 5):
        hub.post("site", lead(number))
    hub.drain()
    assert len(hub.rows(leads)) == 3
    assert not hub.rows(calls)
    assert hub.one(events, event_key="evt-2")["status"] == "dead"


def test_a_bug_is_tried_a_few_times_and_then_dead_with_its_traceback(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(event: object, connection: object) -> object:
        raise ZeroDivisionError("one by nought")

    patch_parse(monkeypatch, broken)
    hub.site()
    hub.post("site", lead(1))
    seen = []
    for _ in range(3):
        hub.drain()
        seen.append(hub.one(events)["status"])
        hub.make_due()
    assert seen == ["waiting", "waiting", "dead"]
    event = hub.one(events)
    assert event["error_code"] == "bug"
    assert "Traceback" in event["error_message"]
    assert "one by nought" in event["error_message"]
    assert [row["number"] for row in hub.rows(attempts)] == [1, 2, 3]


def test_retry_later_waits_as_long_as_was_asked_and_then_goes_on(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_busy = True

    def parse(event: object, connection: object) -> object:
        if is_busy:
            raise RetryLater("come again", after=3600)
        return real(event, connection)

    real = patch_parse(monkeypatch, parse)
    hub.site()
    hub.post("site", lead(1))
    before = utc_now()
    hub.drain()
    event = hub.one(events)
    assert event["status"] == "waiting"
    assert event["retry_at"] >= before + timedelta(seconds=3600)
    assert event["finished_at"] is None
    # Not due yet: nothing is taken up, and nobody is woken for it.
    assert hub.drain() == 0
    with hub.store.database.read() as db:
        assert tick.connections_due(db) == set()
    is_busy = False
    hub.make_due()
    with hub.store.database.read() as db:
        assert tick.connections_due(db) == {event["connection_id"]}
    assert hub.drain() == 1
    assert hub.one(events)["status"] == "done"
    assert len(hub.rows(leads)) == 1


def test_waiting_events_hold_up_nobody(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(event: object, connection: object) -> object:
        records = list(real(event, connection))
        if "L-1'" in str(records):
            raise RetryLater()
        return records

    real = patch_parse(monkeypatch, parse)
    hub.site()
    for number in (1, 2, 3):
        hub.post("site", lead(number))
    hub.drain()
    assert hub.statuses() == {"waiting": 1, "done": 2}


def test_a_paused_connection_waits_and_then_goes_on(hub: Hub) -> None:
    configured = hub.site()
    hub.set_state("site", "paused")
    hub.post("site", lead(1))
    assert hub.drain() == 0
    assert not drain.has_work(hub.store, configured.id)
    assert hub.statuses() == {"received": 1}
    hub.set_state("site", "active")
    assert drain.has_work(hub.store, configured.id)
    assert hub.drain() == 1
    assert hub.statuses() == {"done": 1}


def test_a_second_worker_keeps_off_while_the_first_holds_the_lease(hub: Hub) -> None:
    configured = hub.site()
    hub.post("site", lead(1))
    held = leases.acquire(
        hub.store.database, f"drain-{configured.id}", drain.owner_name(), seconds=60
    )
    assert held is not None
    assert hub.drain() == 0
    assert hub.statuses() == {"received": 1}
    leases.release(hub.store.database, held)
    assert hub.drain() == 1


def test_a_batch_takes_no_more_than_fits_in_memory(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "MAX_BATCH_BYTES", 5_000)
    configured = hub.site()
    for number in range(6):
        hub.post("site", lead(number, padding="x" * 2_000))
    sizes = []
    while ids := drain._claim(hub.store, configured.id, 100):
        sizes.append(len(ids))
        monkeypatch.setattr(drain, "DEFAULT_BATCH", len(ids))
        hub.store.settings.file.get("events", {})
        drain.drain(hub.store, configured.id, max_seconds=0.000001)
    assert max(sizes) == 2
    assert hub.statuses() == {"done": 6}
    # One event larger than the limit is still taken up, alone.
    hub.post("site", lead(7, padding="x" * 9_000))
    assert hub.drain() == 1


def test_an_unknown_connection_has_nothing_to_drain(hub: Hub) -> None:
    assert drain.drain(hub.store, 12345) == 0
    assert not drain.has_work(hub.store, 12345)
