"""Which call-backs a number's calls ask for: a function of the calls, in whatever order they came.

A call-back begins with an incoming call that nobody answered, takes in the next ones of the same
number, and ends with the next talk with the client: an answered call either way, by any of their
numbers. A try of ours that they did not answer is counted, and ends it only where the company says
so (`tasks.attempt_closes`). A person's «done» ends it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.crm.calls import client_number

UNANSWERED = frozenset({"missed", "voicemail", "busy"})
MISSED, TRIED, TALKED = "missed", "tried", "talked"


@dataclass(frozen=True)
class Mark:
    """Something that counts for the call-backs of a number. `key` settles what came first."""

    at: datetime
    kind: str
    key: str
    call: Mapping[str, Any]


@dataclass
class Episode:
    """One call-back: the missed calls, our tries, and what ended it."""

    missed: list[Mark] = field(default_factory=list)
    tries: list[Mark] = field(default_factory=list)
    end: Mark | None = None

    @property
    def first(self) -> Mark:
        """The missed call it began with."""
        return self.missed[0]

    @property
    def last(self) -> Mark:
        """The latest missed call."""
        return self.missed[-1]


def kind_of(call: Mapping[str, Any]) -> str | None:
    """What a call is for call-backs: missed, tried, talked; None: nothing (yet)."""
    direction, status = call.get("direction"), call.get("status")
    if call.get("deleted_at") or client_number(call) is None or call.get("started_at") is None:
        return None
    if status == "answered":
        return TALKED
    if call.get("is_settled") is False:
        # It may ring at another desk yet.
        return None
    if direction == "in":
        return MISSED if status in UNANSWERED else None
    return TRIED if status else None


def mark_of(call: Mapping[str, Any]) -> Mark | None:
    """The mark a call makes on its number."""
    kind = kind_of(call)
    if kind is None:
        return None
    at = call.get("answered_at") if kind == TALKED else None
    key = f"{call.get('connection_id')}:{call.get('external_id') or call.get('id')}"
    return Mark(at or call["started_at"], kind, key, call)


def episodes(
    marks: Iterable[Mark],
    ended: Iterable[Mark] = (),
    reopened: Iterable[tuple[datetime, datetime]] = (),
    *,
    attempt_closes: bool = False,
) -> list[Episode]:
    """The call-backs of one number, oldest first.

    `ended` are the moments at which a person called a call-back done; within each of `reopened`,
    (begin, end], no end counts: a person opened the call-back again at its end.
    """
    spans = list(reopened)
    found: list[Episode] = []
    current: Episode | None = None
    everything = [*marks, *ended]
    # Of one moment the missed call goes first: what happened with it answers it.
    for mark in sorted(everything, key=lambda one: (one.at, one.kind != MISSED, one.key)):
        if mark.kind == MISSED:
            if current is None:
                current = Episode()
                found.append(current)
            current.missed.append(mark)
            continue
        if current is None:
            continue
        if mark.kind == TRIED:
            current.tries.append(mark)
        closes = mark.kind != TRIED or attempt_closes
        if closes and not any(begin < mark.at <= end for begin, end in spans):
            current.end, current = mark, None
    return found


def paired(
    wanted: list[Episode], stored: Iterable[Mapping[str, Any]]
) -> tuple[list[tuple[Episode, Mapping[str, Any] | None]], list[Mapping[str, Any]]]:
    """Each episode with the task that stands for it, and the tasks that stand for none any more.

    A task follows the call it was made for; of several in one episode the one of the earliest call
    stays, those not withdrawn going first.
    """
    place = {mark.call["id"]: number for number, one in enumerate(wanted) for mark in one.missed}
    order = {mark.call["id"]: mark.at for one in wanted for mark in one.missed}
    chosen: dict[int, Mapping[str, Any]] = {}
    left: list[Mapping[str, Any]] = []
    by_age = [task for task in stored if task["call_id"] in place]
    by_age.sort(key=lambda task: (bool(task["deleted_at"]), order[task["call_id"]], task["id"]))
    left = [task for task in stored if task["call_id"] not in place]
    for task in by_age:
        number = place[task["call_id"]]
        if number in chosen:
            left.append(task)
        else:
            chosen[number] = task
    return [(one, chosen.get(number)) for number, one in enumerate(wanted)], left
