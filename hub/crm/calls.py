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
_TIMES = ("started_at", "answered_at", "ended_at")
_UNANSWERED = {"busy": "busy", "failed": "failed", "voicemail": "voicemail"}


def add_part(
    parts: Mapping[str, Any], part: str, fields: Mapping[str, Any], version: str
) -> dict[str, Any]:
    """Return the parts with this message added; equal parts when it says nothing new."""
    kept: dict[str, Any] = {name: dict(value) for name, value in parts.items()}
    key = part or "summary"
    mine = kept.setdefault(key, {"said": {}, "states": {}})
    said = dict(mine["said"])
    stamp = [version, digest_of(fields)]
    for name in ATTRIBUTES:
        if fields.get(name) is None:
            continue
        value = fields[name]
        value = value.isoformat() if isinstance(value, datetime) else value
        if name not in said or said[name][1:] < stamp:
            said[name] = [value, *stamp]
    states = dict(mine["states"])
    state, at = fields.get("leg_state"), fields.get("leg_at")
    if state and at is not None:
        stamp_at = at.isoformat() if isinstance(at, datetime) else str(at)
        former = states.get(state)
        pick = max if state == "disconnected" else min
        states[state] = stamp_at if former is None else pick(former, stamp_at)
    kept[key] = {"said": said, "states": states}
    return kept


def derive(parts: Mapping[str, Any]) -> dict[str, Any]:
    """The call's columns from its parts. Times are aware; seconds are whole and never negative."""
    summary = _said(parts.get("summary"))
    legs = [_leg(parts[name]) for name in sorted(parts) if name.startswith("leg:")]
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


def _said(part: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value[0] for name, value in (part or {"said": {}})["said"].items()}


def _leg(part: Mapping[str, Any]) -> dict[str, Any]:
    states = part["states"]
    return {
        "said": _said(part),
        "appeared": states.get("appeared"),
        "connected": states.get("connected"),
        "ended": states.get("disconnected"),
        "first": min(states.values(), default=None),
        "order": digest_of(part["said"]),
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
