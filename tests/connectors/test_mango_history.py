"""Mango's statistics tell the calls whose webhooks never came."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import responses

from connectors.mango import poll, stats
from connectors.mango.emulator import Emulator
from hub.registry import make_connection
from hub.sdk.errors import AuthError, PayloadError, RetryLater

API = "https://app.mango-office.ru/vpbx"
REQUEST, RESULT = f"{API}/stats/request", f"{API}/stats/result"
SINCE = datetime(2026, 3, 2, tzinfo=UTC)
DOCUMENT = {"connector": "mango", "secrets": {"api_key": "k1", "api_salt": "s1"}}


@pytest.fixture
def mango(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    monkeypatch.setattr(stats, "LOOK_AGAIN_SECONDS", 0.01)
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


def test_a_long_period_is_asked_for_in_pieces(mango: Emulator) -> None:
    document = mango.connection()
    document["settings"]["limits"] = {"groups": {"stats": {"requests_per_second": 1000}}}
    connection = make_connection(document, name="mango")
    now = datetime.now(UTC)
    told = list(poll.history(connection, now - timedelta(days=40), now))
    summaries = [record.external_id for record in told if record.part == "summary"]
    assert sorted(summaries) == sorted(call.entry_id for call in mango.calls)


def ask() -> list[object]:
    connection = make_connection(DOCUMENT, name="mango")
    return list(poll.history(connection, SINCE, SINCE + timedelta(days=1)))


@responses.activate
@pytest.mark.parametrize(
    ("table", "error"),
    [
        ({"status": 401}, AuthError),
        ({"status": 404}, RetryLater),
        ({"status": 500}, RetryLater),
        ({"status": 200, "body": "[];1;2"}, PayloadError),
    ],
)
def test_what_goes_wrong_says_who_must_act(
    table: dict[str, object], error: type[Exception]
) -> None:
    responses.post(REQUEST, json={"key": "k"})
    responses.post(RESULT, **table)
    with pytest.raises(error):
        ask()


@responses.activate
def test_a_table_that_is_never_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "LOOK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(stats, "PATIENCE_SECONDS", 0.05)
    responses.post(REQUEST, json={"key": "k"})
    responses.post(RESULT, status=204)
    with pytest.raises(RetryLater, match="not ready"):
        ask()


@responses.activate
@pytest.mark.parametrize("body", ["[]", "{}", "no json", '{"key": null}'])
def test_an_answer_without_a_key_is_said(body: str) -> None:
    responses.post(REQUEST, body=body)
    with pytest.raises(PayloadError):
        ask()
