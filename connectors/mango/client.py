"""Mango Office VPBX: one function for each call of its API that the hub uses."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any, Final
from urllib.parse import urlsplit

from hub.sdk.connection import Connection
from hub.sdk.errors import Rejected, RetryLater
from hub.sdk.http import client_for

API_URL: Final = "https://app.mango-office.ru/vpbx"
#: Where Mango sends whoever may hear a recording: an address that dies after its first use.
FOUND: Final = 302
NOT_READY_SECONDS: Final = 60.0
#: Results of a command that was taken up.
DONE: Final = frozenset({"0", "1000"})


def recording_link(connection: Connection, recording_id: str) -> str:
    """A fresh address of a recording's sound, good for one listening.

    Follows «Получение записи разговора» (`queries/recording/post`, action play): Mango answers
    302 with the address. Never store it. The other way, a signed link, would show the account's
    key to whoever listens. Raises ConfigError when a secret is not set, RetryLater while the
    recording is not stored yet (about a minute after the call), and what `hub/sdk/http.py` says.
    """
    said = {"recording_id": recording_id, "action": "play"}
    response = _post(connection, "queries/recording/post", said, accept=(FOUND,))
    address = str(response.headers.get("Location", ""))
    if response.status_code != FOUND or urlsplit(address).scheme not in {"http", "https"}:
        raise RetryLater("Mango gives no address of this recording yet", after=NOT_READY_SECONDS)
    return address


def originate(connection: Connection, extension: str, number: str) -> None:
    """Ring an employee, and when they answer, whoever has this number.

    Follows «Команда инициирования вызова» (`commands/callback`): command_id, from.extension,
    to_number; Mango answers at once with a result, 1000 for «accepted», and tells of the calls
    themselves by events. Raises Rejected when Mango refuses it.
    """
    said = {
        "command_id": f"uzel.{secrets.token_hex(12)}",
        "from": {"extension": extension},
        "to_number": number.lstrip("+"),
    }
    response = _post(connection, "commands/callback", said)
    try:
        result = response.json().get("result")
    except (ValueError, AttributeError):
        # A bare 200 is all that the older text of the API promises.
        return
    if result is not None and str(result) not in DONE:
        raise Rejected(f"Mango did not start the call: result {str(result)[:20]}")


def signed(connection: Connection, said: dict[str, Any]) -> dict[str, str]:
    """The form of a request to the API: sign = sha256(key + json + salt), hex."""
    key, salt = connection.secrets["api_key"], connection.secrets["api_salt"]
    text = json.dumps(said, ensure_ascii=False)
    sign = hashlib.sha256(f"{key}{text}{salt}".encode()).hexdigest()
    return {"vpbx_api_key": key, "sign": sign, "json": text}


def _post(connection: Connection, path: str, said: dict[str, Any], **options: Any) -> Any:
    url = str(connection.settings.get("api_url") or API_URL)
    return client_for(connection, url).request(
        "POST", path, data=signed(connection, said), **options
    )
