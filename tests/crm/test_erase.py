"""A person is erased: nothing of them is left, others keep theirs, repeats are still known."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors.standard_webhook.emulator import LEADS, lead, signed
from connectors.webhook_out.sink import message
from hub.crm.personal import erase, needles, proof, request
from hub.crm.personal.person import Person, person_of
from hub.flow.deliver import newest
from hub.flow.replay import replay_events
from hub.sdk.errors import Rejected
from hub.store import emptied
from hub.store.database import utc_now
from hub.store.models import (
    calls,
    changes,
    contact_points,
    contacts,
    deliveries,
    erasures,
    event_bodies,
    events,
    leads,
    messages,
    metadata,
    orders,
    rejections,
)
from tests.support.hub import NOW, Hub
from tests.support.rows import Rows

MARIA_FIRST, PETR, MARIA_AGAIN = LEADS[0], LEADS[1], LEADS[4]
PHONE, EMAIL = "+79160005101", "leskova@example.ru"
NOTE = "Перезвоните Марии Лесковой: 8 (916) 000-51-01, leskova@example.ru"
RECEIVER = {
    "connector": "webhook_out",
    "settings": {"url": "https://receiver.example/hooks"},
    "secrets": {"secret": "whsec_dWplbC1kZW1vLXJlY2VpdmVyLWtleS0wMQ=="},
}


@pytest.fixture
def maria(hub: Hub) -> int:
    """A client with leads, a call, a letter and an order, whom another's lead mentions too."""
    hub.connect("receiver", RECEIVER)
    hub.site(destinations=["receiver"])
    hub.post("site", lead("e1", MARIA_FIRST))
    hub.post("site", lead("e2", PETR))
    hub.post("site", lead("e3", MARIA_AGAIN))
    hub.post("site", lead("e4", PETR, subject=NOTE), NOW + timedelta(minutes=1))
    hub.post("site", signed({"id": "e5", "type": "visit", "who": {"tel": "8 916 000-51-01"}}))
    hub.drain()
    key = int(hub.one(contact_points, kind="phone", value=PHONE)["contact_id"])
    _more(hub, key)
    return key


def _more(hub: Hub, key: int) -> None:
    rows, site = Rows(hub.store), hub.store.catalog.require("site").id
    order = rows.record(
        "order", 1, contact_id=key, connection_id=site, number="77", comment="код домофона 12",
        delivery_address="Тверь, Лескова Мария, Советская 1", extra={"имя": "Мария Лескова"},
    )  # fmt: skip
    rows.record("call", 2, contact_id=key, from_number=PHONE, recording_url="https://rec/1")
    rows.record("call", 3, from_number="101", to_number=PHONE, direction="out")
    rows.record("message", 4, contact_id=key, from_address=EMAIL, subject="От Марии Лесковой",
                text="Жду звонка на +7 916 000-51-01", thread_key="<1@example.ru>")  # fmt: skip
    rows.entry(key, "order", order, 1)
    with hub.store.database.write() as db:
        db.execute(
            rejections.insert().values(
                connection_name="site", cause="signature", message="", first_at=utc_now(),
                last_at=utc_now(), sample='{"phone": "+79160005101"}',
            )
        )  # fmt: skip


def ask(hub: Hub, key: int) -> int:
    with hub.store.database.read() as db:
        person = person_of(db, key)
    assert person is not None
    return request.begin(hub.store, person, key, "alice@example.ru", "заявление от 26.11.2026")


def everything(hub: Hub) -> dict[str, str]:
    """All that every table holds, as text."""
    found = {}
    for table in metadata.sorted_tables:
        rows = hub.rows(table)
        found[table.name] = json.dumps(rows, default=_text, ensure_ascii=False)
    return found


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def test_nothing_of_the_person_is_left_in_any_table(hub: Hub, maria: int) -> None:
    ask(hub, maria)
    assert not erase.work(hub.store, 60)
    pattern = needles.pointers(Person(phones=[PHONE], emails=[EMAIL]))
    assert pattern is not None
    for name, text in everything(hub).items():
        assert not pattern.search(text.encode()), name
        # What others wrote of her in words of their own stays: a machine cannot know it.
        if name != "event_bodies":
            assert "Мария Лескова" not in text, name
    assert hub.one(contacts, id=maria)["deleted_at"] is not None
    [order] = hub.rows(orders)
    assert (order["number"], order["contact_id"], order["delivery_address"]) == ("77", None, None)
    assert {row["from_number"] for row in hub.rows(calls)} == {None, "101"}
    assert {row["text"] for row in hub.rows(messages)} == {None}


def test_receivers_that_had_something_are_told_ids_and_nothing_else(hub: Hub, maria: int) -> None:
    hub.connect("stranger", RECEIVER)
    petr = hub.one(contact_points, kind="email", value=PETR[4])["contact_id"]
    with hub.store.database.write() as db:
        db.execute(
            update(deliveries)
            .where(deliveries.c.record_id != petr)
            .values(status="delivered", attempts=1)
        )
    ask(hub, maria)
    erase.work(hub.store, 60)
    (row,) = hub.rows(deliveries, event_type="contact.erased")
    receiver = hub.store.catalog.require("receiver").id
    assert (row["connection_id"], row["record_id"], row["status"]) == (receiver, maria, "pending")
    with hub.store.database.read() as db:
        duty = db.execute(select(deliveries).where(deliveries.c.id == row["id"])).one()
    told = json.loads(message(newest(hub.store, duty)[1]))
    assert told["type"] == "contact.erased"
    assert told["data"] == {"id": maria, "deleted": True}
    assert hub.one(erasures)["proof"]["erased"]["destinations_told"] == 1


def test_who_was_sent_nothing_is_told_nothing(hub: Hub, maria: int) -> None:
    ask(hub, maria)
    erase.work(hub.store, 60)
    assert hub.rows(deliveries, event_type="contact.erased") == []


def test_another_persons_data_stays(hub: Hub, maria: int) -> None:
    petr = hub.one(contact_points, kind="email", value=PETR[4])["contact_id"]
    ask(hub, maria)
    erase.work(hub.store, 60)
    assert hub.one(contacts, id=petr)["name"] == PETR[2]
    mine = hub.one(leads, contact_id=petr)
    assert mine["title"] == NOTE.replace("8 (916) 000-51-01", "*" * 17).replace(EMAIL, "*" * 18)
    shared = hub.one(events, event_key="e4")
    body = hub.one(event_bodies, event_id=shared["id"])["body"]
    assert json.loads(body)["lead"]["name"] == PETR[2]
    assert {row["entity"] for row in hub.rows(deliveries)} == {"lead", "contact"}


def test_repeats_are_known_and_a_replay_says_erased(hub: Hub, maria: int) -> None:
    ask(hub, maria)
    erase.work(hub.store, 60)
    first = hub.one(events, event_key="e1")["id"]
    assert hub.one(event_bodies, event_id=first)["method"] == emptied.ERASED
    count = len(hub.rows(events))
    hub.post("site", lead("e1", MARIA_FIRST))
    assert len(hub.rows(events)) == count
    gone = emptied.told(hub.one(event_bodies, event_id=first))
    assert gone
    assert (gone.mark, gone.erasure_id) == (emptied.ERASED, hub.rows(erasures)[0]["id"])
    before = hub.one(events, id=first)
    with pytest.raises(Rejected, match="erased together"):
        replay_events(hub.store, [first], "parse", "alice@example.ru", "why")
    later = hub.one(events, event_key="e4")["id"]
    replay_events(hub.store, [first, later], "parse", "alice@example.ru", "why")
    assert hub.one(events, id=first) == before
    assert hub.rows(contact_points, kind="phone", value=PHONE) == []


def test_a_job_that_dies_after_any_step_is_gone_on_with(hub: Hub, maria: int) -> None:
    key, steps = ask(hub, maria), 0
    while hub.one(erasures, id=key)["status"] == request.RUNNING:
        with hub.store.database.read() as db:
            row = db.execute(select(erasures)).one()
        # A job of its own each time, as after a death: it knows only what the store does.
        erase._Job(hub.store, row).step()
        steps += 1
    assert steps > 6
    assert "91600051" not in everything(hub)["event_bodies"]
    assert all(
        pair == [None, None]
        for row in hub.rows(changes, entity="contact", record_id=maria)
        for pair in row["fields"].values()
    )


def test_the_proof_tells_what_was_done_and_nothing_of_the_person(hub: Hub, maria: int) -> None:
    key = ask(hub, maria)
    with pytest.raises(Rejected):
        ask(hub, maria)
    erase.work(hub.store, 60)
    row = hub.one(erasures, id=key)
    assert row["sealed"] is None
    assert proof.is_intact(row)
    document = row["proof"]
    assert document["checked"]["found_in_last_pass"] == 0
    assert document["checked"]["raw_requests_searched"] >= 5
    assert document["erased"]["events_emptied"] == 3
    assert document["erased"]["events_masked"] == 1
    assert document["erased"]["lead"] == 2
    assert not proof.is_intact({**row, "proof": {**document, "reason": "another"}})
    assert [one.id for one in request.earlier(hub.store, [("phone", PHONE)])] == [key]
    assert request.earlier(hub.store, [("phone", "+79160005102")]) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("8 (916) 000-51-01", True),
        ("tel=%2B7+916+000-51-01&x=1", True),
        ("phone=79160005101", True),
        ("7%20916%200005101", True),
        ("LESKOVA%40example.ru", True),
        (json.dumps({"n": "Мария Лескова"}), True),
        ("179160005101", False),
        ("791600051019", False),
        ("xleskova@example.ru", False),
    ],
)
def test_a_person_is_found_in_any_spelling(text: str, found: bool) -> None:
    person = Person(phones=[PHONE], emails=[EMAIL], texts=["Мария Лескова"])
    pattern = needles.everything(person)
    assert pattern is not None
    masked, count = needles.mask(text.encode(), pattern)
    assert (count > 0) is found
    assert len(masked) == len(text.encode())
