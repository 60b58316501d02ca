"""A small Mango: one working day of invented calls, told as Mango tells them.

Messages come in any order, some come twice, and numbers are now and then written as text.
Legs follow «events/call» of the VPBX API; every person and number is invented.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode
from wsgiref.types import StartResponse, WSGIEnvironment

from connectors.mango.emulator_stats import Stats
from hub.sdk.request import RawRequest
from hub.sdk.testing import VendorServer, body_of, reply

LINE: Final = "74950000010"
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


@dataclass
class Call:
    """One call being told: `at` are seconds from its start, `messages` what Mango sends."""

    number: int
    start: int
    direction: str
    client: str = ""
    outcome: str = ""
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    legs: int = 0

    @property
    def entry_id(self) -> str:
        return base64.b64encode(f"50091{self.number:05d}".encode()).decode()

    def leg(
        self,
        location: str,
        caller: Mapping[str, Any],
        callee: Mapping[str, Any],
        *states: tuple[int, str],
        reason: int = 1110,
        **more: Any,
    ) -> str:
        """Tell one leg's changes of state; returns its call_id."""
        self.legs += 1
        call_id = base64.b64encode(f"1:100:{self.number}:{self.legs}".encode()).decode()
        for seq, (at, state) in enumerate(states, 1):
            told: dict[str, Any] = {
                "entry_id": self.entry_id,
                "call_id": call_id,
                "timestamp": self.start + at,
                "seq": str(seq) if self.number % 3 == 0 else seq,
                "call_state": state,
                "location": location,
                "from": dict(caller),
                "to": dict(callee),
                "dct": {"type": 0},
                **more,
            }
            if state == "Disconnected":
                told["disconnect_reason"] = reason
            self.messages.append(("events/call", told))
        return call_id

    def summary(
        self,
        caller: Mapping[str, Any],
        callee: Mapping[str, Any],
        end: int,
        talk: int = 0,
        reason: int = 1110,
    ) -> None:
        """Tell how the call ended; `talk` 0: nobody talked."""
        told = {
            "entry_id": self.entry_id,
            "call_direction": {"internal": 0, "in": 1, "out": 2}[self.direction],
            "from": dict(caller),
            "to": dict(callee),
            "line_number": "" if self.direction == "internal" else LINE,
            "create_time": self.start,
            "forward_time": self.start,
            "talk_time": self.start + talk if talk else 0,
            "end_time": self.start + end,
            "entry_result": 1 if talk or reason == 1170 else 0,
            "disconnect_reason": reason,
        }
        self.messages.append(("events/summary", told))

    def recording(self, call_id: str, extension: str, end: int, code: int = 1000) -> None:
        """Tell of a leg's recording; one that was kept becomes downloadable later."""
        recording_id = base64.b64encode(f"1:100:{self.number}:{extension}".encode()).decode()
        told = {"recording_id": recording_id, "entry_id": self.entry_id}
        leg = {"call_id": call_id, "extension": extension, "recipient": "Cloud"}
        states = (
            {"recording_state": "Started", "seq": 1, "timestamp": self.start + 1},
            {
                "recording_state": "Completed",
                "seq": 2,
                "timestamp": self.start + end,
                "completion_code": code,
            },
        )
        self.messages += [("events/recording", {**told, **leg, **state}) for state in states]
        if code == 1000:
            added = {"product_id": 100, "user_id": -1, "timestamp": self.start + end + 40}
            self.messages.append(("events/record/added", {**told, **added}))


def person(extension: str) -> dict[str, Any]:
    """An employee's side of a leg."""
    return {"extension": extension, "number": f"sip:user{extension}@uzel.example"}


def _incoming(
    call: Call, rang: list[str], talk: int = 0, end: int = 40, reason: int = 1111, menu: bool = True
) -> str:
    """The client calls: menu and queue, then each of `rang` in turn; the last one may answer."""
    client: dict[str, Any] = {"number": call.client}
    queue = {"number": LINE, "line_number": LINE, "acd_group": "10"}
    if menu:
        steps = ((0, "Appeared"), (1, "Connected"), (4, "Disconnected"))
        menu_id = call.leg("ivr", client, {"number": LINE, "line_number": LINE}, *steps)
        client = {**client, "taken_from_call_id": menu_id}
        last = talk or end
        waits = ((4, "Appeared"), (4, "Connected"), (last, "Disconnected"))
        call.leg("queue", client, queue, *waits, reason=1100 if talk else reason)
    call_id = ""
    for place, extension in enumerate(rang, 1):
        callee = {**person(extension), "line_number": LINE, "acd_group": "10"}
        if talk and place == len(rang):
            states = [(5 * place, "Appeared"), (talk, "Connected"), (end, "Disconnected")]
            call_id = call.leg("abonent", client, callee, *states)
        else:
            states = [(5 * place, "Appeared"), (5 * place + 5, "Disconnected")]
            call.leg("abonent", client, callee, *states, reason=1111)
    answered = person(rang[-1] if talk else rang[0]) if rang else {"number": LINE}
    call.summary({"number": call.client}, answered, end, talk, 1110 if talk else reason)
    return call_id


def _outgoing(call: Call, extension: str, talk: int = 0, end: int = 25, reason: int = 1110) -> str:
    """An employee calls a client or, when `call.client` is short, a colleague."""
    internal = call.direction == "internal"
    callee = person(call.client) if internal else {"number": call.client, "line_number": LINE}
    states = [(0, "Appeared"), *([(talk, "Connected")] if talk else []), (end, "Disconnected")]
    call_id = call.leg("abonent", person(extension), callee, *states, reason=reason)
    call.summary(person(extension), callee, end, talk, reason)
    return call_id


def _transferred(call: Call) -> None:
    """The first employee answers and hands the client over; both sides are recorded."""
    client = {"number": call.client}
    steps = ((0, "Appeared"), (6, "Connected"), (40, "OnHold"), (52, "Disconnected"))
    first = call.leg(
        "abonent", client, {**person("101"), "line_number": LINE}, *steps, transfer="blind"
    )
    moved = {**client, "taken_from_call_id": first, "was_transferred": True}
    later = ((52, "Appeared"), (58, "Connected"), (150, "Disconnected"))
    second = call.leg("abonent", moved, person("103"), *later)
    call.summary(client, person("101"), 150, 6)
    call.recording(first, "101", 52)
    call.recording(second, "103", 151)


class Emulator:
    """Plays sixteen invented calls of a `day`; the last has ended a few minutes before `now`."""

    def __init__(self, seed: int = 1, now: datetime | None = None, day: int = 0) -> None:
        self._now = int((now or datetime.now(UTC)).timestamp()) + day * 86_400
        self._seed, self._day = seed, day
        self._server: VendorServer | None = None
        self.calls: list[Call] = []
        self._stats = Stats()
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
        path = environ["PATH_INFO"]
        if path.startswith("/sound/"):
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
        call.recording(_incoming(call, ["101"], talk=14, end=94), "101", 95)
        _incoming(self._call("in", "missed", "79160000011"), ["101", "102"])
        call = self._call("out", "answered", "79160000011")
        call.recording(_outgoing(call, "102", talk=9, end=130), "102", 131)
        _outgoing(self._call("out", "busy", "79160000012"), "101", reason=1121)
        _incoming(self._call("in", "missed", "79160000013"), [], end=12, reason=1170)
        _outgoing(self._call("internal", "answered", "102"), "101", talk=4, end=34)
        _transferred(self._call("in", "answered", "79160000014"))
        _incoming(self._call("in", "answered", "79160000010"), ["102", "103"], talk=16, end=70)
        _outgoing(self._call("out", "missed", "79160000015"), "103", reason=1111)
        _outgoing(self._call("out", "failed", "79160000016"), "102", end=3, reason=3201)
        _incoming(self._call("in", "missed", "79160000017"), ["103"], end=60, reason=1163)
        call = self._call("in", "answered", "79160000018")
        call.recording(_incoming(call, ["102"], talk=7, end=9, menu=False), "102", 9, code=4002)
        _outgoing(self._call("internal", "missed", "103"), "102", reason=1111)
        _outgoing(self._call("out", "voicemail", "79160000019"), "101", reason=1310)
        _incoming(self._call("in", "answered"), ["101"], talk=12, end=45)
        call = self._call("in", "missed", "79160000020")  # out of schedule: a summary and no legs
        call.summary({"number": call.client}, person("103"), 5, reason=1192)
