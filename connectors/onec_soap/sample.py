"""A sample notice, as 1C would post it to a connection."""

from __future__ import annotations

import json
from datetime import datetime

from hub.sdk.connection import Connection
from hub.sdk.request import RawRequest


def sample(connection: Connection, now: datetime, content: bytes = b"") -> RawRequest:
    """A notice that stock has changed, with this connection's own key; ConfigError without one."""
    told = {"event": "stock.changed", "id": f"test-{now.timestamp()}"}
    headers = (
        ("Content-Type", "application/json"),
        ("X-Hub-Key", connection.secrets["notify_key"]),
    )
    return RawRequest(body=content or json.dumps(told).encode(), headers=headers)
