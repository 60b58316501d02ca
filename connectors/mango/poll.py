"""What Mango says happened: its statistics told as the summaries that its webhooks send."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.mango import message, stats
from connectors.mango.webhook import summary_of
from hub.sdk.connection import Connection
from hub.sdk.records import SourceRecord

#: Mango refuses periods of thirty days and more.
PERIOD: Final = timedelta(days=7)
#: A call that begins before the end of a period has its later legs after it.
LONGEST_CALL: Final = timedelta(hours=4)
DIRECTIONS: Final = {"internal": 0, "in": 1, "out": 2}
Leg = Mapping[str, str]


def history(connection: Connection, since: datetime, until: datetime) -> Iterator[SourceRecord]:
    """The summary of every call that began in the period, `since` included, `until` not.

    After each summary come the call's recordings, as parts of the same record. Raises what
    `stats.legs` does.
    """
    begin = since
    while begin < until:
        end = min(begin + PERIOD, until)
        calls: dict[str, list[Leg]] = defaultdict(list)
        for leg in stats.legs(connection, begin, end + LONGEST_CALL):
            calls[leg["entry_id"]].append(leg)
        for entry_id, legs in calls.items():
            if entry_id and begin <= _began(legs, connection) < end:
                yield from _told(entry_id, legs, connection)
        begin = end


def _told(entry_id: str, legs: list[Leg], connection: Connection) -> Iterator[SourceRecord]:
    said = _summary(entry_id, legs)
    summary = summary_of(said, datetime.fromtimestamp(said["end_time"], UTC), connection)
    yield summary
    for leg in legs:
        for recording in leg["records"].strip("[] ").split(","):
            if recording.strip():
                yield SourceRecord(
                    entity="call",
                    external_id=entry_id,
                    part=f"recording:{recording.strip()}",
                    version=summary.version,
                    occurred_at=summary.occurred_at,
                    data={"recording_id": recording.strip(), "entry_id": entry_id},
                )


def _summary(entry_id: str, legs: list[Leg]) -> dict[str, Any]:
    """The legs as the one message `events/summary` would be; times stay in Mango's clock."""
    ordered = sorted(legs, key=lambda leg: (_start(leg), leg["to_extension"]))
    first = ordered[0]
    talks = [leg for leg in ordered if _moment(leg, "answer") and _is_answered_by_a_person(leg)]
    ringing = [leg for leg in ordered if leg["to_extension"]]
    shown = (talks or ringing or ordered)[0]
    return {
        "entry_id": entry_id,
        "call_direction": DIRECTIONS[_direction(first, shown)],
        "from": {"extension": first["from_extension"], "number": first["from_number"]},
        "to": {"extension": shown["to_extension"], "number": shown["to_number"]},
        "line_number": next((leg["line_number"] for leg in ordered if leg["line_number"]), ""),
        "create_time": min(_start(leg) for leg in ordered),
        "talk_time": min((_moment(leg, "answer") for leg in talks), default=0),
        "end_time": max(_moment(leg, "finish") or _start(leg) for leg in ordered),
        "disconnect_reason": ordered[-1]["disconnect_reason"],
    }


def _direction(first: Leg, shown: Leg) -> str:
    if not first["from_extension"]:
        return "in"
    return "internal" if shown["to_extension"] else "out"


def _is_answered_by_a_person(leg: Leg) -> bool:
    """The menu and a queue «answer» without anyone: only a leg to or from an extension counts."""
    return bool(leg["to_extension"] or leg["from_extension"])


def _began(legs: Iterable[Leg], connection: Connection) -> datetime:
    offset = int(connection.settings.get("time_offset_seconds") or 0)
    return datetime.fromtimestamp(min(_start(leg) for leg in legs) - offset, UTC)


def _start(leg: Leg) -> int:
    return _moment(leg, "create") or _moment(leg, "start")


def _moment(leg: Leg, name: str) -> int:
    return message.integer(leg[name]) or 0
