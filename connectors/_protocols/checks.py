"""Steps that many connection tests share."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from hub.sdk.records import CheckStep


def tls_step(url: str) -> CheckStep:
    """Whether an address that answered is protected; plain HTTP is fine in one's own network."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return CheckStep("tls", ok=True, message="сертификат верен")
    try:
        near = ipaddress.ip_address(parts.hostname or "").is_private
    except ValueError:
        near = parts.hostname == "localhost"
    message = "без https магазин не примет ключи, и их может прочитать любой по пути"
    return CheckStep("tls", ok=near, message="своя сеть, без https" if near else message)
