"""The rows of replays of many events: who asked, how far each is, what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from hub.store.database import Database, insert_for, utc_now
from hub.store.lists import event_pages
from hub.store.lists.event_filters import EventFilters, filters_from
from hub.store.lists.paging import ListPage, Order, fetch_page
from hub.store.models import events, replay_jobs, replayed_events, replays

OPEN = ("queued", "running")
#: Counting stops here: «more than».
COUNTED = 100_000


@dataclass(frozen=True)
class Selection:
    """Which events: these ids, or those that match."""

    ids: Sequence[int] = ()
    filters: EventFilters | None = None

    def as_json(self) -> dict[str, Any]:
        """As the row keeps it."""
        if self.filters is None:
            return {"ids": sorted(set(self.ids))}
        return {"filter": self.filters.as_dict()}


def selection_of(kept: Mapping[str, Any]) -> Selection:
    """What `as_json` wrote down."""
    if "filter" in kept:
        return Selection(filters=filters_from(kept["filter"]))
    return Selection(ids=list(kept.get("ids") or ()))


def measure(db: Connection, selection: Selection) -> tuple[int | None, int, int]:
    """How many events (at most COUNTED; None where that would cost too much), and between which
    ids they lie."""
    if selection.filters is None:
        ids = sorted(set(selection.ids))
        return len(ids), ids[0] if ids else 0, ids[-1] if ids else 0
    span = event_pages.span_of(db, selection.filters)
    return event_pages.count_up_to(db, selection.filters, COUNTED), span.low, span.high


def add(db: Connection, selection: Selection, values: Mapping[str, Any]) -> int:
    """Enter a job; returns its id."""
    total, first, last = measure(db, selection)
    most = int(values.get("most") or 0)
    if total is not None and most:
        total = min(total, most)
    now = utc_now()
    row = {
        **values,
        "selection": selection.as_json(),
        "total": None if total == COUNTED else total,
        "first_id": first,
        "last_id": last,
        "position": first - 1,
        "created_at": now,
        "updated_at": now,
    }
    return int(db.execute(insert(replay_jobs).values(row).returning(replay_jobs.c.id)).scalar_one())


def get(db: Connection, job_id: int) -> Row[Any] | None:
    """A job's row."""
    return db.execute(select(replay_jobs).where(replay_jobs.c.id == job_id)).first()


def save(db: Connection, job_id: int, **values: Any) -> bool:
    """Write how far an open job is; False when it was ended meanwhile."""
    done = db.execute(
        update(replay_jobs)
        .where(replay_jobs.c.id == job_id, replay_jobs.c.status.in_(OPEN))
        .values(updated_at=utc_now(), **values)
    )
    return done.rowcount == 1


def open_ids(db: Connection) -> list[int]:
    """Jobs that are not at their end."""
    return list(db.scalars(select(replay_jobs.c.id).where(replay_jobs.c.status.in_(OPEN))))


def page(database: Database, limit: int, cursor: str | None) -> ListPage:
    """Jobs, newest first."""
    with database.read() as db:
        return fetch_page(db, select(replay_jobs), Order(replay_jobs.c.id), limit, cursor)


def outcomes(db: Connection, ids: Sequence[int]) -> list[Row[Any]]:
    """How these events stand: id, status, error_code, error_message."""
    if not ids:
        return []
    query = select(events.c.id, events.c.status, events.c.error_code, events.c.error_message)
    return list(db.execute(query.where(events.c.id.in_(list(ids)))))


def note_events(db: Connection, replay_id: int, ids: Iterable[int]) -> None:
    """Remember which events a replay opened again."""
    rows = [{"replay_id": replay_id, "event_id": one} for one in ids]
    if rows:
        db.execute(insert_for(db, replayed_events).on_conflict_do_nothing(), rows)


def grow_replay(db: Connection, replay_id: int, by: int) -> None:
    """Count the events that a replay has opened so far."""
    db.execute(
        update(replays)
        .where(replays.c.id == replay_id)
        .values(event_count=replays.c.event_count + by)
    )


def waiting_for(db: Connection, ids: Sequence[int]) -> Counter[int]:
    """Whose events are still open, by connection id."""
    query = (
        select(events.c.connection_id, func.count())
        .where(events.c.id.in_(list(ids)), events.c.status == "received")
        .group_by(events.c.connection_id)
    )
    return Counter({int(key): int(number) for key, number in db.execute(query)})
