"""Mango Office VPBX: one function for each call of its API that the hub uses."""

from __future__ import annotations

import hashlib
from datetime import datetime
from urllib.parse import quote

from hub.sdk.connection import Connection

API_URL = "https://app.mango-office.ru/vpbx"


def recording_link(
    connection: Connection, recording_id: str, valid_until: datetime, action: str = "play"
) -> str:
    """The address under which Mango gives a recording until `valid_until`; action: play, download.

    Follows «Получение ссылки на запись разговора»; its sign is sha256(key + time + id + salt),
    another formula than that of webhooks, and the feature must be switched on in Mango's account.
    The link holds the account's key: redirect a signed-in person to it, never store or show it.
    Raises ConfigError when a secret is not set.
    """
    key, salt = connection.secrets["api_key"], connection.secrets["api_salt"]
    until = str(int(valid_until.timestamp()))
    sign = hashlib.sha256(f"{key}{until}{recording_id}{salt}".encode()).hexdigest()
    steps = (recording_id, action, key, until, sign)
    path = "/".join(quote(step, safe=":=") for step in steps)
    return f"{API_URL}/queries/recording/link/{path}"
