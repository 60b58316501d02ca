"""Events whose raw request is gone: erased with a person, or older than hub.yml lets them be kept.

The event itself stays, with its key: a repeat of it is still known. Who replays it is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select, update

from hub.store.models import attempts, event_bodies, events

#: They stand where the request's method stood; no sender can send them.
ERASED: Final = "ERASED"
EXPIRED: Final = "EXPIRED"
MARKS: Final = frozenset({ERASED, EXPIRED})


#: Headers of an emptied request: when (by its mark), and by which erasure.
_AT: Final = {mark: f"X-Uzel-{mark.title()}" for mark in MARKS}
_BY: Final = "X-Uzel-Erasure"


@dataclass(frozen=True)
class Gone:
    """Why an event's raw request is no longer there, since when, by which erasure if by one."""

    mark: str
    at: datetime | None
    erasure_id: int | None


def told(request: Mapping[str, Any] | None) -> Gone | None:
    """What an emptied request says of itself; None for one that is still there."""
    if request is None or request["method"] not in MARKS:
        return None
    said = dict(request["headers"])
    at, by = said.get(_AT[request["method"]]), said.get(_BY, "")
    moment = datetime.fromisoformat(at) if at else None
    return Gone(request["method"], moment, int(by) if by.isdecimal() else None)


def marks_of(db: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Those of the events whose raw request is gone, with the mark that says why."""
    query = select(event_bodies.c.event_id, event_bodies.c.method).where(
        event_bodies.c.event_id.in_(ids), event_bodies.c.method.in_(MARKS)
    )
    return {row.event_id: row.method for row in db.execute(query)}


def empty(
    db: Connection, ids: Sequence[int], mark: str, now: datetime, erasure_id: int | None = None
) -> int:
    """Take the raw requests of these events away; returns how many still had one.

    A worker that read one before marks nothing: its generation has passed.
    """
    done = db.execute(
        update(event_bodies)
        .where(event_bodies.c.event_id.in_(ids), event_bodies.c.method.not_in(MARKS))
        .values(
            method=mark,
            path="",
            query="",
            headers=[
                [_AT[mark], now.isoformat()],
                *([[_BY, str(erasure_id)]] if erasure_id else []),
            ],
            remote_addr="",
            body=b"",
        )
    )
    db.execute(
        update(events)
        .where(events.c.id.in_(ids), events.c.status.in_(("received", "waiting")))
        .values(generation=events.c.generation + 1, retry_at=None, status="received")
    )
    if mark == ERASED:
        _silence(db, ids, now)
    return int(done.rowcount)


def _silence(db: Connection, ids: Sequence[int], now: datetime) -> None:
    """What was said of their failures may quote what they held."""
    about = (attempts.c.subject == "event", attempts.c.subject_id.in_(ids))
    db.execute(update(attempts).where(*about).values(request=None, reply=None, error_message=None))
    db.execute(update(events).where(events.c.id.in_(ids)).values(error_message=None))
    # Nobody can mend them any more.
    db.execute(
        update(events)
        .where(events.c.id.in_(ids), events.c.status == "dead")
        .values(status="ignored", error_code="ignored", finished_at=now)
    )
