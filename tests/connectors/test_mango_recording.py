"""Mango gives a recording's address when it is asked with a signed request, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses

from connectors.mango.client import recording_link, signed
from connectors.mango.emulator import Emulator
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import AuthError, HubError, Rejected, RetryLater

API = "https://app.mango-office.ru/vpbx/queries/recording/post"


@pytest.fixture
def mango() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


def connected(mango: Emulator, **secrets: str) -> Connection:
    document = mango.connection()
    document["secrets"] |= secrets
    return make_connection(document, name="mango")


def recorded(mango: Emulator) -> str:
    """The id of a recording whose file is ready."""
    return next(
        str(told["recording_id"])
        for call in mango.calls
        for path, told in call.messages
        if path == "events/record/added"
    )


def test_the_address_plays(mango: Emulator) -> None:
    link = recording_link(connected(mango), recorded(mango))
    sound = requests.get(link, timeout=5)
    assert sound.headers["Content-Type"] == "audio/wav"
    assert sound.content.startswith(b"RIFF")


def test_a_wrong_salt_and_an_unknown_recording_are_told_apart(mango: Emulator) -> None:
    with pytest.raises(AuthError):
        recording_link(connected(mango, api_salt="another"), recorded(mango))
    with pytest.raises(Rejected, match="404"):
        recording_link(connected(mango), "unknown")


def test_the_sign_covers_the_exact_text_and_shows_no_salt() -> None:
    connection = make_connection(
        {"connector": "mango", "secrets": {"api_key": "k1", "api_salt": "s1"}}
    )
    form = signed(connection, {"entry_id": "NTAwOTE1MTM3MQ==", "call_direction": 1})
    assert form["vpbx_api_key"] == "k1"
    # sha256 of k1{"entry_id": "NTAwOTE1MTM3MQ==", "call_direction": 1}s1
    assert form["sign"] == "0ba5d530ff81a8984b45c39386a6d854e4f21eb4201027556cd5abfa220415c1"
    assert "s1" not in form["json"]


@pytest.mark.parametrize(
    ("answer", "expected", "after"),
    [
        ({"status": 200, "body": "<html>"}, RetryLater, 60),
        ({"status": 302}, RetryLater, 60),
        ({"status": 302, "headers": {"Location": "javascript:alert(1)"}}, RetryLater, 60),
        ({"status": 401}, AuthError, None),
        ({"status": 403}, AuthError, None),
        ({"status": 404}, Rejected, None),
        ({"status": 409}, RetryLater, None),
        ({"status": 422}, Rejected, None),
        ({"status": 429, "headers": {"Retry-After": "7"}}, RetryLater, 7),
        ({"status": 500}, RetryLater, None),
        ({"body": requests.ConnectTimeout()}, RetryLater, None),
        ({"body": requests.ConnectionError()}, RetryLater, None),
    ],
)
@responses.activate
def test_failures(answer: dict[str, Any], expected: type[HubError], after: float | None) -> None:
    responses.post(API, **answer)
    connection = make_connection(
        {"connector": "mango", "secrets": {"api_key": "the key", "api_salt": "the salt"}}
    )
    with pytest.raises(expected) as caught:
        recording_link(connection, "REC=")
    assert getattr(caught.value, "after", None) == after
    assert "the key" not in str(caught.value)
    assert "the salt" not in str(caught.value)
