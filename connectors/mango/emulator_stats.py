"""The emulated account's statistics: one row a leg, ready when asked for the second time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol
from wsgiref.types import StartResponse

from hub.sdk.testing import reply


class Told(Protocol):
    """A call of the emulator."""

    start: int
    messages: list[tuple[str, dict[str, Any]]]

    @property
    def entry_id(self) -> str:
        """The call's own id."""


class Stats:
    """`stats/request` gives a key, `stats/result` 204 once and then the table."""

    def __init__(self) -> None:
        self._asked: dict[str, Mapping[str, Any]] = {}
        self._looked: set[str] = set()

    def serve(
        self, path: str, said: Mapping[str, Any], calls: Iterable[Told], start: StartResponse
    ) -> Iterable[bytes]:
        """Answer as Mango answers; the sign was checked before."""
        if path.endswith("/stats/request"):
            key = f"key-{len(self._asked) + 1}"
            self._asked[key] = said
            return reply(start, 200, json.dumps({"key": key}).encode(), "application/json")
        key = str(said.get("key"))
        if key not in self._asked:
            return reply(start, 404, b'{"name":"Not Found"}')
        if key not in self._looked:
            self._looked.add(key)
            return reply(start, 204, b"")
        asked = self._asked[key]
        names = str(asked["fields"]).split(",")
        rows = [
            ";".join(str(row.get(name, "")) for name in names)
            for call in calls
            for row in _legs(call)
            if int(asked["date_from"]) <= int(row["start"]) < int(asked["date_to"])
        ]
        return reply(start, 200, "\r\n".join(rows).encode(), "text/csv")


def _legs(call: Told) -> Iterator[dict[str, Any]]:
    """The call's rows; of a call without legs the one its summary makes."""
    told = [message for kind, message in call.messages if kind == "events/call"]
    summary = next(message for kind, message in call.messages if kind == "events/summary")
    recordings = {
        message["call_id"]: message["recording_id"]
        for kind, message in call.messages
        if kind == "events/recording" and message.get("completion_code") == 1000
    }
    if not told:
        yield _row(call, summary) | {
            "start": summary["create_time"], "finish": summary["end_time"], "answer": 0,
            "disconnect_reason": summary["disconnect_reason"],
        }  # fmt: skip
    for call_id in dict.fromkeys(message["call_id"] for message in told):
        states = {
            message["call_state"]: message for message in told if message["call_id"] == call_id
        }
        last = states["Disconnected"]
        recording = recordings.get(call_id)
        yield _row(call, last) | {
            "records": f"[{recording}]" if recording else "[]",
            "start": states["Appeared"]["timestamp"], "finish": last["timestamp"],
            "answer": states.get("Connected", {}).get("timestamp", 0),
            "disconnect_reason": last["disconnect_reason"], "location": last["location"],
        }  # fmt: skip


def _row(call: Told, message: Mapping[str, Any]) -> dict[str, Any]:
    caller, callee = message["from"], message["to"]
    return {
        "records": "[]",
        "from_extension": caller.get("extension", ""), "from_number": caller.get("number", ""),
        "to_extension": callee.get("extension", ""), "to_number": callee.get("number", ""),
        "line_number": callee.get("line_number") or message.get("line_number", ""),
        "location": "", "create": call.start, "entry_id": call.entry_id,
    }  # fmt: skip
