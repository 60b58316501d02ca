"""Outgoing webhooks, signed as Standard Webhooks asks: one POST per change of one record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from connectors._protocols.standard_webhooks import key_of, signature
from hub.sdk.connection import Connection
from hub.sdk.entities import ENTITIES
from hub.sdk.errors import ConfigError, HubError, Ignored, Rejected
from hub.sdk.http import CONNECT_TIMEOUT_SECONDS, client_for
from hub.sdk.records import CONTACT_ERASED, Change, CheckStep, Receipt

#: The specification advises receivers to answer within 15 to 30 seconds.
REPLY_TIMEOUT_SECONDS: Final = 15.0
KEPT_REPLY_CHARACTERS: Final = 500
ACTIONS: Final = ("created", "updated", "deleted")


def push(connection: Connection, change: Change, binding: str | None) -> Receipt:
    """POST one change; the same `webhook-id` and body on every try, a new timestamp.

    Ignored when the connection does not subscribe to it; else raises what `hub.sdk.http` says,
    a 410 as Rejected.
    """
    if not wanted(connection, change):
        raise Ignored(f"this webhook does not subscribe to {change.event_type}")
    status, reply = _post(connection, change.delivery_key, message(change))
    return Receipt(external_id=binding or "", status_code=status, reply=reply)


def wanted(connection: Connection, change: Change) -> bool:
    """Whether `entities` and `events` let this change through; empty lists let everything.

    An erasure passes them: it is told only to whoever had something of the person.
    """
    if change.event_type == CONTACT_ERASED:
        return True
    entities = connection.settings.get("entities") or ()
    events = connection.settings.get("events") or ()
    if entities and change.entity not in entities:
        return False
    action = change.event_type.rpartition(".")[2]
    return not events or change.event_type in events or action in events


def message(change: Change) -> bytes:
    """The body: `type`, `timestamp` of the change, `data` with the record's id and fields.

    Decimals are text, times RFC 3339 UTC, as in the hub's API.
    """
    body = {
        "type": change.event_type,
        "timestamp": _plain(change.changed_at),
        "data": {"id": change.record_id, "deleted": change.deleted, **change.fields},
    }
    return json.dumps(body, ensure_ascii=False, default=_plain, allow_nan=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    return str(value)


def address(connection: Connection) -> str:
    """The receiver's address; ConfigError unless it is http(s) with a host and no password."""
    url = str(connection.setting("url")).strip()
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # reading it checks the number
    except ValueError as error:
        raise ConfigError(f"is not an address: {error}", place="settings.url") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError("must start with https:// or http:// and a host", place="settings.url")
    if "@" in parts.netloc:
        raise ConfigError("must not hold a name or password", place="settings.url")
    return url


def _post(connection: Connection, message_id: str, body: bytes) -> tuple[int, str]:
    url, stamp = address(connection), str(int(datetime.now(UTC).timestamp()))
    signatures = [
        signature(key_of(secret), message_id, stamp, body)
        for secret in connection.secrets.all("secret")
    ]
    client = client_for(
        connection,
        url,
        # An outgoing webhook's address is not an admin's own host: only network.allow opens it.
        trusted=False,
        timeout=(CONNECT_TIMEOUT_SECONDS, REPLY_TIMEOUT_SECONDS),
    )
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signatures),
    }
    try:
        response = client.request("POST", url, data=body, headers=headers)
    except Rejected as error:
        if error.message.startswith("410 "):
            raise Rejected(
                f"the receiver closed this address for good ({error.message}); "
                "pause the connection or change settings.url"
            ) from error
        raise
    return response.status_code, response.text[:KEPT_REPLY_CHARACTERS]


def check(connection: Connection) -> Iterable[CheckStep]:
    """Check address, subscription and secret, then post a signed `ping`."""
    steps: tuple[tuple[str, Callable[[Connection], str]], ...] = (
        ("address", _check_address),
        ("subscription", _check_subscription),
        ("secret", _check_secret),
        ("ping", _check_ping),
    )
    for name, action in steps:
        try:
            yield CheckStep(name, ok=True, message=action(connection))
        except HubError as error:
            yield CheckStep(name, ok=False, message=error.message)
            return


def _check_address(connection: Connection) -> str:
    url = address(connection)
    return "" if url.startswith("https:") else "http: the data travels unprotected"


def _check_subscription(connection: Connection) -> str:
    for entity in connection.settings.get("entities") or ():
        if entity not in ENTITIES:
            known = ", ".join(ENTITIES)
            raise ConfigError(f"«{entity}» is none of: {known}", place="settings.entities")
    for event in connection.settings.get("events") or ():
        entity, _, action = str(event).rpartition(".")
        if action not in ACTIONS or (entity and entity not in ENTITIES):
            raise ConfigError(
                f"«{event}» is none of created, updated, deleted, order.created, …",
                place="settings.events",
            )
    return ""


def _check_secret(connection: Connection) -> str:
    for secret in connection.secrets.all("secret"):
        key_of(secret)
    return ""


def _check_ping(connection: Connection) -> str:
    now = _plain(datetime.now(UTC))
    body = json.dumps({"type": "ping", "timestamp": now, "data": {}}).encode()
    status, _ = _post(connection, f"ping_{uuid4().hex}", body)
    return f"{status}"
