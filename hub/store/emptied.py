"""Events whose raw request is gone: erased with a person, or older than hub.yml lets them be kept.

The event itself stays, with its key: a repeat of it is still known. Who replays it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, update

from hub.store.models import attempts, event_bodies, events

#: They stand where the request's method stood; no sender can send them.
ERASED: Final = "ERASED"
EXPIRED: Final = "EXPIRED"
MARKS: Final = frozenset({ERASED, EXPIRED})


def empty(db: Connection, ids: Sequence[int], mark: str, now: datetime) -> int:
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
            headers=[[f"X-Uzel-{mark.title()}", now.isoformat()]],
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
