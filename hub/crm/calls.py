"""One call from all its messages, in any order: legs, summary and recordings become one row.

Every part keeps what it said; the row is derived from the parts anew each time. Keeping is
commutative and idempotent, deriving is a function, so order and repetition cannot matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hub.crm.fold import digest_of

#: What a part may say about the call itself.
ATTRIBUTES = (
    "direction", "from_number", "to_number", "line_number", "extension", "manager", "outcome",
    "status", "started_at", "answered_at", "ended_at", "wait_seconds", "talk_seconds",
    "recording_id", "recording_url",
)  # fmt: skip
DERIVED = (
    "direction", "status", "from_number", "to_number", "line_number", "extension", "started_at",
    "answered_at", "ended_at", "wait_seconds", "talk_seconds", "recording_id", "recording_url",
    "manager",
)  # fmt: skip
KEPT = (*ATTRIBUTES, "leg_state", "leg_at", "leg_place")
#: A leg where nobody is called: the voice menu.
MENU = "ivr"
_TIMES = ("started_at", "answered_at", "ended_at")
_MOMENTS = (*_TIMES, "leg_at")
_UNANSWERED = {"busy": "busy", "failed": "failed", "voicemail": "voicemail"}


def add_part(
    parts: Mapping[str, Any],
    part: str,
    fields: Mapping[str, Any],
    version: str,
    event_id: int | None = None,
) -> dict[str, Any]:
    """Return the parts with this message added; equal parts when it says nothing new.

    A part keeps the word of each event, so that a replay with a mended mapping takes the place of
    what the same event said before.
    """
    key, digest = part or "summary", digest_of(fields)
    said = {name: _plain(fields[name]) for name in KEPT if fields.get(name) is not None}
    mine = {"v": version, "d": digest, "said": said}
    words = {
        source: word
        for source, word in (parts.get(key) or {}).items()
        if source != str(event_id or "")
    }
    if not any((word["v"], word["d"]) == (version, digest) for word in words.values()):
        words[str(event_id or digest)] = mine
    return {**parts, key: words}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def derive(parts: Mapping[str, Any]) -> dict[str, Any]:
    """The call's columns from its parts. Times are aware; seconds are whole and never negative."""
    summary = _said(parts.get("summary"))
    legs = [_leg(parts[name]) for name in sorted(parts) if name.startswith("leg:")]
    if len(legs) > 1:
        for leg in legs:
            leg["order"] = digest_of(leg["said"])
        legs.sort(key=lambda leg: (leg["appeared"] or leg["first"] or "9", leg["order"]))
    call: dict[str, Any] = dict.fromkeys(DERIVED)
    call.update(_from_legs(legs))
    call.update({name: value for name, value in summary.items() if name in call})
    if "started_at" in summary and "talk_seconds" not in summary and "ended_at" in summary:
        # A summary that names no answer says that there was none.
        call["answered_at"] = summary.get("answered_at")
    for name in sorted(parts):
        if name.startswith("recording:"):
            recording = _said(parts[name])
            for field in ("recording_id", "recording_url"):
                call[field] = recording.get(field) or call[field]
    for name in _TIMES:
        call[name] = datetime.fromisoformat(call[name]) if call[name] else None
    outcome = summary.get("outcome") or next(
        (leg["said"]["outcome"] for leg in reversed(legs) if leg["said"].get("outcome")), None
    )
    call["status"] = _status(call, summary, outcome)
    _seconds(call, summary)
    return call


def legs(parts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where the call rang: manager, extension, place (ivr, queue, …), and when each leg appeared,
    connected and ended; moments that were not told are None. In the order they appeared."""
    found = []
    for name in parts:
        if not name.startswith("leg:"):
            continue
        leg = _leg(parts[name])
        places = {word["said"].get("leg_place") for word in parts[name].values()} - {None}
        moments = {state: _moment(leg[state]) for state in ("appeared", "connected", "ended")}
        said = leg["said"]
        found.append(
            {
                "manager": str(said.get("manager") or "").strip().lower() or None,
                "extension": said.get("extension"),
                "place": min(places, default=""),
                **moments,
            }
        )
    return sorted(found, key=lambda leg: str(leg["appeared"] or leg["connected"] or "9"))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def is_told(parts: Mapping[str, Any]) -> bool:
    """Whether the call is told to its end; of legs nobody knows which is the last."""
    return "summary" in parts


def last_moment(parts: Mapping[str, Any]) -> datetime | None:
    """The latest moment any message of the call tells of; the same in whatever order they came."""
    told = [
        word["said"][name]
        for part in parts.values()
        for word in part.values()
        for name in _MOMENTS
        if word["said"].get(name)
    ]
    return datetime.fromisoformat(max(told)) if told else None


def _said(part: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the part says of each attribute: the newest word about it."""
    found: dict[str, Any] = {}
    newest: dict[str, tuple[str, str]] = {}
    for word in (part or {}).values():
        stamp = (word["v"], word["d"])
        for name, value in word["said"].items():
            if name in ATTRIBUTES and (name not in newest or newest[name] < stamp):
                newest[name], found[name] = stamp, value
    return found


def _leg(part: Mapping[str, Any]) -> dict[str, Any]:
    states: dict[str, str] = {}
    for word in part.values():
        state, at = word["said"].get("leg_state"), word["said"].get("leg_at")
        if state and at:
            pick = max if state == "disconnected" else min
            states[state] = pick(states.get(state, at), at)
    said = _said(part)
    return {
        "said": said,
        "appeared": states.get("appeared"),
        "connected": states.get("connected"),
        "ended": states.get("disconnected"),
        "first": min(states.values(), default=None),
        #: Settles which of two legs of one moment comes first.
        "order": "",
    }


def _from_legs(legs: list[dict[str, Any]]) -> dict[str, Any]:
    if not legs:
        return {}
    first = next((leg for leg in legs if leg["first"]), legs[0])
    answered = [leg for leg in legs if leg["connected"]]
    call: dict[str, Any] = {}
    for name in ("direction", "from_number", "to_number", "line_number"):
        call[name] = next((leg["said"][name] for leg in legs if leg["said"].get(name)), None)
    call["started_at"] = first["first"]
    if answered:
        by_time = min(answered, key=lambda leg: (leg["connected"], leg["order"]))
        call["answered_at"] = by_time["connected"]
        chosen = by_time
    else:
        chosen = next((leg for leg in reversed(legs) if leg["said"].get("extension")), first)
    for name in ("extension", "manager"):
        call[name] = chosen["said"].get(name)
    if all(leg["ended"] for leg in legs):
        call["ended_at"] = max(leg["ended"] for leg in legs)
    return call


def _status(call: Mapping[str, Any], summary: Mapping[str, Any], outcome: str | None) -> str | None:
    if summary.get("status"):
        return str(summary["status"])
    if call["answered_at"] or (summary.get("talk_seconds") or 0) > 0:
        return "answered"
    if call["ended_at"] is None and not summary:
        return None
    return _UNANSWERED.get(outcome or "", "missed")


def _seconds(call: dict[str, Any], summary: Mapping[str, Any]) -> None:
    started, answered, ended = (call[name] for name in _TIMES)
    if call["wait_seconds"] is None and started and (answered or ended):
        call["wait_seconds"] = max(0, int(((answered or ended) - started).total_seconds()))
    if call["talk_seconds"] is None and ended:
        talked = int((ended - answered).total_seconds()) if answered else 0
        call["talk_seconds"] = max(0, talked)


def client_number(call: Mapping[str, Any]) -> str | None:
    """The outside party's number: who called in, or who was called."""
    name = {"in": "from_number", "out": "to_number"}.get(str(call.get("direction")))
    number = call.get(name) if name else None
    return str(number) if number and str(number).startswith("+") else None
