"""The only way out to other systems: requests with limits, a breaker, an address guard.

SOAP goes the same way: zeep gets `HttpClient.session` as its transport's session. Foreign
exceptions are translated here and nowhere else. Read in this order: client (what connectors
call), adapter (one exchange), guard (addresses), deadline (whole time), replies (what they mean).
"""

from hub.sdk.http.client import (
    CONNECT_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    TOTAL_SECONDS,
    HttpClient,
    Response,
    client_for,
    pieces,
)
from hub.sdk.http.guard import check_address
from hub.sdk.http.replies import (
    MAX_REPLY_BYTES,
    asked_pause,
    raise_for_status,
    read_limited,
    retry_after_seconds,
    translate,
)

__all__ = [
    "CONNECT_TIMEOUT_SECONDS",
    "MAX_REPLY_BYTES",
    "READ_TIMEOUT_SECONDS",
    "TOTAL_SECONDS",
    "HttpClient",
    "Response",
    "asked_pause",
    "check_address",
    "client_for",
    "pieces",
    "raise_for_status",
    "read_limited",
    "retry_after_seconds",
    "translate",
]
