"""A small Mango: one working day of invented calls, told as Mango tells them.

Messages come in any order, some come twice, and numbers are now and then written as text.
Legs follow «events/call» of the VPBX API; every person and number is invented.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode
from wsgiref.types import StartResponse, WSGIEnvironment

from connectors.mango.emulator_calls import Call, incoming, outgoing, person, transferred
from connectors.mango.emulator_life import next_call
from connectors.mango.emulator_stats import Stats
from hub.sdk.request import RawRequest
from hub.sdk.testing import VendorServer, body_of, reply

MANAGERS: Final = {
    "101": "anna@example.ru",
    "102": "boris@example.ru",
    "103": "vera@example.ru",
}
MINUTES_BETWEEN_CALLS: Final = 9
#: A tenth of a second of silence: eight thousand samples a second, eight bits each.
SOUND: Final = (
    b"RIFF" + (836).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    + bytes.fromhex("01000100401f0000401f000001000800")
    + b"data" + (800).to_bytes(4, "little") + b"\x80" * 800
)  # fmt: skip


def signed(path: str, message: str, key: str, salt: str) -> RawRequest:
    """One message as Mango posts it: `message` is the exact text of the json field."""
    sign = hashlib.sha256(f"{key}{message}{salt}".encode()).hexdigest()
    body = urlencode({"vpbx_api_key": key, "sign": sign, "json": message}).encode()
    headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    return RawRequest(body=body, headers=headers, path=path)


class Emulator:
    """Plays sixteen invented calls of a `day`; the last has ended a few minutes before `now`."""

    def __init__(self, seed: int = 1, now: datetime | None = None, day: int = 0) -> None:
        self._now = int((now or datetime.now(UTC)).timestamp()) + day * 86_400
        self._seed, self._day = seed, day
        self._server: VendorServer | None = None
        self.calls: list[Call] = []
        self._stats = Stats()
        self.asked: list[dict[str, Any]] = []
        self._tell()

    def start(self) -> None:
        """Serve the API that gives recordings."""
        self._server = VendorServer(self._serve)
        self._server.start()

    def stop(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def connection(self) -> dict[str, Any]:
        """The connection file for this emulated account; the API's address once it is served."""
        api = {"api_url": f"{self._server.url}/vpbx"} if self._server else {}
        return {
            "connector": "mango",
            "title": "Манго, отдел продаж",
            "settings": {"timezone": "Europe/Moscow", "managers": dict(MANAGERS), **api},
            "secrets": {"api_key": "emulated-key", "api_salt": "emulated-salt"},
        }

    def webhooks(self) -> list[RawRequest]:
        """Every message of every call, shuffled, each seventh sent twice; the same every time."""
        secrets = self.connection()["secrets"]
        sent = [
            signed(path, json.dumps(told, ensure_ascii=False), *secrets.values())
            for call in self.calls
            for path, told in call.messages
        ]
        sent += sent[::7]
        random.Random(self._seed).shuffle(sent)  # noqa: S311  # the order is no secret
        return sent

    def live(self, number: int) -> Iterable[tuple[float, RawRequest]]:
        """One more call of today: its messages, each with the seconds to wait before it."""
        secrets = self.connection()["secrets"].values()
        for wait, path, told in next_call(number, list(MANAGERS)):
            yield wait, signed(path, json.dumps(told, ensure_ascii=False), *secrets)

    def expected(self) -> Mapping[str, int]:
        """One record for each call, one contact for each outside number that was not hidden."""
        clients = {
            call.client for call in self.calls if call.client and call.direction != "internal"
        }
        return {"call": len(self.calls), "contact": len(clients)}

    def outcomes(self) -> dict[str, tuple[str, str]]:
        """entry_id → the direction and status the call must end with."""
        return {call.entry_id: (call.direction, call.outcome) for call in self.calls}

    def _serve(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Recordings as Mango gives them: 401 for a wrong sign, 302 to the sound, which plays."""
        if (path := environ["PATH_INFO"]).startswith("/sound/"):
            return reply(start, 200, SOUND, "audio/wav")
        form = dict(parse_qsl(body_of(environ).decode()))
        secrets = self.connection()["secrets"]
        text = form.get("json", "")
        sign = hashlib.sha256("".join((secrets["api_key"], text, secrets["api_salt"])).encode())
        if form.get("sign") != sign.hexdigest():
            return reply(start, 401, b'{"name":"Unauthorized"}')
        said = json.loads(text)
        if path.startswith("/vpbx/stats/"):
            return self._stats.serve(path, said, self.calls, start)
        known = {
            told["recording_id"]
            for call in self.calls
            for kind, told in call.messages
            if kind == "events/record/added"
        }
        if path == "/vpbx/commands/callback":
            self.asked.append(said)
            result = 1000 if said["from"]["extension"] in MANAGERS else 3103
            return reply(start, 200, b'{"result":%d}' % result)
        if path != "/vpbx/queries/recording/post" or said.get("recording_id") not in known:
            return reply(start, 404, b'{"name":"Not Found"}')
        where = f"http://{environ['HTTP_HOST']}/sound/{quote(said['recording_id'], safe='')}"
        return reply(start, 302, b"", "text/html", [("Location", where)])

    def _call(self, direction: str, outcome: str, client: str = "") -> Call:
        place = len(self.calls) + 1
        start = self._now - (17 - place) * MINUTES_BETWEEN_CALLS * 60
        self.calls.append(Call(place + 100 * self._day, start, direction, client, outcome))
        return self.calls[-1]

    def _tell(self) -> None:
        call = self._call("in", "answered", "79160000010")
        call.recording(incoming(call, ["101"], talk=14, end=94), "101", 95)
        incoming(self._call("in", "missed", "79160000011"), ["101", "102"])
        call = self._call("out", "answered", "79160000011")
        call.recording(outgoing(call, "102", talk=9, end=130), "102", 131)
        outgoing(self._call("out", "busy", "79160000012"), "101", reason=1121)
        incoming(self._call("in", "missed", "79160000013"), [], end=12, reason=1170)
        outgoing(self._call("internal", "answered", "102"), "101", talk=4, end=34)
        transferred(self._call("in", "answered", "79160000014"))
        incoming(self._call("in", "answered", "79160000010"), ["102", "103"], talk=16, end=70)
        outgoing(self._call("out", "missed", "79160000015"), "103", reason=1111)
        outgoing(self._call("out", "failed", "79160000016"), "102", end=3, reason=3201)
        incoming(self._call("in", "missed", "79160000017"), ["103"], end=60, reason=1163)
        call = self._call("in", "answered", "79160000018")
        call.recording(incoming(call, ["102"], talk=7, end=9, menu=False), "102", 9, code=4002)
        outgoing(self._call("internal", "missed", "103"), "102", reason=1111)
        outgoing(self._call("out", "voicemail", "79160000019"), "101", reason=1310)
        incoming(self._call("in", "answered"), ["101"], talk=12, end=45)
        call = self._call("in", "missed", "79160000020")  # out of schedule: a summary and no legs
        call.summary({"number": call.client}, person("103"), 5, reason=1192)
