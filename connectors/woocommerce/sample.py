"""A sample event, as a shop would send it to a connection."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from connectors.woocommerce.emulator import order_versions, signed, times
from hub.sdk.connection import Connection
from hub.sdk.request import RawRequest


def sample(connection: Connection, now: datetime, content: bytes = b"") -> RawRequest:
    """A new order, marked as a trial in its number and comment, signed with this shop's secret."""
    made = now.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    number = int(now.timestamp())
    order = {
        **order_versions(0, made)[0],
        **times(made, made),
        "id": number,
        "number": f"TEST-{number % 100000}",
        "customer_note": "Проба связи, заказ придуман",
    }
    resource = json.loads(content) if content else order
    return signed("order.created", resource, connection.secrets["webhook_secret"])
