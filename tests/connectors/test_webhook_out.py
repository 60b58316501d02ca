"""Outgoing webhooks over real HTTP to a receiver that checks with the reference library."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from connectors.webhook_out import sink
from connectors.webhook_out.emulator import SECRET, Emulator
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import (
    AddressNotAllowed,
    AuthError,
    ConfigError,
    HubError,
    Ignored,
    Rejected,
    RetryLater,
)
from hub.sdk.records import Change

LOOPBACK = ("127.0.0.0/8",)
MOMENT = datetime(2026, 1, 12, 18, 21, 10, tzinfo=timezone(timedelta(hours=3)))


@pytest.fixture
def receiver() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


def connect(
    url: str,
    secret: str | list[str] = SECRET,
    allowed: tuple[str, ...] = LOOPBACK,
    **settings: Any,
) -> Connection:
    document = {
        "connector": "webhook_out",
        "settings": {"url": url, **settings},
        "secrets": {"secret": secret},
    }
    return make_connection(document, allowed_networks=allowed)


def change(event_type: str = "order.updated", key: str = "dlv_1", **fields: Any) -> Change:
    return Change(
        entity=event_type.partition(".")[0],
        record_id=17,
        fields=fields or {"number": "А-1", "total": Decimal("1500.00")},
        event_type=event_type,
        changed_at=MOMENT,
        delivery_key=key,
        deleted=event_type.endswith(".deleted"),
    )


def test_receiver_gets_a_signed_message(receiver: Emulator) -> None:
    fields: dict[str, Any] = {
        "number": "А-1",
        "total": Decimal("1E+3"),
        "placed_at": MOMENT,
        "lines": ({"sku": "X", "quantity": Decimal("0.5")},),
        "manager": None,
    }
    receipt = sink.push(connect(receiver.url), change(**fields), None)
    (came,) = receiver.received
    assert came.verified
    assert came.body == {
        "type": "order.updated",
        "timestamp": "2026-01-12T15:21:10Z",
        "data": {
            "id": 17,
            "deleted": False,
            "number": "А-1",
            "total": "1000",
            "placed_at": "2026-01-12T15:21:10Z",
            "lines": [{"sku": "X", "quantity": "0.5"}],
            "manager": None,
        },
    }
    assert (came.message_id, receipt.status_code) == ("dlv_1", 204)


def test_repeat_carries_the_same_id_and_is_accepted_once(receiver: Emulator) -> None:
    receiver.fail(2, 500)
    connection = connect(receiver.url)
    for _ in range(2):
        with pytest.raises(RetryLater, match="500"):
            sink.push(connection, change(), None)
    sink.push(connection, change(), None)
    sink.push(connection, change(), None)
    assert [item.message_id for item in receiver.received] == ["dlv_1"] * 4
    assert len(receiver.accepted) == 1


def test_one_push_is_one_request(receiver: Emulator) -> None:
    receiver.fail(1, 503)
    with pytest.raises(RetryLater):
        sink.push(connect(receiver.url), change(), None)
    assert len(receiver.received) == 1


def test_deleted_record_says_so(receiver: Emulator) -> None:
    sink.push(connect(receiver.url), change("order.deleted"), "order-5")
    assert receiver.received[0].body["data"]["deleted"] is True


def test_during_rotation_both_secrets_sign(receiver: Emulator) -> None:
    both = ["whsec_bmV3LXNlY3JldC1rZXktMDAwMDAwMDA=", SECRET]
    sink.push(connect(receiver.url, both), change(), None)
    assert receiver.received[0].verified


def test_receiver_with_another_secret_refuses(receiver: Emulator) -> None:
    other = connect(receiver.url, "whsec_bmV3LXNlY3JldC1rZXktMDAwMDAwMDA=")
    with pytest.raises(AuthError, match="401"):
        sink.push(other, change(), None)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, Rejected),
        (400, Rejected),
        (401, AuthError),
        (403, AuthError),
        (404, Rejected),
        (409, RetryLater),
        (410, Rejected),
        (422, Rejected),
        (429, RetryLater),
        (500, RetryLater),
        (502, RetryLater),
        (504, RetryLater),
    ],
)
def test_refusals_say_who_must_act(receiver: Emulator, status: int, error: type[HubError]) -> None:
    receiver.fail(1, status)
    with pytest.raises(error, match=str(status)) as caught:
        sink.push(connect(receiver.url), change(), None)
    assert SECRET not in f"{caught.value}{caught.value.detail}"
    assert type(caught.value) is error


def test_receivers_pause_is_kept(receiver: Emulator) -> None:
    receiver.fail(1, 429, retry_after="120")
    with pytest.raises(RetryLater) as caught:
        sink.push(connect(receiver.url), change(), None)
    assert caught.value.after == 120


def test_gone_tells_what_to_do(receiver: Emulator) -> None:
    receiver.fail(1, 410)
    with pytest.raises(Rejected, match=r"pause the connection or change settings\.url"):
        sink.push(connect(receiver.url), change(), None)


def test_nobody_listening_is_tried_later() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(RetryLater, match="cannot be reached"):
        sink.push(connect(f"http://127.0.0.1:{port}/"), change(), None)


def test_silent_receiver_is_tried_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "REPLY_TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(RetryLater, match="in time"):
            sink.push(connect(url), change(), None)


def test_private_address_needs_permission(receiver: Emulator) -> None:
    with pytest.raises(AddressNotAllowed, match=r"network\.allow"):
        sink.push(connect(receiver.url, allowed=()), change(), None)
    assert receiver.received == []


def test_metadata_address_is_never_called() -> None:
    open_hub = connect("http://169.254.169.254/latest", allowed=("0.0.0.0/0",))
    with pytest.raises(AddressNotAllowed, match="metadata"):
        sink.push(open_hub, change(), None)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x",
        "/hooks",
        "https://",
        "https://user:pass@host.example/",
        "http://host:99999/",
        "http://[::1/",
    ],
)
def test_wrong_address_is_named(url: str) -> None:
    with pytest.raises(ConfigError, match=r"settings\.url") as caught:
        sink.push(connect(url), change(), None)
    assert "pass@" not in caught.value.message


@pytest.mark.parametrize(
    ("settings", "event_type", "wanted"),
    [
        ({}, "order.updated", True),
        ({"entities": ["order"]}, "order.updated", True),
        ({"entities": ["contact"]}, "order.updated", False),
        ({"events": ["created"]}, "order.created", True),
        ({"events": ["created"]}, "order.updated", False),
        ({"events": ["order.updated"]}, "order.updated", True),
        ({"events": ["order.updated"]}, "contact.updated", False),
        ({"entities": ["contact"], "events": ["order.updated"]}, "order.updated", False),
    ],
)
def test_subscription(
    receiver: Emulator, settings: dict[str, Any], event_type: str, wanted: bool
) -> None:
    connection = connect(receiver.url, **settings)
    if wanted:
        sink.push(connection, change(event_type), None)
    else:
        with pytest.raises(Ignored, match=event_type):
            sink.push(connection, change(event_type), None)
    assert len(receiver.received) == int(wanted)


def failures(connection: Connection) -> dict[str, str]:
    return {step.name: step.message for step in sink.check(connection) if not step.ok}


def test_check_pings_the_receiver(receiver: Emulator) -> None:
    steps = list(sink.check(connect(receiver.url)))
    assert [step.name for step in steps] == ["address", "subscription", "secret", "ping"]
    assert all(step.ok for step in steps)
    assert receiver.received[0].body["type"] == "ping"


def test_check_stops_at_the_first_mistake(receiver: Emulator) -> None:
    assert set(failures(connect("nowhere"))) == {"address"}
    assert set(failures(connect(receiver.url, entities=["ordr"]))) == {"subscription"}
    assert set(failures(connect(receiver.url, events=["gone"]))) == {"subscription"}
    assert set(failures(connect(receiver.url, "?"))) == {"secret"}
    receiver.fail(1, 404)
    assert "404" in failures(connect(receiver.url))["ping"]
    assert len(receiver.received) == 1


def test_new_timestamp_on_every_try(receiver: Emulator) -> None:
    """A receiver refuses old stamps: the stamp is of the try, not of the change."""
    old = change()
    assert datetime.now(UTC) - old.changed_at > timedelta(minutes=5)
    sink.push(connect(receiver.url), old, None)
    assert receiver.received[0].verified
