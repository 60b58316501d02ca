"""How the emulated account tells a call: its legs, its summary, its recordings."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

LINE: Final = "74950000010"


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


def incoming(
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


def outgoing(call: Call, extension: str, talk: int = 0, end: int = 25, reason: int = 1110) -> str:
    """An employee calls a client or, when `call.client` is short, a colleague."""
    internal = call.direction == "internal"
    callee = person(call.client) if internal else {"number": call.client, "line_number": LINE}
    states = [(0, "Appeared"), *([(talk, "Connected")] if talk else []), (end, "Disconnected")]
    call_id = call.leg("abonent", person(extension), callee, *states, reason=reason)
    call.summary(person(extension), callee, end, talk, reason)
    return call_id


def transferred(call: Call) -> None:
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
