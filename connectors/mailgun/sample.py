"""A sample event, as Mailgun would send it to a connection."""

from __future__ import annotations

from datetime import datetime

from connectors.mailgun.emulator import ANNA, Mail, fields, urlencoded
from hub.sdk.connection import Connection
from hub.sdk.request import RawRequest


def sample(connection: Connection, now: datetime, content: bytes = b"") -> RawRequest:
    """A mail that has just come, signed with this connection's own key."""
    text = content.decode() or "Письмо придумано: так проверяют, что почта доходит."
    mail = Mail(f"test-{now.timestamp()}", *ANNA, "Проба связи", text, (), 0)
    return urlencoded(fields(mail, (), connection.secrets["signing_key"]))
