"""Change notices that 1C's own code posts: each is a hint to read a stream again, nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from hub.sdk import payload
from hub.sdk.connection import Connection
from hub.sdk.errors import Ignored, PayloadError, SignatureError
from hub.sdk.records import WantedRun
from hub.sdk.request import Event, RawRequest
from hub.sdk.signatures import require_any

KEY_HEADER, ID_HEADER = "X-Hub-Key", "X-Event-Id"
#: What a notice tells of → the stream that is read again.
STREAMS: Mapping[str, str] = {
    "stock.changed": "stock",
    "product.changed": "products",
    "counterparty.changed": "counterparties",
    "order.changed": "orders",
}


def verify(request: RawRequest, connection: Connection, now: datetime) -> None:
    """Raise SignatureError unless the header carries the shared key: old platforms sign nothing."""
    if "notify_key" not in connection.secrets:
        raise SignatureError("secrets.notify_key не задан: извещения не принимаются")
    require_any([request.header(KEY_HEADER)], connection.secrets.all("notify_key"), "key")


def event_key(request: RawRequest, connection: Connection) -> str:
    """The notice's id from its header or body. Without one each is an event of its own: two that
    read the same tell of two changes."""
    return request.header(ID_HEADER) or _text(_loose(request), "id") or uuid4().hex


def event_type(request: RawRequest, connection: Connection) -> str:
    """What changed, as the notice names it."""
    return _text(_loose(request), "event")


def ordering_key(request: RawRequest, connection: Connection) -> str:
    """Empty: notices need no order, what they point to is read anew."""
    return ""


def parse(event: Event, connection: Connection) -> Iterable[WantedRun]:
    """The stream to read again; Ignored for a notice of something else, PayloadError for no JSON.

    `settings.notices` names streams for a base's own notices, over the known ones.
    """
    kind = _text(_body(event.request), "event")
    own = connection.settings.get("notices") or {}
    stream = str(own.get(kind) or STREAMS.get(kind) or "")
    if not stream:
        raise Ignored(f"для «{kind}» поток не назван: укажите его в settings.notices")
    return [WantedRun(stream)]


def _body(request: RawRequest) -> Mapping[str, Any]:
    # Old code writes a byte order mark, or Windows-1251.
    body = payload.load_json(payload.decode_text(request.body).encode())
    if not isinstance(body, Mapping):
        raise PayloadError("извещение — объект JSON")
    return body


def _loose(request: RawRequest) -> Mapping[str, Any]:
    try:
        return _body(request)
    except PayloadError:
        return {}


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value.strip() if isinstance(value, str) else ""
