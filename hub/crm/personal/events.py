"""Raw events of an erased person: emptied where they tell of nobody else, masked where they do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select, update

from hub.crm.personal.needles import Pattern, mask, mask_text
from hub.crm.personal.person import OWNED
from hub.store import emptied
from hub.store.models import attempts, changes, event_bodies, events

#: Pieces of uploaded files hold whole lists of people; they are never emptied, only masked.
FILE: Final = "file"


def redact(
    db: Connection,
    ids: Sequence[int],
    theirs: Mapping[str, Collection[int]],
    pattern: Pattern | None,
    now: datetime,
    erasure_id: int,
) -> Counter[str]:
    """Take the person out of these events; `theirs` are their records by entity."""
    shared = _shared(db, ids, theirs)
    alone = [key for key in ids if key not in shared]
    count = emptied.empty(db, alone, emptied.ERASED, now, erasure_id) if alone else 0
    done = Counter(events_emptied=count)
    for row in _bodies(db, shared) if shared and pattern else ():
        done["events_masked"] += _mask(db, row, pattern)
    return done


def _shared(db: Connection, ids: Sequence[int], theirs: Mapping[str, Collection[int]]) -> set[int]:
    """Those of the events that tell of other people too."""
    files = select(events.c.id).where(events.c.id.in_(ids), events.c.type == FILE)
    found = set(db.scalars(files))
    people = ("contact", *OWNED)
    query = select(changes.c.event_id, changes.c.entity, changes.c.record_id)
    about = (changes.c.event_id.in_(ids), changes.c.entity.in_(people))
    for row in db.execute(query.where(*about)):
        if row.record_id not in theirs.get(row.entity, ()):
            found.add(row.event_id)
    return found


def _bodies(db: Connection, ids: Collection[int]) -> Sequence[Any]:
    query = select(event_bodies).where(event_bodies.c.event_id.in_(sorted(ids)))
    return db.execute(query).all()


def _mask(db: Connection, row: Any, pattern: Pattern | None) -> int:
    """Mask the person in one event; 1 when there was something to mask."""
    if pattern is None:
        return 0
    body, count = mask(bytes(row.body), pattern)
    values: dict[str, Any] = {"body": body}
    for name in ("path", "query"):
        values[name], more = mask_text(getattr(row, name), pattern)
        count += more
    headers = []
    for name, value in row.headers:
        masked, more = mask_text(value, pattern)
        headers.append([name, masked])
        count += more
    count += _mask_words(db, row.event_id, pattern)
    if not count:
        return 0
    db.execute(
        update(event_bodies)
        .where(event_bodies.c.event_id == row.event_id)
        .values({**values, "headers": headers})
    )
    return 1


def _mask_words(db: Connection, event_id: int, pattern: Pattern) -> int:
    """What was said of the event's failures."""
    count = 0
    said = db.scalar(select(events.c.error_message).where(events.c.id == event_id))
    if said:
        text, count = mask_text(said, pattern)
        if count:
            db.execute(update(events).where(events.c.id == event_id).values(error_message=text))
    about = (attempts.c.subject == "event", attempts.c.subject_id == event_id)
    for row in db.execute(select(attempts).where(*about)).all():
        values = {}
        for name in ("request", "reply", "error_message"):
            text, more = mask_text(getattr(row, name) or "", pattern)
            if more:
                values[name] = text
        if values:
            count += 1
            db.execute(update(attempts).where(attempts.c.id == row.id).values(values))
    return count
