"""Errors by who must act. The class decides what the hub does next; see `hub/flow/retry.py`."""

from __future__ import annotations


class HubError(Exception):
    """Something went wrong in the hub.

    `message` is for the person who must act; `detail` goes to the log only.
    The class docstring is the message when none is given.
    """

    code = "error"

    def __init__(self, message: str = "", *, detail: str = "") -> None:
        self.message = message or (self.__doc__ or "").split("\n", 1)[0]
        self.detail = detail
        super().__init__(self.message)


class SignatureError(HubError):
    """The request is not signed by the sender this connection expects."""

    code = "signature"


class TooLarge(HubError):
    """The body is larger than this connection accepts."""

    code = "too_large"


class Ignored(HubError):
    """This event carries nothing the hub keeps."""

    code = "ignored"


class PayloadError(HubError):
    """The payload cannot be understood; replay it after the mapping or the connector is mended."""

    code = "payload"


class RetryLater(HubError):
    """The other system is not ready; the hub will try again.

    `after` is the wait in seconds that the other system asked for, or None.
    """

    code = "retry_later"

    def __init__(self, message: str = "", *, after: float | None = None, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.after = after


class NotCalled(RetryLater):
    """The other system was left alone: its limit is used up, or it failed too often just now.

    Nothing was sent, so it is no attempt; `after` says in how many seconds to ask again.
    """

    code = "not_called"


class AuthError(HubError):
    """The other system refused the connection's credentials; an admin must renew them."""

    code = "auth"


class Rejected(HubError):
    """The other system refused the data; its own words are kept."""

    code = "rejected"


class ConfigError(HubError):
    """A connection, mapping or setting is wrong.

    `place` names the file, line and key when they are known.
    """

    code = "config"

    def __init__(self, message: str = "", *, place: str = "", detail: str = "") -> None:
        super().__init__(f"{place}: {message}" if place else message, detail=detail)
        self.place = place


class AddressNotAllowed(ConfigError):
    """The address is private, loopback or metadata, and nothing allows it."""

    code = "address"
