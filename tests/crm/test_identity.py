"""Who is this? Binding, then phone, then e-mail; never a silent third contact."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connectors.mango.emulator import Emulator as Mango
from connectors.woocommerce import emulator as shop
from hub.store.models import (
    bindings,
    contact_points,
    contacts,
    events,
    identity_claims,
    leads,
    orders,
    possible_duplicates,
)
from tests.support.hub import NOW, Hub, lead

PHONE, OTHER_PHONE = "+79161110001", "+79161110002"
MAIL, OTHER_MAIL = "one@example.ru", "two@example.ru"


def tell(hub: Hub, number: int, **changes: Any) -> int:
    """A lead of somebody; returns the contact it was given to."""
    request = lead(number, **{"phone": "", "email": "", **changes})
    hub.post("site", request, NOW + timedelta(minutes=number))
    hub.drain()
    return int(hub.one(leads, external_id=f"L-{number}")["contact_id"])


def test_a_phone_in_any_spelling_is_one_person(hub: Hub) -> None:
    hub.site()
    spellings = ["+7 916 111-00-01", "8 (916) 1110001", "79161110001", "9161110001"]
    found = {tell(hub, number, phone=text) for number, text in enumerate(spellings)}
    assert len(found) == 1
    assert hub.one(contacts)["phone"] == PHONE
    assert [(row["kind"], row["value"]) for row in hub.rows(contact_points)] == [("phone", PHONE)]


def test_an_e_mail_finds_whom_the_phone_did_not(hub: Hub) -> None:
    hub.site()
    first = tell(hub, 1, phone=PHONE, email=MAIL)
    assert tell(hub, 2, phone=OTHER_PHONE, email="ONE@Example.ru") == first
    # From now on the second phone is known too.
    assert tell(hub, 3, phone=OTHER_PHONE) == first
    assert not hub.rows(possible_duplicates)


def test_a_binding_goes_before_phone_and_e_mail(hub: Hub) -> None:
    """The shop's customer 11 changed the phone to one that somebody else has."""
    hub.site()
    hub.connect("shop", shop.Emulator().connection())
    customer = shop.Emulator().customers[0]
    hub.post("shop", shop.signed("customer.created", customer))
    hub.drain("shop")
    own = hub.one(contacts)["id"]
    stranger = tell(hub, 1, phone=PHONE)
    moved = {**customer, "billing": {**customer["billing"], "phone": PHONE}}
    hub.post("shop", shop.signed("customer.updated", {**moved, "date_modified_gmt": "2026-02-01"}))
    hub.drain("shop")
    bound = hub.one(bindings, entity="contact", external_id=str(customer["id"]))
    assert bound["record_id"] == own != stranger
    pair = hub.one(possible_duplicates)
    assert {pair["contact_id"], pair["other_id"]} == {own, stranger}
    assert pair["status"] == "open"


def test_of_several_candidates_the_most_recently_active_one_is_taken_and_the_pair_is_shown(
    hub: Hub,
) -> None:
    hub.site()
    quiet, active = tell(hub, 1, phone=PHONE), tell(hub, 2, email=MAIL)
    assert quiet != active
    # One is heard of again, then somebody comes with the phone of one and the mail of the other.
    assert tell(hub, 3, email=MAIL) == active
    assert tell(hub, 4, phone=PHONE, email=MAIL) == active
    assert len(hub.rows(contacts)) == 2
    pair = hub.one(possible_duplicates)
    assert {pair["contact_id"], pair["other_id"]} == {quiet, active}
    assert pair["event_id"] == hub.one(events, event_key="evt-4")["id"]
    # Told once, however often it is seen.
    tell(hub, 5, phone=PHONE, email=MAIL)
    assert len(hub.rows(possible_duplicates)) == 1
    assert len(hub.rows(contacts)) == 2


def test_nobody_is_made_of_nothing(hub: Hub) -> None:
    hub.site()
    hub.post("site", lead(1, phone="", email=""))
    hub.post("site", lead(2, phone="позвоните вечером", email="нет"))
    hub.drain()
    assert hub.statuses() == {"done": 2}
    assert [row["contact_id"] for row in hub.rows(leads)] == [None, None]
    assert not hub.rows(contacts)


def test_calls_and_orders_and_leads_of_one_number_are_one_client(hub: Hub) -> None:
    hub.site()
    hub.connect("mango", Mango().connection())
    hub.connect("shop", shop.Emulator().connection())
    caller = next(call.client for call in Mango().calls if call.client.startswith("79"))
    order = shop.Emulator().orders[0]
    bought = {**order, "customer_id": 0, "billing": {**order["billing"], "phone": f"+{caller}"}}
    hub.post("shop", shop.signed("order.created", bought))
    hub.drain("shop")
    hub.post("site", lead(1, phone=caller, email=""))
    hub.drain()
    for request in Mango().webhooks():
        hub.post("mango", request)
    hub.drain("mango")
    contact = hub.one(contacts, phone=f"+{caller}")
    assert hub.one(orders)["contact_id"] == contact["id"]
    assert hub.one(leads)["contact_id"] == contact["id"]


def test_a_call_that_knows_no_name_blanks_none(hub: Hub) -> None:
    hub.site()
    hub.connect("mango", Mango().connection())
    caller = next(call.client for call in Mango().calls if call.client.startswith("79"))
    tell(hub, 1, phone=caller, name="Ирина Петрова")
    for request in Mango().webhooks():
        hub.post("mango", request)
    hub.drain("mango")
    assert hub.one(contacts, phone=f"+{caller}")["name"] == "Ирина Петрова"


def test_every_point_has_one_claim(hub: Hub) -> None:
    hub.site()
    tell(hub, 1, phone=PHONE, email=MAIL)
    tell(hub, 2, phone=OTHER_PHONE, email=OTHER_MAIL)
    tell(hub, 3, phone=PHONE, email=OTHER_MAIL)
    claims = {(row["kind"], row["value"]): row["contact_id"] for row in hub.rows(identity_claims)}
    assert len(claims) == 4
    holders = {(row["kind"], row["value"]) for row in hub.rows(contact_points)}
    assert holders == set(claims)
