"""What people wrote stands, whatever the sources say afterwards."""

from __future__ import annotations

import pytest

from connectors.mango.emulator import Emulator as Mango
from connectors.woocommerce import emulator as shop
from hub.crm.edit import create_record, edit_record
from hub.flow.replay import replay_events
from hub.sdk.errors import Rejected
from hub.store.models import (
    audit,
    calls,
    changes,
    contact_points,
    contacts,
    events,
    leads,
    orders,
    possible_duplicates,
    tasks,
    timeline,
)
from tests.support.hub import Hub, lead


def test_a_contact_s_name_stands(hub: Hub) -> None:
    hub.site()
    hub.post("site", lead(1, name="клиент"))
    hub.drain()
    contact = hub.one(contacts)
    edit_record(hub.store, "contact", contact["id"], {"name": "Ирина Петрова"}, "vera", 5)
    for number in (2, 3):
        hub.post("site", lead(number, phone=contact["phone"], email="", name=f"Имя {number}"))
        hub.drain()
    replay_events(hub.store, [row["id"] for row in hub.rows(events)], "parse", "test", "")
    hub.drain()
    row = hub.one(contacts)
    assert row["name"] == "Ирина Петрова"
    assert row["origins"]["name"]["u"] == 5
    assert "ирина петрова" in row["search_text"]
    assert hub.rows(changes, user_id=5)
    entry = hub.one(audit, action="edit")
    assert (entry["actor"], entry["subject_id"]) == ("vera", str(row["id"]))


def test_an_order_s_field_stands_and_the_others_go_on(hub: Hub) -> None:
    hub.connect("shop", shop.Emulator().connection())
    order = shop.Emulator().orders[0]
    for second, status in enumerate(("pending", "processing")):
        said = {"status": status, "date_modified_gmt": f"2026-03-01T10:00:0{second}"}
        hub.post("shop", shop.signed("order.updated", {**order, **said}))
        hub.drain("shop")
        if not second:
            record_id = hub.one(orders)["id"]
            words = {"comment": "Перезвонить", "manager": "vera@example.ru"}
            edit_record(hub.store, "order", record_id, words, "vera", 5)
    row = hub.one(orders)
    assert (row["status"], row["comment"]) == ("processing", "Перезвонить")
    assert row["manager"] == "vera@example.ru"


def test_a_call_s_manager_stands_when_the_summary_comes_later(hub: Hub) -> None:
    hub.connect("mango", Mango().connection())
    emulator = Mango()
    told = [request for request in emulator.webhooks() if request.path == "events/call"]
    late = [request for request in emulator.webhooks() if request.path != "events/call"]
    for request in told:
        hub.post("mango", request)
    hub.drain("mango")
    chosen = next(row for row in hub.rows(calls) if row["manager"])
    edit_record(hub.store, "call", chosen["id"], {"manager": "vera@other.ru"}, "vera", 5)
    for request in late:
        hub.post("mango", request)
    hub.drain("mango")
    replay_events(hub.store, [row["id"] for row in hub.rows(events)], "parse", "test", "")
    hub.drain("mango")
    row = hub.one(calls, id=chosen["id"])
    assert row["manager"] == "vera@other.ru"
    assert row["origins"]["manager"]["u"] == 5
    assert row["talk_seconds"] is not None


def test_a_token_s_word_is_a_person_s_word(hub: Hub) -> None:
    hub.site()
    hub.post("site", lead(1))
    hub.drain()
    record = hub.one(leads)
    edit_record(hub.store, "lead", record["id"], {"title": "Кухня"}, "token «CRM»", None)
    hub.post("site", lead(1, event_id="evt-later", subject="Другое"))
    hub.drain()
    assert hub.one(leads)["title"] == "Кухня"


def test_a_phone_given_by_hand_finds_the_client_and_shows_the_double(hub: Hub) -> None:
    hub.site()
    for number in (1, 2):
        hub.post("site", lead(number))
        hub.drain()
    one, other = hub.rows(contacts)
    edit_record(hub.store, "contact", one["id"], {"phone": other["phone"]}, "vera", 5)
    pair = hub.one(possible_duplicates)
    assert {pair["contact_id"], pair["other_id"]} == {one["id"], other["id"]}
    values = {row["value"] for row in hub.rows(contact_points, contact_id=one["id"])}
    assert other["phone"] in values


def test_a_task_is_made_and_stands_on_the_timeline(hub: Hub) -> None:
    hub.site()
    hub.post("site", lead(1))
    hub.drain()
    contact_id = hub.one(contacts)["id"]
    fields = {"title": "Позвонить", "contact_id": contact_id}
    task_id = create_record(hub.store, "task", fields, "vera", 5)
    assert hub.one(tasks)["title"] == "Позвонить"
    assert hub.one(timeline, kind="task")["record_id"] == task_id
    assert hub.one(audit)["action"] == "create"


def test_what_is_not_there_is_refused(hub: Hub) -> None:
    with pytest.raises(Rejected):
        edit_record(hub.store, "lead", 999, {"title": "x"}, "vera", 5)
    with pytest.raises(Rejected):
        create_record(hub.store, "task", {"title": "x", "contact_id": 999}, "vera", 5)
    assert not hub.rows(audit)
