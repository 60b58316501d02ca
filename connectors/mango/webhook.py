"""Mango Office VPBX: its signed messages about calls, read into source records.

Follows «MANGO OFFICE VPBX API» (text of 2026; signature and events as in v1.9 of 2018). Mango adds
`/events/call`, `/events/summary`, … to the address an admin gives and posts three form fields:
vpbx_api_key, sign, json. It looks only at the HTTP status of the reply.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from connectors.mango import message
from hub.sdk import signatures
from hub.sdk.connection import Connection
from hub.sdk.errors import HubError, Ignored, PayloadError, SignatureError
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event, RawRequest

LEG_STATES: Final = {
    "Appeared": "appeared",
    "Connected": "connected",
    "OnHold": "on_hold",
    "Disconnected": "disconnected",
}
SUMMARY_DIRECTIONS: Final[dict[int | None, str]] = {0: "internal", 1: "in", 2: "out"}

#: A person's phone; a leg of the menu (ivr) or of a queue is connected without anyone answering.
PERSON: Final = "abonent"

#: disconnect_reason by its longest known beginning → what became of an unanswered call: for the
#: client who called us, for the one we called. Absent codes (1100 normal, 1110 and 1120 hung up,
#: 1181 ended by API, 1182 intercepted) do not tell.
REASONS: Final = {
    "1111": ("missed", "missed"),  # no answer
    "1121": ("busy", "busy"),
    "1122": ("missed", "busy"),  # rejected
    "1123": ("missed", "busy"),  # do not disturb
    "1124": ("missed", "busy"),  # do not disturb
    "1131": ("missed", "failed"),  # unavailable
    "1133": ("failed", "failed"),  # no such number
    "1151": ("failed", "failed"),  # blacklisted
    "1163": ("missed", "missed"),  # waited in the queue too long
    "1164": ("missed", "missed"),  # no agents in the queue
    "1170": ("missed", "missed"),  # ended in the menu
    "1192": ("missed", "missed"),  # out of schedule
    "131": ("voicemail", "voicemail"),  # answering machine
    "2": ("failed", "failed"),  # billing
    "32": ("failed", "failed"),  # bad number
    "42": ("missed", "failed"),  # unreachable
    "5": ("failed", "failed"),  # failure
}

#: Messages Mango sends to every address, which say nothing about a call's record.
NOT_KEPT: Final = {
    "events/record/tagged": "tags of recordings are not kept",
    "events/dtmf": "keys pressed in the menu are not kept",
    "events/sms": "text messages are not kept",
}

RECORDING_KEPT: Final = 1000
#: Sorts after every seq: a file that can be downloaded is the last word about a recording.
LAST_VERSION: Final = "9999999999"


def verify(request: RawRequest, connection: Connection, now: datetime) -> None:
    """Check the key and sign = sha256(key + json + salt), hex, over json's exact bytes.

    Several keys and salts may be valid at once. The vendor stamps no time, so `now` is not used.
    Raises SignatureError.
    """
    fields = message.form(request)
    if "sign" not in fields or "json" not in fields:
        raise SignatureError("this is not a message of Mango: it has no fields sign and json")
    key = fields.get("vpbx_api_key", b"")
    given = key.decode("utf-8", "surrogateescape")
    signatures.require_any([given], connection.secrets.all("api_key"), "vpbx_api_key")
    expected = [
        hashlib.sha256(key + fields["json"] + salt.encode()).hexdigest()
        for salt in connection.secrets.all("api_salt")
    ]
    signatures.require_any([fields["sign"].decode("latin-1").lower()], expected)


def event_key(request: RawRequest, connection: Connection) -> str:
    """Mango gives a message no id: the body's hash tells repeats."""
    return ""


def event_type(request: RawRequest, connection: Connection) -> str:
    """The fixed path that Mango adds to the address, `events/call`."""
    return request.path.strip("/")[:100]


def ordering_key(request: RawRequest, connection: Connection) -> str:
    """The call's entry_id, which stays through transfers; empty when there is none."""
    try:
        return message.identifier(message.load(request), "entry_id")
    except HubError:
        return ""


def parse(event: Event, connection: Connection) -> Iterable[SourceRecord]:
    """Read one message into one part of a call.

    Raises Ignored for what the hub does not keep, PayloadError for what cannot be understood.
    """
    kind = event_type(event.request, connection)
    reader = READERS.get(kind)
    if reader is None:
        raise Ignored(_why_ignored(kind))
    return [reader(message.load(event.request), event, connection)]


def _why_ignored(kind: str) -> str:
    if kind in NOT_KEPT:
        return NOT_KEPT[kind]
    if kind.startswith("result/"):
        return f"«{kind}» tells how a command ended; the call itself comes in messages of its own"
    return (
        f"«{kind}» is not a path Mango adds; the address in its account must end with "
        "the connection's name"
    )


def _leg(data: dict[str, Any], event: Event, connection: Connection) -> SourceRecord:
    """events/call: one change of one leg; seq counts within the leg, messages come in any order."""
    entry_id, call_id = message.identifier(data, "entry_id"), message.identifier(data, "call_id")
    word = message.text(data.get("call_state"))
    if not word:
        raise PayloadError("call_state is missing")
    if word not in LEG_STATES:
        raise Ignored(f"«{word[:40]}» is not a known call_state")
    occurred_at = message.correct_times(data, "timestamp", event.received_at, connection)
    seq = message.integer(data.get("seq"))
    location = message.text(data.get("location")).lower() or PERSON
    direction = _leg_direction(data, location)
    state = LEG_STATES[word]
    if state == "connected" and location != PERSON:
        state = "appeared"
    outcome = _reason_outcome(data, direction) if state == "disconnected" else ""
    return SourceRecord(
        entity="call",
        external_id=entry_id,
        part=f"leg:{call_id}",
        version=_version(data["timestamp"] if seq is None else seq),
        data=_with_computed(data, direction, outcome=outcome, leg_state=state),
        occurred_at=occurred_at,
    )


def _leg_direction(data: Mapping[str, Any], location: str) -> str:
    """The call's direction as a leg shows it; empty when the leg cannot know.

    After a transfer a leg joins whoever was left, employees or not, whoever began the call.
    """
    caller, callee = message.party(data, "from"), message.party(data, "to")
    if str(caller.get("was_transferred")).lower() in {"1", "true"}:
        return ""
    if not message.text(caller.get("extension")):
        return "in"
    if caller.get("taken_from_call_id") or callee.get("taken_from_call_id"):
        return ""
    return "internal" if message.text(callee.get("extension")) or location != PERSON else "out"


def _summary(data: dict[str, Any], event: Event, connection: Connection) -> SourceRecord:
    """events/summary: the last word about a call."""
    return summary_of(data, event.received_at, connection)


def summary_of(data: dict[str, Any], told_at: datetime, connection: Connection) -> SourceRecord:
    """A summary that Mango told at this moment. talk_time decides, entry_result does not: Mango
    sets it to 1 for a call that ended in the menu.
    """
    entry_id = message.identifier(data, "entry_id")
    occurred_at = message.correct_times(data, "end_time", told_at, connection)
    if not data.get("create_time"):
        raise PayloadError("create_time is missing")
    data.setdefault("talk_time", None)
    said = SUMMARY_DIRECTIONS.get(message.integer(data.get("call_direction")))
    direction = said or _leg_direction(data, PERSON)
    outcome = "answered" if data["talk_time"] else _reason_outcome(data, direction) or "missed"
    return SourceRecord(
        entity="call",
        external_id=entry_id,
        part="summary",
        version=_version(data["end_time"]),
        data=_with_computed(data, direction, outcome=outcome),
        occurred_at=occurred_at,
    )


def _recording(data: dict[str, Any], event: Event, connection: Connection) -> SourceRecord:
    """events/recording: only a finished recording that was kept can be listened to."""
    state = message.text(data.get("recording_state"))
    code = message.integer(data.get("completion_code"))
    if state != "Completed":
        raise Ignored(f"the recording is not finished (recording_state «{state[:40]}»)")
    if code not in {None, RECORDING_KEPT}:
        raise Ignored(f"Mango did not keep the recording (completion_code {code})")
    return _recorded(data, _version(message.integer(data.get("seq")) or 0), event, connection)


def _record_added(data: dict[str, Any], event: Event, connection: Connection) -> SourceRecord:
    """events/record/added: the recording's file can be downloaded now."""
    return _recorded(data, LAST_VERSION, event, connection)


def _recorded(
    data: dict[str, Any], version: str, event: Event, connection: Connection
) -> SourceRecord:
    recording_id = message.identifier(data, "recording_id")
    return SourceRecord(
        entity="call",
        external_id=message.identifier(data, "entry_id"),
        part=f"recording:{recording_id}",
        version=version,
        occurred_at=message.correct_times(data, "timestamp", event.received_at, connection),
        data=data,
    )


READERS: Final[dict[str, Callable[[dict[str, Any], Event, Connection], SourceRecord]]] = {
    "events/call": _leg,
    "events/summary": _summary,
    "events/recording": _recording,
    "events/record/added": _record_added,
}


def _with_computed(data: Mapping[str, Any], direction: str, **more: str) -> dict[str, Any]:
    """Vendor's data plus what it says in a roundabout way; nothing is added for «unknown»."""
    caller, callee = message.party(data, "from"), message.party(data, "to")
    line = message.number(data.get("line_number")) or message.number(callee.get("line_number"))
    from_extension, to_extension = (
        message.text(side.get("extension")) for side in (caller, callee)
    )
    computed = {
        "direction": direction,
        "extension": from_extension if direction == "out" else to_extension,
        "from_number": from_extension or message.number(caller.get("number")),
        "to_number": to_extension
        or message.number(callee.get("number"))
        or (line if direction == "in" else ""),
        "line": line,
        **more,
    }
    known = dict(data)
    for name, value in computed.items():
        if value:
            known[name] = value
    return known


def _reason_outcome(data: Mapping[str, Any], direction: str) -> str:
    """What disconnect_reason says about an unanswered call; empty when it does not tell."""
    code = str(message.integer(data.get("disconnect_reason")))
    if len(code) != 4:
        return ""
    for length in (4, 3, 2, 1):
        if code[:length] in REASONS:
            incoming, outgoing = REASONS[code[:length]]
            return incoming if direction == "in" else outgoing
    return ""


def _version(number: int) -> str:
    return f"{min(max(number, 0), int(LAST_VERSION) - 1):010d}"
