"""May this connection call this host now? What the HTTP client asks before each call.

The sdk only names the questions; `hub/traffic` answers them for all workers of the hub together.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol


class Urgency(IntEnum):
    """Who goes first when the calls to a host are limited."""

    #: Polls, histories, late repeats: they leave the last part of a limit to live calls.
    BULK = 0
    #: A fresh change, a question that somebody waits for.
    LIVE = 1
    #: A person's own test: it also passes an open breaker, and closes it when it succeeds.
    PERSON = 2


class Passage(Protocol):
    """Leave for one call. Exactly one of the three is told how it ended."""

    def succeeded(self) -> None:
        """The host answered."""

    def failed(self, reason: str, after: float | None = None) -> None:
        """The host could not be reached, did not answer in time or said that it is unwell.

        `reason` is shown to people and kept in Redis: no secret, nothing of the payload.
        `after` is the pause in seconds that the host asked for.
        """

    def dropped(self) -> None:
        """The call was not made after all."""


class Traffic(Protocol):
    """The calls of one connection."""

    def enter(self, host: str, group: str, seconds: float) -> Passage:
        """Leave for one call to `host` («name:port») that takes at most `seconds`.

        `group` names a limit of the manifest's own, or is empty. Waits a bounded time for its
        turn; NotCalled when the limit or the breaker says «later».
        """

    def at(self, urgency: Urgency) -> Traffic:
        """The same connection's calls at another urgency."""


class Unlimited:
    """Lets everything through: for connections outside a hub, in tests and tools."""

    def enter(self, host: str, group: str, seconds: float) -> Passage:
        """Leave at once."""
        return self

    def at(self, urgency: Urgency) -> Traffic:
        """The same."""
        return self

    def succeeded(self) -> None:
        """Nobody is told."""

    def failed(self, reason: str, after: float | None = None) -> None:
        """Nobody is told."""

    def dropped(self) -> None:
        """Nobody is told."""


UNLIMITED = Unlimited()
