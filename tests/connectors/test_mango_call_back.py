"""Mango rings an employee and then the client when it is asked with a signed command."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
import responses

from connectors.mango.client import originate
from connectors.mango.emulator import Emulator
from hub.registry import make_connection
from hub.sdk.errors import AuthError, Rejected, RetryLater
from tests.connectors.test_mango_recording import connected
from tests.connectors.test_mango_recording import mango as mango

API = "https://app.mango-office.ru/vpbx/commands/callback"


def test_the_extension_and_the_number_are_rung(mango: Emulator) -> None:
    originate(connected(mango), "101", "+79160000010")
    (asked,) = mango.asked
    assert (asked["from"], asked["to_number"]) == ({"extension": "101"}, "79160000010")
    assert 0 < len(asked["command_id"]) <= 128


def test_two_calls_are_two_commands(mango: Emulator) -> None:
    for _ in range(2):
        originate(connected(mango), "101", "+79160000010")
    assert len({asked["command_id"] for asked in mango.asked}) == 2


def test_what_mango_refuses_is_said(mango: Emulator) -> None:
    with pytest.raises(Rejected, match="result 3103"):
        originate(connected(mango), "999", "+79160000010")
    with pytest.raises(AuthError):
        originate(connected(mango, api_salt="another"), "101", "+79160000010")


@responses.activate
@pytest.mark.parametrize("body", ["", "[]", '{"result": 1000}', '{"result": "1000"}', "{}"])
def test_an_accepted_command_may_say_little(body: str) -> None:
    secrets = {"api_key": "k1", "api_salt": "s1"}
    responses.post(API, body=body)
    originate(make_connection({"connector": "mango", "secrets": secrets}), "101", "+79160000010")
    sent = parse_qs(str(responses.calls[0].request.body))
    assert json.loads(sent["json"][0])["to_number"] == "79160000010"


@responses.activate
def test_a_call_is_asked_for_once() -> None:
    """Nobody is rung twice because an answer was lost."""
    secrets = {"api_key": "k1", "api_salt": "s1"}
    responses.post(API, body=ConnectionError("cut"))
    with pytest.raises((RetryLater, ConnectionError)):
        originate(make_connection({"connector": "mango", "secrets": secrets}), "1", "+79160000010")
    assert len(responses.calls) == 1
