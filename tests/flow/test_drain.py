"""The waiting events of a connection, worked off in batches."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from connectors.standard_webhook import emulator as site
from hub.flow import drain, looks, parse, tick
from hub.flow.parse import StoredEvent
from hub.sdk.errors import RetryLater
from hub.store import leases
from hub.store.database import utc_now
from hub.store.models import (
    attempts,
    bindings,
    changes,
    connections,
    contacts,
    event_bodies,
    event_counts,
    events,
    identity_claims,
    leads,
    timeline,
)
from hub.store.working_set import WorkingSet
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


def test_an_event_that_fails_half_way_leaves_nothing_of_its_first_half(hub: Hub) -> None:
    """A lead and a stock row in one body; the stock row has no quantity."""
    document = site.Emulator().connection()
    settings = document["settings"]
    rows = [*settings["records"], {"entity": "stock", "when": "lead.sku", "from": "lead"}]
    mappings = {**document["mappings"], "stock": {"fields": {"sku": "sku", "quantity": "left"}}}
    hub.site(settings={**settings, "records": rows}, mappings=mappings)
    for number in range(1, 5):
        hub.post("site", lead(number, sku=f"А-{number}", left="" if number == 2 else str(number)))
    hub.drain()
    assert hub.statuses() == {"done": 3, "dead": 1}
    assert "quantity" in hub.one(events, status="dead")["error_message"]
    assert {row["external_id"] for row in hub.rows(leads)} == {"L-1", "L-3", "L-4"}
    for table in (contacts, timeline, bindings, changes, identity_claims):
        assert not [row for row in hub.rows(table) if row.get("event_id") == 2], table.name
    assert len(hub.rows(contacts)) == 3
    assert len(hub.rows(identity_claims)) == 6
    assert len(hub.rows(bindings)) == 3
    assert {row["sku"] for row in hub.levels()} == {"А-1", "А-3", "А-4"}


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
    assert rows[1]["error_code"]
    assert rows[1]["step"] == "map"
    assert {row["status"]: row["count"] for row in hub.rows(event_counts)} == {"done": 1, "dead": 1}


def test_a_whole_number_beyond_64_bits_is_kept_like_any_other(hub: Hub) -> None:
    fields = {"title": "subject", "extra.content": "utm.content"}
    hub.site(mappings={"lead": {**REQUIRED["lead"], "fields": fields}})
    hub.post("site", lead(1, utm={"source": "direct", "content": {"n": 2**80}}))
    hub.drain()
    assert hub.statuses() == {"done": 1}
    assert float(hub.one(leads)["extra"]["content"]["n"]) == 2.0**80


def test_what_the_store_refuses_is_one_dead_event(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found out while the batch is written, when the event's own code is long done."""

    def flush(ws: WorkingSet) -> None:
        if any(row.get("external_id") == "L-2" for row in ws._rows.values()):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        real(ws)

    real = WorkingSet.flush
    monkeypatch.setattr(WorkingSet, "flush", flush)
    hub.option("events.bug_tries", 1)
    hub.site()
    for number in range(1, 5):
        hub.post("site", lead(number))
    hub.drain()
    assert {row["external_id"] for row in hub.rows(leads)} == {"L-1", "L-3", "L-4"}
    dead = hub.one(events, status="dead")
    assert (dead["event_key"], dead["error_code"]) == ("evt-2", "payload")
    assert hub.statuses() == {"done": 3, "dead": 1}


def test_a_value_too_long_for_an_index_is_one_dead_event_at_most(hub: Hub) -> None:
    """PostgreSQL calls it an operational error, as if the database itself were in trouble."""
    mapping = {
        "lead": {
            "external_id": "id",
            "fields": {"title": "subject", "manager": "name"},
            "contact": {"phone": {"from": "phone", "as": "phone"}, "manager": "name"},
        }
    }
    hub.option("events.bug_tries", 1)
    hub.site(mappings=mapping)
    endless = "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(400))
    for number in range(4):
        hub.post("site", lead(number, **({"name": endless} if number == 1 else {})))
    hub.drain()
    assert {row["external_id"] for row in hub.rows(leads)} >= {"L-0", "L-2", "L-3"}
    assert hub.statuses().get("done", 0) + hub.statuses().get("dead", 0) == 4


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
    assert drain.work_off(hub.store, configured.id) == drain.Drained(0, more=False)
    assert hub.statuses() == {"received": 1}
    hub.set_state("site", "active")
    assert hub.drain() == 1
    assert hub.statuses() == {"done": 1}


def test_a_second_worker_keeps_off_while_the_first_holds_the_lease(hub: Hub) -> None:
    configured = hub.site()
    hub.post("site", lead(1))
    held = leases.acquire(hub.store.database, f"drain-{configured.id}", "elsewhere-1-1", seconds=60)
    assert held is not None
    assert hub.drain() == 0
    assert hub.statuses() == {"received": 1}
    leases.release(hub.store.database, held)
    assert hub.drain() == 1


def noted_looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events each look finds from now on."""
    sizes: list[int] = []
    first, more = parse.take, parse.open_events

    def take(*args: Any) -> Any:
        found = first(*args)
        sizes.append(len(found[0]))
        return found

    def claim(*args: Any) -> list[StoredEvent]:
        found = more(*args)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(looks, "take", take)
    monkeypatch.setattr(looks, "open_events", claim)
    return sizes


def test_a_batch_takes_no_more_than_fits_in_memory(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "MAX_BATCH_BYTES", 5_000)
    batches = noted_looks(monkeypatch)
    hub.site()
    for number in range(6):
        # One of them is larger than the limit: it is taken up all the same, alone.
        hub.post("site", lead(number, padding="x" * (9_000 if number == 2 else 2_000)))
    assert hub.drain() == 6
    assert hub.statuses() == {"done": 6}
    assert max(batches) == 2
    assert 1 in batches


def test_what_another_worker_did_before_the_lease_was_free_is_not_done_again(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that finds the lease taken asks for it anew: what it saw may be done by then."""
    configured = hub.site()
    hub.post("site", lead(1))
    real = leases.acquire
    held = real(hub.store.database, f"drain-{configured.id}", "elsewhere-1-1", 60)
    assert held is not None

    def late(*args: Any) -> Any:
        monkeypatch.setattr(leases, "acquire", real)
        leases.release(hub.store.database, held)
        assert drain.drain(hub.store, configured.id) == 1
        return real(*args)

    monkeypatch.setattr(leases, "acquire", late)
    hub.drain()
    assert hub.statuses() == {"done": 1}
    assert hub.one(events)["attempts"] == 1
    assert sum(row["count"] for row in hub.rows(event_counts, status="done")) == 1


def test_a_lease_is_not_kept_for_events_that_are_gone(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured = hub.site()
    hub.post("site", lead(1))
    assert hub.drain() == 1
    hub.post("site", lead(2))
    with hub.store.database.write() as db:
        db.execute(event_bodies.delete())
    assert hub.drain() == 0
    other = leases.acquire(hub.store.database, f"drain-{configured.id}", "elsewhere-1-1", 60)
    assert other is not None
    assert other.deaths == 0


def forbidden(*_: Any) -> Any:
    raise AssertionError


def test_a_look_reads_few_events_before_it_has_the_lease(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another worker works off a backlog, every ring makes somebody look; once the lease is
    there, all is done under it."""
    configured = hub.site()
    for number in range(25):
        hub.post("site", lead(number))
    sizes = noted_looks(monkeypatch)
    held = leases.acquire(hub.store.database, f"drain-{configured.id}", "elsewhere-1-1", seconds=60)
    assert held is not None
    assert hub.drain() == 0
    assert sizes == [looks.LOOK]
    leases.release(hub.store.database, held)
    # The first look has the lease.
    monkeypatch.setattr(leases, "acquire", forbidden)
    assert hub.drain() == 25
    assert sizes[1:] == [looks.LOOK, 25 - looks.LOOK, 0]


def test_an_unknown_connection_has_nothing_to_drain(hub: Hub) -> None:
    assert drain.drain(hub.store, 12345) == 0
    assert drain.work_off(hub.store, 12345) == drain.Drained(0, more=False)
