"""Mango Office: a day of emulated calls over real HTTP, through the shipped mapping, to calls."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import phonenumbers
import pytest

from connectors.mango import webhook
from connectors.mango.emulator import MANAGERS, Emulator
from connectors.mango.emulator_calls import LINE
from hub.crm.calls import add_part, client_number, derive
from hub.mapping.compiler import compile_mapping
from hub.mapping.loader import load_shipped
from hub.mapping.transforms.registry import MappingContext
from hub.sdk.connection import Connection, Secrets
from hub.sdk.entities import CALL_STATUSES
from hub.sdk.errors import Ignored
from hub.sdk.request import Event, RawRequest
from hub.sdk.testing import VendorServer, body_of, post, reply


def connect(emulator: Emulator) -> Connection:
    filed = emulator.connection()
    return Connection(
        name="mango-main",
        connector="mango",
        settings=filed["settings"],
        secrets=Secrets(filed["secrets"]),
    )


def send(requests: list[RawRequest]) -> list[RawRequest]:
    """Post over real HTTP; return the requests as a hub receives them."""
    received: list[RawRequest] = []

    def hub(environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        headers = (("Content-Type", environ["CONTENT_TYPE"]),)
        path = environ["PATH_INFO"].removeprefix("/in/mango-main/")
        received.append(RawRequest(body_of(environ), headers, path=path))
        return reply(start, 200, b"ok", "text/plain")

    server = VendorServer(hub)
    server.start()
    try:
        for request in requests:
            assert post(request, f"{server.url}/in/mango-main").status_code == 200
    finally:
        server.stop()
    return received


def collect(requests: list[RawRequest], connection: Connection) -> dict[str, dict[str, Any]]:
    """Every call as its messages, taken in the given order, make it."""
    now = datetime.now(UTC)
    mapping = compile_mapping(load_shipped("mango")["call"])
    context = MappingContext(settings=connection.settings)
    parts: dict[str, dict[str, Any]] = {}
    for request in requests:
        webhook.verify(request, connection, now)
        try:
            (record,) = webhook.parse(Event(request, now), connection)
        except Ignored:
            continue
        assert record.occurred_at is not None
        assert record.occurred_at < now
        assert webhook.ordering_key(request, connection) == record.external_id
        mapped = mapping.apply(record, context)
        assert mapped.warnings == []
        former = parts.get(mapped.external_id, {})
        parts[mapped.external_id] = add_part(former, mapped.part, mapped.fields, mapped.version)
    return {entry_id: derive(told) for entry_id, told in parts.items()}


def test_emulated_day_arrives_over_http_and_makes_every_call() -> None:
    emulator = Emulator(seed=3)
    calls = collect(send(emulator.webhooks()), connect(emulator))
    ended = {entry: (call["direction"], call["status"]) for entry, call in calls.items()}
    assert ended == emulator.outcomes()
    clients = {number for call in calls.values() if (number := client_number(call))}
    assert {"call": len(calls), "contact": len(clients)} == emulator.expected()
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(one)) for one in clients)
    assert {call["status"] for call in calls.values()} == set(CALL_STATUSES)


def test_first_call_is_told_in_full() -> None:
    emulator = Emulator(now=datetime.now(UTC))
    first = emulator.calls[0]
    call = collect(emulator.webhooks(), connect(emulator))[first.entry_id]
    assert (call["from_number"], call["to_number"]) == ("+79160000010", "101")
    assert (call["line_number"], call["extension"]) == (f"+{LINE}", "101")
    assert call["manager"] == MANAGERS["101"]
    assert call["started_at"] == datetime.fromtimestamp(first.start, UTC)
    assert (call["wait_seconds"], call["talk_seconds"]) == (14, 80)
    assert call["recording_id"]


@pytest.mark.parametrize("seed", range(5))
def test_any_order_makes_the_same_calls(seed: int) -> None:
    now = datetime.now(UTC)
    usual, other = Emulator(99, now), Emulator(seed, now)
    connection = connect(usual)
    assert collect(other.webhooks(), connection) == collect(usual.webhooks(), connection)


def test_legs_alone_tell_the_status_until_the_summary_comes() -> None:
    emulator = Emulator()
    legs = [request for request in emulator.webhooks() if request.path != "events/summary"]
    outcomes = emulator.outcomes()
    calls = collect(legs, connect(emulator))
    assert len(calls) == len(outcomes) - 1  # out of schedule Mango sends a summary only
    for entry_id, call in calls.items():
        assert (call["direction"], call["status"]) == outcomes[entry_id]


def test_emulator_repeats_itself_by_seed_and_some_messages_come_twice() -> None:
    now = datetime.now(UTC)
    assert Emulator(1, now).webhooks() == Emulator(1, now).webhooks()
    assert Emulator(1, now).webhooks() != Emulator(2, now).webhooks()
    bodies = Counter(request.body for request in Emulator(1, now).webhooks())
    assert set(bodies.values()) == {1, 2}


def test_life_goes_on_with_whole_calls() -> None:
    told = list(Emulator().live(0))
    assert [request.path for _, request in told][-1] == "events/summary"
    assert told[0][0] <= 5
    assert 20 <= sum(wait for wait, _ in told) <= 60
