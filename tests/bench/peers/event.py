"""The events that are sent: one call each, 1.5 KB of JSON, signed."""

from __future__ import annotations

import json
import time

from tests.bench.peers import job

CONTACTS = 2_000
BODY_BYTES = 1_500


def _template() -> str:
    started = int(time.time()) - 3_600
    call = {
        "id": "@ID@", "direction": 1, "result": 1, "line": "8 (495) 000-00-10",
        "from": {"number": "8 (916) @PHONE@", "country": "RU", "operator": "МТС"},
        "to": {"number": "84950000010", "extension": "101", "user": "anna@example.ru"},
        "created": started, "answered": started + 6, "ended": started + 96,
        "client": {"name": "Мария  Клиентова", "email": "Client@PHONE@@Example.ru"},
        "recording": {"id": "r-@ID@", "url": "https://records.example/r-@ID@.mp3"},
        "legs": [{"leg": leg, "extension": str(100 + leg), "state": state, "at": started + leg}
                 for leg, state in enumerate(("Appeared", "Connected", "Disconnected", "Ended"))],
        "tags": ["сайт", "повторный"], "utm": {"source": "yandex", "campaign": "осень"},
        "comment": "",
    }  # fmt: skip
    event = {"id": "@ID@", "type": "call", "version": 3, "call": call}
    short = BODY_BYTES - len(json.dumps(event, ensure_ascii=False).encode())
    call["comment"] = "c" * max(short - 20, 0)
    return json.dumps(event, ensure_ascii=False)


_PARTS = _template()


def external_id(number: int) -> str:
    """The id of the call that the event of this number tells of."""
    return f"call-{number:07d}"


def body(number: int) -> bytes:
    """The event of this number."""
    digits = f"{number % CONTACTS:07d}"
    return _PARTS.replace("@ID@", external_id(number)).replace("@PHONE@", digits).encode()


def request(host: str, path: str, number: int) -> bytes:
    """The whole signed HTTP request."""
    content = body(number)
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"{job.SIGNATURE_HEADER}: {job.sign(content)}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    ).encode() + content
