"""What a reply means: statuses and foreign exceptions as errors by who must act, with limits."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from hub.sdk.errors import AddressNotAllowed, AuthError, HubError, Rejected, RetryLater

MAX_REPLY_BYTES = 64 * 1024 * 1024
MAX_AFTER_SECONDS = 7 * 86400.0
#: Statuses that ask to come again: they say nothing against what was sent.
COME_AGAIN = frozenset({408, 409, 420, 425, 429})


def retry_after_seconds(value: str, now: datetime | None = None) -> float | None:
    """Read a Retry-After header, seconds or HTTP date; None when it is neither.

    `now` is the sender's own clock (its Date header) where it is known: only the difference
    counts, so a clock that is wrong does no harm. Never more than a week.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), MAX_AFTER_SECONDS)
    moment = _moment(text)
    if moment is None:
        return None
    wait = (moment - (now or datetime.now(UTC))).total_seconds()
    return min(max(0.0, wait), MAX_AFTER_SECONDS)


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, LookupError, OverflowError):
        return None


def asked_pause(response: requests.Response) -> float | None:
    """The pause in seconds that a reply asks for (Retry-After by the sender's clock), or None."""
    value = response.headers.get("Retry-After", "")
    return retry_after_seconds(value, _moment(response.headers.get("Date", ""))) if value else None


def raise_for_status(response: requests.Response, words: str = "") -> None:
    """Translate an HTTP status into an error by who must act; 2xx passes."""
    status = response.status_code
    if status < 300:
        return
    if status < 400 and "Location" in response.headers:
        host = host_of(response.url or "")
        raise Rejected(f"{host} redirects elsewhere: write the final address")
    said = (words or sample(response)).strip()
    text = f"{status} from {urlsplit(response.url or '').hostname}: {said}"
    if status in {401, 403}:
        raise AuthError(text)
    if status in COME_AGAIN or status >= 500:
        raise RetryLater(text, after=asked_pause(response))
    raise Rejected(text)


def sample(response: requests.Response) -> str:
    """The first 500 bytes of a reply as text, empty when they cannot be read."""
    try:
        raw = (
            response.raw.read(500, decode_content=True)
            if not getattr(response, "_content_consumed", False)
            else (response.content[:500])
        )
    except Exception:
        return ""
    return str(raw.decode("utf-8", "replace")) if isinstance(raw, bytes) else ""


def read_limited(response: requests.Response, limit: int = MAX_REPLY_BYTES) -> bytes:
    """Read a streamed reply into `response.content`, refusing more than `limit` bytes.

    Bytes are counted after unpacking, piece by piece: a bomb is refused before it is in memory.
    """
    pieces, size = [], 0
    for piece in response.iter_content(65536):
        size += len(piece)
        if size > limit:
            response.close()
            raise Rejected(f"the reply is larger than {limit} bytes")
        pieces.append(piece)
    response._content = b"".join(pieces)  # noqa: SLF001  # requests has no public way to hand over a body read with a limit
    return response._content  # noqa: SLF001  # see above


def is_unwell(response: requests.Response) -> bool:
    """Whether the host itself is in trouble, or wants to be left alone for a while.

    A SOAP fault comes with a 500 too, but in XML: the service is there and has answered.
    """
    status = response.status_code
    if status == 500 and "xml" in response.headers.get("Content-Type", "").lower():
        return False
    return status >= 500 or status in {408, 429}


def translate(error: requests.RequestException, url: str) -> HubError:
    """Turn a foreign exception into the hub's own, with the host and what to look at."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, HubError):
            return inner
        inner = inner.__context__ or inner.__cause__
    host = host_of(url)
    if isinstance(error, requests.exceptions.SSLError):
        return RetryLater(f"TLS with {host} failed: check the certificate", detail="tls")
    if isinstance(error, requests.exceptions.Timeout):
        return RetryLater(f"{host} did not answer in time", detail="transport")
    if isinstance(error, requests.exceptions.ConnectionError):
        return RetryLater(f"{host} cannot be reached", detail="transport")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return AddressNotAllowed(f"«{host or url}» is not an address one can call")
    return RetryLater(f"the exchange with {host} failed: {type(error).__name__}")


def host_of(url: str) -> str:
    """The host and port that a URL names, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def cut_off(url: str, seconds: float) -> RetryLater:
    """The error of an exchange whose whole time was up."""
    text = f"the exchange with {host_of(url)} took longer than {seconds:g} s"
    return RetryLater(text, detail="transport")
