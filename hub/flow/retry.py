"""What happens after a failure: one pure function, used by the flow and printed by the pages."""

from __future__ import annotations

import random
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.sdk.errors import AuthError, HubError, Ignored, RetryLater

DEFAULT_SCHEDULE = (5, 30, 120, 600, 1800, 7200, 21600, 43200, 86400)
BUG_TRIES = 3
#: The share of each wait that is random, so that tries of many events do not land together.
JITTER = 1 / 3
MAX_AFTER_SECONDS = 7 * 86400


@dataclass(frozen=True)
class Policy:
    """The waits before each new try, in seconds, and how often a bug is tried."""

    schedule: Sequence[int] = DEFAULT_SCHEDULE
    bug_tries: int = BUG_TRIES


@dataclass(frozen=True)
class Decision:
    """What to do with what failed. `retry_at` is set when the status is `waiting`."""

    status: str
    code: str
    message: str
    retry_at: datetime | None = None
    pause_connection: bool = False


def decide(
    error: BaseException,
    attempt_no: int,
    now: datetime,
    policy: Policy = Policy(),
    spread: float | None = None,
) -> Decision:
    """Decide by the error's class. `attempt_no` counts from 1; `spread` in [0, 1) replaces chance.

    Ignored → ignored; RetryLater and AuthError → waiting until the schedule ends, then dead;
    other HubErrors → dead at once; anything else is a bug: a few tries, then dead with traceback.
    """
    spread = random.random() if spread is None else spread  # noqa: S311  # jitter, not a secret
    if isinstance(error, Ignored):
        return Decision("ignored", error.code, error.message)
    if isinstance(error, RetryLater | AuthError):
        if attempt_no > len(policy.schedule):
            return Decision("dead", error.code, f"{error.message} (tried {attempt_no} times)")
        asked = error.after if isinstance(error, RetryLater) else None
        wait = wait_seconds(attempt_no, policy, spread, asked)
        return Decision(
            "waiting",
            error.code,
            error.message,
            now + timedelta(seconds=wait),
            isinstance(error, AuthError),
        )
    if isinstance(error, HubError):
        return Decision("dead", error.code, error.message)
    trace = "".join(traceback.format_exception(error)).strip()
    if attempt_no >= policy.bug_tries:
        return Decision("dead", "bug", trace[-4000:])
    wait = wait_seconds(attempt_no, policy, spread, None)
    text = f"{type(error).__name__}: {error}"
    return Decision("waiting", "bug", text[:1000], now + timedelta(seconds=wait))


def schedule_of(policy: Policy) -> list[tuple[float, float]]:
    """The shortest and the longest wait before each new try, in seconds, as `decide` takes them."""
    return [
        (wait_seconds(number, policy, 0.0), wait_seconds(number, policy, 1.0))
        for number in range(1, len(policy.schedule) + 1)
    ]


def wait_seconds(
    attempt_no: int, policy: Policy, spread: float, asked: float | None = None
) -> float:
    """The wait before the next try: the schedule's, spread, and never less than was asked."""
    base = policy.schedule[min(attempt_no, len(policy.schedule)) - 1]
    wait = base * (1 - JITTER / 2 + JITTER * spread)
    if asked is not None:
        wait = max(wait, min(asked, MAX_AFTER_SECONDS))
    return wait
