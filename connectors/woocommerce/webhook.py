"""WooCommerce webhooks: signature, ping, topics, and what a REST object says.

Follows `includes/class-wc-webhook.php` of woocommerce/woocommerce and the REST API v3 documents.
The body is the object as it is when the shop sends it, minutes after the event at times, and
deliveries come in any order, so `date_modified_gmt` alone tells newer from older.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from hub.sdk.connection import Connection
from hub.sdk.errors import Ignored, PayloadError
from hub.sdk.protocols import Lookup
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event, RawRequest, Reply
from hub.sdk.signatures import encode, hmac_sha256, require_any

#: Resource of a topic → entity. Variations come under `product` with `type: variation`.
ENTITIES: Final = {"order": "order", "customer": "contact", "product": "product"}
EVENTS: Final = frozenset({"created", "updated", "deleted", "restored"})
#: Resources whose events carry nothing the hub keeps, and why.
NOT_KEPT: Final = {
    "coupon": "coupons are not kept; an order names the coupons it used",
    "action": "an action carries no record; choose a topic of orders, customers or products",
}
CREATED: Final = ("date_created_gmt",)
MODIFIED: Final = ("date_modified_gmt", "date_created_gmt")

#: How far along an order is. Two states in one second are common (`created` and `updated` of one
#: checkout); the further one is the newer.
PROGRESS: Final = {
    "checkout-draft": 0,
    "pending": 1,
    "on-hold": 2,
    "processing": 4,
    "failed": 5,
    "completed": 6,
    "cancelled": 7,
    "refunded": 8,
    "trash": 9,
}
_UNKNOWN_PROGRESS: Final = 3

_PING = re.compile(rb"webhook_id=\d{1,20}&?")
_ID = re.compile(r"[1-9]\d{0,18}")


def verify(request: RawRequest, connection: Connection, now: datetime) -> None:
    """Check `X-WC-Webhook-Signature`: base64 HMAC-SHA256 of the raw body.

    The shop keeps the secret HTML-escaped but signs with what the admin typed. It stamps no time,
    so an old delivery is as good as a new one: its key and its version make a repeat harmless.
    """
    require_any(
        [request.header("X-WC-Webhook-Signature").strip()],
        [
            encode(hmac_sha256(secret, request.body), "base64")
            for secret in connection.secrets.all("webhook_secret")
        ],
    )


def answer(request: RawRequest, connection: Connection, lookup: Lookup) -> Reply | None:
    """Answer the ping of a webhook being saved: a form `webhook_id=12`, unsigned, without topic.

    The shop takes nothing but exactly 200 for it.
    """
    if request.header("X-WC-Webhook-Topic") or request.header("X-WC-Webhook-Signature"):
        return None
    return Reply() if _PING.fullmatch(request.body.strip()) else None


def event_key(request: RawRequest, connection: Connection) -> str:
    """Build `<webhook id>:<topic>:<digest of the body>`.

    `X-WC-Webhook-Delivery-ID` is no key by itself: all deliveries of a webhook in one second share
    it. It joins the key when the body has no time of change: a deletion (`{"id":727}`) and an error
    look the same every time, and the second deletion of a restored order must not get lost.
    """
    webhook = request.header("X-WC-Webhook-ID").strip()[:20]
    topic = event_type(request, connection)
    if not webhook and not topic:
        return ""
    key = f"{webhook}:{topic}:{hashlib.sha256(request.body).hexdigest()[:32]}"
    if b'"date_modified_gmt"' in request.body:
        return key
    delivery = request.header("X-WC-Webhook-Delivery-ID").strip()[:64]
    return f"{key}:{delivery}" if delivery else key


def event_type(request: RawRequest, connection: Connection) -> str:
    """Return the topic, as `order.updated`."""
    return request.header("X-WC-Webhook-Topic").strip()[:100]


def ordering_key(request: RawRequest, connection: Connection) -> str:
    """Return `<resource>:<object id>`, or nothing when the body has no id."""
    try:
        external_id = _external_id(_object(request.json))
    except PayloadError:
        return ""
    return f"{event_type(request, connection).partition('.')[0]}:{external_id}"


def parse(event: Event, connection: Connection) -> Iterable[SourceRecord]:
    """Read one delivery. Ignored for what the hub does not keep, PayloadError for a broken body.

    A deleted or restored object carries no time of its own: the moment of receipt is its version.
    """
    topic = event.type or event_type(event.request, connection)
    resource, _, happened = topic.partition(".")
    if resource in NOT_KEPT:
        raise Ignored(f"{topic}: {NOT_KEPT[resource]}")
    if resource not in ENTITIES or happened not in EVENTS:
        raise Ignored(f"the topic «{topic}» is not known")
    body = _object(event.request.json)
    _refuse_error_object(body)
    if happened == "deleted":
        return _gone(resource, body, event.received_at)
    records = records_of(resource, body, event.received_at)
    if happened == "restored":
        restored_at = version_of(event.received_at)
        return [replace(record, version=restored_at) for record in records]
    return records


def records_of(resource: str, body: Any, seen_at: datetime) -> list[SourceRecord]:
    """Turn one REST object (resource: order, customer or product) into source records.

    `seen_at` stands in for the time of an object that has none. PayloadError without an id.
    """
    data = _object(body)
    modified_at = moment(data, MODIFIED)
    happened_at = (moment(data, CREATED) if resource == "order" else modified_at) or seen_at
    record = SourceRecord(
        entity=ENTITIES[resource],
        external_id=_external_id(data),
        data=data,
        version=_version(resource, data, modified_at) if modified_at else "",
        occurred_at=happened_at,
    )
    if resource != "product":
        return [record]
    # `manage_stock` is "parent" when a variation shares its parent's stock. A level that the shop
    # no longer keeps must not stay on the page as if it were fresh.
    kept = data.get("manage_stock") is True and data.get("stock_quantity") is not None
    return [record, replace(record, entity="stock", deleted=not kept)]


def moment(data: Mapping[str, Any], names: Iterable[str]) -> datetime | None:
    """Return the first of the fields that holds a time; the shop's `*_gmt` come without a zone."""
    for name in names:
        try:
            found = datetime.fromisoformat(str(data.get(name) or ""))
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def _version(resource: str, data: Mapping[str, Any], modified_at: datetime) -> str:
    if resource != "order":
        return version_of(modified_at)
    return f"{version_of(modified_at)}{PROGRESS.get(str(data.get('status')), _UNKNOWN_PROGRESS)}"


def version_of(when: datetime) -> str:
    """Write a time so that text order is time order, to the second: `2026-01-12T15:21:10Z`."""
    return when.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _gone(resource: str, data: dict[str, Any], received_at: datetime) -> list[SourceRecord]:
    record = SourceRecord(
        entity=ENTITIES[resource],
        external_id=_external_id(data),
        data=data,
        version=version_of(received_at),
        occurred_at=received_at,
        deleted=True,
    )
    return [record, replace(record, entity="stock")] if resource == "product" else [record]


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise PayloadError(f"the body is {type(body).__name__}, not an object")
    return body


def _external_id(data: Mapping[str, Any]) -> str:
    found = data.get("id")
    if isinstance(found, int | str) and _ID.fullmatch(str(found)):
        return str(found)
    raise PayloadError("the object has no id")


def _refuse_error_object(body: Mapping[str, Any]) -> None:
    """Raise for the REST error that a shop signs and sends instead of the object.

    The body is built with the rights of the user who made the webhook.
    """
    data = body.get("data")
    if not isinstance(body.get("code"), str) or not isinstance(data, dict) or "status" not in data:
        return
    raise PayloadError(
        f"the shop sent an error instead of the object: {str(body['code'])[:100]}, "
        f"status {str(data['status'])[:20]}. The user who created the webhook lost the rights "
        "to read it: save the webhook again as an administrator, then poll"
    )
