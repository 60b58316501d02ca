"""One function decides what happens after a failure."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.flow.retry import DEFAULT_SCHEDULE, JITTER, MAX_AFTER_SECONDS, Policy, decide, wait_seconds
from hub.sdk.errors import (
    AddressNotAllowed,
    AuthError,
    ConfigError,
    Ignored,
    PayloadError,
    Rejected,
    RetryLater,
    SignatureError,
    TooLarge,
)

NOW = datetime(2026, 1, 12, tzinfo=UTC)
SHORT = Policy(schedule=(10, 60), bug_tries=3)


@pytest.mark.parametrize(
    ("error", "attempt_no", "status", "code", "pauses"),
    [
        (Ignored("nothing to keep"), 1, "ignored", "ignored", False),
        (PayloadError("no id"), 1, "dead", "payload", False),
        (Rejected("422"), 1, "dead", "rejected", False),
        (ConfigError("wrong"), 1, "dead", "config", False),
        (AddressNotAllowed("private"), 1, "dead", "address", False),
        (SignatureError("wrong"), 1, "dead", "signature", False),
        (TooLarge("big"), 1, "dead", "too_large", False),
        (RetryLater("busy"), 1, "waiting", "retry_later", False),
        (RetryLater("busy"), 2, "waiting", "retry_later", False),
        (RetryLater("busy"), 3, "dead", "retry_later", False),
        (AuthError("401"), 1, "waiting", "auth", True),
        (AuthError("401"), 3, "dead", "auth", False),
        (ZeroDivisionError("bug"), 1, "waiting", "bug", False),
        (ZeroDivisionError("bug"), 2, "waiting", "bug", False),
        (ZeroDivisionError("bug"), 3, "dead", "bug", False),
    ],
)
def test_who_must_act(
    error: Exception, attempt_no: int, status: str, code: str, pauses: bool
) -> None:
    made = decide(error, attempt_no, NOW, SHORT)
    assert (made.status, made.code, made.pause_connection) == (status, code, pauses)
    assert (made.retry_at is not None) == (status == "waiting")
    assert made.message


def test_a_bug_s_last_word_is_its_traceback() -> None:
    try:
        raise ZeroDivisionError("by nought")
    except ZeroDivisionError as error:
        made = decide(error, SHORT.bug_tries, NOW, SHORT)
    assert "Traceback" in made.message
    assert "by nought" in made.message


@given(
    attempt_no=st.integers(1, 50),
    spread=st.floats(0, 1, exclude_max=True),
    asked=st.none() | st.floats(0, 1e9),
)
def test_a_wait_is_never_shorter_than_asked_and_never_endless(
    attempt_no: int, spread: float, asked: float | None
) -> None:
    wait = wait_seconds(attempt_no, Policy(), spread, asked)
    base = DEFAULT_SCHEDULE[min(attempt_no, len(DEFAULT_SCHEDULE)) - 1]
    assert wait >= base * (1 - JITTER / 2)
    assert wait <= max(base * (1 + JITTER / 2), min(asked or 0, MAX_AFTER_SECONDS))
    if asked is not None:
        assert wait >= min(asked, MAX_AFTER_SECONDS)


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_waits_grow(one: float, other: float) -> None:
    waits = [wait_seconds(number, Policy(), one) for number in range(1, 10)]
    later = [wait_seconds(number, Policy(), other) for number in range(2, 11)]
    assert all(first < second for first, second in zip(waits, later[:-1], strict=False))


def test_tries_of_many_events_do_not_land_together() -> None:
    moments = {decide(RetryLater(), 4, NOW).retry_at for _ in range(200)}
    assert len(moments) > 150
    assert None not in moments
