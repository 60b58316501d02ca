"""What a sender gets from the gateway, and what the hub keeps of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.mailgun.emulator import Emulator as Mailgun
from connectors.mango.emulator import Emulator as Mango
from connectors.standard_webhook import emulator as site
from connectors.woocommerce import emulator as shop
from hub.registry import connector
from hub.sdk.request import RawRequest
from hub.store.models import event_bodies, events, leads, rejections
from tests.gateway.conftest import Door
from tests.support.hub import lead


def test_the_raw_body_is_kept_byte_for_byte(door: Door) -> None:
    """A multipart form, whose stream Flask would love to eat."""
    door.hub.connect("mail", Mailgun().connection())
    sent = next(
        item for item in Mailgun().webhooks() if "multipart" in dict(item.headers)["Content-Type"]
    )
    answer = door.post("mail", sent)
    assert (answer.status_code, answer.data) == (200, b"ok")
    kept = door.hub.one(event_bodies)
    assert bytes(kept["body"]) == sent.body
    assert ["Content-Type", dict(sent.headers)["Content-Type"]] in kept["headers"]
    assert door.hub.one(events)["size_bytes"] == len(sent.body)


def test_the_rest_of_the_path_tells_what_was_sent(door: Door) -> None:
    door.hub.connect("mango", Mango().connection())
    sent = Mango().webhooks()[0]
    assert door.post("mango", sent).status_code == 200
    assert door.hub.one(event_bodies)["path"] == sent.path
    assert door.hub.one(events)["type"] == sent.path


@pytest.mark.parametrize("slashes", ["/", "//", "///"])
def test_an_address_that_ends_with_a_slash_works_too(sqlite_door: Door, slashes: str) -> None:
    """Mango adds «/events/call» to what the admin typed, and follows no redirect."""
    sqlite_door.hub.connect("mango", Mango().connection())
    sent = Mango().webhooks()[0]
    answer = sqlite_door.client.post(
        f"/in/mango{slashes}{sent.path}", data=sent.body, headers=list(sent.headers)
    )
    assert answer.status_code == 200
    assert sqlite_door.hub.one(events)["type"] == sent.path


def test_an_unknown_connection_is_404(door: Door) -> None:
    assert door.post("nobody", lead(1)).status_code == 404
    assert not door.hub.rows(events)
    assert not door.hub.rows(rejections)


@pytest.mark.parametrize("has_length", [True, False], ids=["announced", "chunked"])
def test_a_body_over_the_limit_is_413_and_not_kept(
    sqlite_door: Door, monkeypatch: pytest.MonkeyPatch, has_length: bool
) -> None:
    door = sqlite_door
    door.hub.site()
    limit = connector("standard_webhook").manifest.max_body_bytes
    body = b"x" * (limit + 1)
    length = {"Content-Length": str(len(body))} if has_length else {}
    answer = door.client.post(
        "/in/site", data=body, headers=length, environ_overrides={"wsgi.input_terminated": True}
    )
    assert answer.status_code == 413
    assert not door.hub.rows(events)
    door.gateway.rejections.flush()
    assert door.hub.one(rejections)["cause"] == "too_large"


def test_the_largest_body_that_is_allowed_is_kept(sqlite_door: Door) -> None:
    sqlite_door.hub.site()
    limit = connector("standard_webhook").manifest.max_body_bytes
    empty = len(site.signed({"id": "big", "padding": ""}).body)
    sent = site.signed({"id": "big", "padding": "x" * (limit - empty)})
    assert len(sent.body) == limit
    assert sqlite_door.post("site", sent).status_code == 200
    assert len(sqlite_door.hub.one(event_bodies)["body"]) == limit


def test_a_wrong_signature_is_401_counted_with_its_cause_and_a_cut_sample(door: Door) -> None:
    door.hub.site()
    sent = lead(1, comment="я" * 5_000)
    forged = replace(sent, headers=[("X-Signature", "sha256=" + "0" * 64)])
    for _ in range(3):
        assert door.post("site", forged).status_code == 401
    unsigned = replace(sent, headers=())
    assert door.post("site", unsigned).status_code == 401
    door.gateway.rejections.flush()
    assert not door.hub.rows(events)
    assert not door.hub.rows(event_bodies)
    counted = door.hub.rows(rejections)
    assert sum(row["count"] for row in counted) == 4
    for row in counted:
        assert (row["connection_name"], row["cause"]) == ("site", "signature")
        assert row["message"]
        assert 0 < len(row["sample"]) <= 300
        assert row["remote_addr"] == "127.0.0.1"


def test_a_paused_connection_still_stores(door: Door) -> None:
    door.hub.site()
    door.hub.set_state("site", "paused")
    assert door.post("site", lead(1)).status_code == 200
    assert door.hub.drain() == 0
    assert door.hub.statuses() == {"received": 1}


def test_a_repeat_is_answered_like_the_first_and_kept_once(door: Door) -> None:
    door.hub.site()
    answers = [door.post("site", lead(1)) for _ in range(3)]
    door.hub.drain()
    answers.append(door.post("site", lead(1)))
    assert {(item.status_code, item.data, item.content_type) for item in answers} == {
        (200, b"ok", "text/plain; charset=utf-8")
    }
    assert door.hub.statuses() == {"done": 1}
    assert len(door.hub.rows(leads)) == 1


def test_the_same_event_id_on_another_connection_is_another_event(door: Door) -> None:
    for name in ("one", "two"):
        door.hub.site(name)
        assert door.post(name, lead(1)).status_code == 200
    assert len(door.hub.rows(events)) == 2


def test_the_ping_of_the_shop_is_answered_and_not_kept(sqlite_door: Door) -> None:
    sqlite_door.hub.connect("shop", shop.Emulator().connection())
    answer = sqlite_door.post("shop", shop.ping())
    assert (answer.status_code, answer.data) == (200, b"")
    assert not sqlite_door.hub.rows(events)


def test_every_vendor_s_posts_are_accepted_by_the_vendor_s_own_rules(door: Door) -> None:
    for name, emulator in (("mango", Mango()), ("mail", Mailgun()), ("site", site.Emulator())):
        door.hub.connect(name, emulator.connection())
        sent = emulator.webhooks()
        assert {door.post(name, item).status_code for item in sent} == {200}
        different = {(item.path, item.body) for item in sent}
        ids = door.hub.store.catalog.require(name).id
        assert 0 < len(door.hub.rows(events, connection_id=ids)) <= len(different)


@pytest.mark.parametrize("place", ["header", "query"])
def test_a_secret_is_not_kept_with_the_event(door: Door, place: str) -> None:
    token = "a-token-nobody-may-read"
    given = site.Emulator().connection()
    settings = {**given["settings"], "scheme": "token", "header": "X-Token", "prefix": ""}
    if place == "query":
        settings = {**settings, "query": "token"}
        settings.pop("header")
    door.hub.connect("site", {**given, "settings": settings, "secrets": {"secret": token}})
    sent = RawRequest(
        lead(1).body,
        headers=(("X-Token", token), ("Cookie", "session=1"), ("X-Kept", "kept")),
        query=f"token={token}&page=1",
    )
    assert door.post("site", sent).status_code == 200
    kept = door.hub.one(event_bodies)
    assert token not in str(kept["headers"]) + kept["query"]
    assert "session=1" not in str(kept["headers"])
    assert ["X-Kept", "kept"] in kept["headers"]
    assert kept["query"].endswith("&page=1")
    # What is kept is enough to do the work.
    door.hub.drain()
    assert door.hub.statuses() == {"done": 1}


def test_basic_credentials_are_not_kept_with_the_event(sqlite_door: Door) -> None:
    given = site.Emulator().connection()
    settings = {**given["settings"], "scheme": "basic", "username": "shop"}
    sqlite_door.hub.connect(
        "site", {**given, "settings": settings, "secrets": {"secret": "basic-pass"}}
    )
    headers = (("Authorization", "Basic c2hvcDpiYXNpYy1wYXNz"),)
    assert sqlite_door.post("site", RawRequest(lead(1).body, headers=headers)).status_code == 200
    kept = str(sqlite_door.hub.one(event_bodies)["headers"])
    assert "c2hvcDpiYXNpYy1wYXNz" not in kept
    assert "Authorization" in kept


def test_both_secrets_are_good_while_one_replaces_the_other(sqlite_door: Door) -> None:
    given = site.Emulator().connection()
    rotating = {**given, "secrets": {"secret": ["the-new-one", site.SECRET]}}
    sqlite_door.hub.connect("site", rotating)
    assert sqlite_door.post("site", lead(1)).status_code == 200
    sqlite_door.hub.connect("site", {**given, "secrets": {"secret": ["the-new-one"]}})
    assert sqlite_door.post("site", lead(2)).status_code == 401
