"""The emulated account goes on: now and then somebody calls, as calls really go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from connectors.mango.emulator_calls import Call, incoming

#: Who calls, one after another: clients the shop knows too, and a stranger each fourth time.
CALLERS = ("79160000010", "79160000014", "79160000011")


def next_call(number: int, extensions: list[str]) -> Iterator[tuple[float, str, dict[str, Any]]]:
    """The messages of one incoming call from now on: (seconds to wait, path, message).

    Two calls of three are answered; nobody takes the third.
    """
    client = CALLERS[number % 4] if number % 4 < len(CALLERS) else f"7916{number % 10_000_000:07}"
    answered = number % 3 != 2
    call = Call(70_000 + int(time.time()) % 900_000, int(time.time()), "in", client)
    extension = extensions[number % len(extensions)]
    incoming(call, [extension], talk=14 if answered else 0, end=40 if answered else 25, menu=False)
    passed = 0
    for path, told in sorted(call.messages, key=_moment):
        at = _moment((path, told)) - call.start
        yield float(max(0, at - passed)), path, told
        passed = max(passed, at)


def _moment(message: tuple[str, dict[str, Any]]) -> int:
    told = message[1]
    return int(told.get("timestamp") or told["end_time"])
