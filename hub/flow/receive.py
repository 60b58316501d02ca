"""Step receive: a request becomes a durable event, or is refused with its cause."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from hub.crm.lookup import look_up
from hub.flow import desk
from hub.sdk.connection import HIDDEN, Connection
from hub.sdk.errors import SignatureError
from hub.sdk.payload import clean_text
from hub.sdk.protocols import EventText
from hub.sdk.request import RawRequest, Reply
from hub.store.connections import Configured
from hub.store.inbox_rows import NewEvent
from hub.store.store import Store

MAX_KEY = 200
#: A very short secret would tear innocent texts; nobody's real one is that short.
SHORTEST = 4
#: Headers that hold nothing but credentials.
CREDENTIALS = frozenset(
    {"authorization", "proxy-authorization", "redirect-http-authorization", "cookie"}
)


@dataclass(frozen=True)
class Received:
    """The reply to the sender; `stored` is None when nothing had to be kept."""

    reply: Reply
    stored: bool | None = None


def receive(store: Store, configured: Configured, request: RawRequest, now: datetime) -> Received:
    """Answer, verify, store, reply. Returns only after the event is on the disk.

    Raises SignatureError when the sender is not who the connection expects, and whatever the
    database raises when the event cannot be stored: then the sender must be told to come again.
    """
    connector, connection = configured.connector, configured.connection
    if connector.verify is None:
        raise SignatureError(f"{connection.connector} connections take no webhooks")
    if connector.answer is not None:
        answered = connector.answer(request, connection, partial(look_up, store))
        if answered is not None:
            return Received(answered)
    stored = None
    if connector.converse is None:
        connector.verify(request, connection, now)
    else:
        keep = partial(_keep, store, configured, request, now)
        answered, stored = desk.hold(store, configured, request, now, keep)
        if answered is not None:
            return Received(answered, stored)
    if stored is None:
        stored = _keep(store, configured, request, now, others_first=True)
    reply = connector.accepted(request, connection) if connector.accepted else Reply(body=b"ok")
    return Received(reply, stored)


def _keep(
    store: Store,
    configured: Configured,
    request: RawRequest,
    now: datetime,
    *,
    others_first: bool = False,
) -> bool:
    """Store the request as an event; whether it is new. `others_first` as the inbox has it."""
    connector, connection = configured.connector, configured.connection
    return store.inbox.accept(
        NewEvent(
            connection_id=configured.id,
            event_key=_key(connector.event_key, request, connection)
            or hashlib.sha256(request.body).hexdigest(),
            ordering_key=_key(connector.ordering_key, request, connection),
            type=_key(connector.event_type, request, connection),
            received_at=now,
            request=_without_secrets(request, connection),
        ),
        others_first=others_first,
    )


def _key(function: EventText | None, request: RawRequest, connection: Connection) -> str:
    key = clean_text(function(request, connection)) if function else ""
    if len(key) > MAX_KEY:
        return "sha256:" + hashlib.sha256(key.encode()).hexdigest()
    return key


def _may_tell(request: RawRequest, connection: Connection) -> bool:
    """Whether something is to be masked: one look through all of it, for most requests say
    nothing. What no single text holds may be found too; then each is looked at."""
    texts = [request.query]
    for name, value in request.headers:
        if name.lower() in CREDENTIALS:
            return True
        texts.append(value)
    said = "\n".join(texts)
    return connection.secrets.hide(said, SHORTEST) != said


def _without_secrets(request: RawRequest, connection: Connection) -> RawRequest:
    """The request as kept: credentials in headers and the query are not stored with it."""
    if not _may_tell(request, connection):
        return request

    def mask(name: str, text: str) -> str:
        if name.lower() in CREDENTIALS:
            return HIDDEN
        return connection.secrets.hide(text, SHORTEST)

    headers = tuple([(name, mask(name, value)) for name, value in request.headers])
    return replace(request, headers=headers, query=mask("", request.query))
