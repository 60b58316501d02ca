"""A sample event, as Mango would send it to a connection."""

from __future__ import annotations

import json
from datetime import datetime

from connectors.mango.emulator import signed
from connectors.mango.emulator_calls import Call, person
from hub.sdk.connection import Connection
from hub.sdk.request import RawRequest


def sample(connection: Connection, now: datetime, content: bytes = b"") -> RawRequest:
    """An answered call that has just ended, signed with this connection's own keys."""
    managers = connection.settings.get("managers") or {}
    call = Call(int(now.timestamp()) % 10**8, int(now.timestamp()) - 60, "in")
    caller, callee = {"number": "79000000000"}, person(str(next(iter(managers), "101")))
    call.summary(caller, callee, end=55, talk=12)
    path, told = call.messages[0]
    message = content.decode() or json.dumps(told, ensure_ascii=False)
    secrets = connection.secrets
    return signed(path, message, secrets["api_key"], secrets["api_salt"])
