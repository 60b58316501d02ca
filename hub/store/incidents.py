"""Incidents: troubles of one cause, from opening to recovery; each turn is told once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from hub.store.database import Database
from hub.store.lists.paging import ListPage, Order, as_dicts, connection_id_of, fetch_page
from hub.store.models import connections, incidents, notices
from hub.store.notice_channels import due_at, listening

OPEN, ACKNOWLEDGED, MUTED, RESOLVED = "open", "acknowledged", "muted", "resolved"
LIVE = (OPEN, ACKNOWLEDGED, MUTED)
WARNING, CRITICAL = "warning", "critical"
#: A trouble that is not found for so long is over; a shorter gap is none.
CALM = timedelta(seconds=60)
#: How often an incident that goes on is written down as seen.
RENEW = timedelta(seconds=20)


@dataclass(frozen=True)
class Finding:
    """A trouble that is there now. `kind`, `connection_id` and `cause` make it the same one."""

    kind: str
    severity: str
    cause: str = ""
    connection_id: int | None = None
    subject: str = ""
    count: int = 1
    message: str = ""
    #: Ids of what to look at; of what, the kind tells.
    samples: Sequence[int] = field(default=())

    @property
    def key(self) -> str:
        """What an incident of this trouble is known by."""
        return f"{self.kind}:{self.connection_id or ''}:{self.cause}"[:200]


@dataclass(frozen=True)
class Turn:
    """What became of an incident: opened, reopened or recovered."""

    incident_id: int
    transition: int
    event: str
    severity: str
    message: str


def settle(db: Connection, findings: Iterable[Finding], now: datetime, zone: Any) -> list[Turn]:
    """Open, renew, reopen and resolve incidents by what was found; each turn is put down as a
    notice to every channel that listens for it."""
    found = {one.key: one for one in findings}
    known = _known(db, found)
    turns = []
    for key, finding in found.items():
        turn = _found(db, known.get(key), finding, now)
        if turn is not None:
            turns.append(turn)
    for row in known.values():
        if row.key not in found and row.state in LIVE and row.seen_at <= now - CALM:
            turns += _recovered(db, row, now)
    _tell(db, turns, now, zone)
    return turns


def _known(db: Connection, found: Mapping[str, Finding]) -> dict[str, Row[Any]]:
    # A row has a method of the column's own name.
    query = select(incidents, incidents.c["count"].label("number"))
    rows = list(db.execute(query.where(incidents.c.state.in_(LIVE))))
    if found:
        rows += db.execute(query.where(incidents.c.key.in_(list(found))))
    return {row.key: row for row in rows}


def _found(db: Connection, row: Row[Any] | None, one: Finding, now: datetime) -> Turn | None:
    shown = {
        "count": one.count,
        "message": one.message,
        "severity": one.severity,
        "subject": one.subject,
        "samples": list(one.samples),
    }
    if row is None:
        values = {
            **shown,
            "key": one.key,
            "kind": one.kind,
            "connection_id": one.connection_id,
            "cause": one.cause,
            "opened_at": now,
            "seen_at": now,
        }
        done = db.execute(insert(incidents).values(values).returning(incidents.c.id))
        return Turn(int(done.scalar_one()), 1, "opened", one.severity, one.message)
    is_over = row.state == MUTED and row.muted_until is not None and row.muted_until <= now
    if row.state == RESOLVED or is_over:
        number = row.transition + 1
        _update(
            db,
            row.id,
            **shown,
            state=OPEN,
            seen_at=now,
            opened_at=row.opened_at if is_over else now,
            resolved_at=None,
            muted_until=None,
            actor="",
            note="",
            transition=number,
            openings=row.openings + (not is_over),
        )
        return Turn(row.id, number, "reopened", one.severity, one.message)
    if row.number != one.count or row.message != one.message or row.seen_at <= now - RENEW:
        _update(db, row.id, **shown, seen_at=now)
    return None


def _recovered(db: Connection, row: Row[Any], now: datetime) -> list[Turn]:
    number = row.transition + 1
    _update(db, row.id, state=RESOLVED, resolved_at=now, muted_until=None, transition=number)
    if row.state == MUTED:
        return []
    return [Turn(row.id, number, "recovered", row.severity, row.message)]


def _update(db: Connection, incident_id: int, **values: Any) -> None:
    db.execute(update(incidents).where(incidents.c.id == incident_id).values(values))


def _tell(db: Connection, turns: Sequence[Turn], now: datetime, zone: Any) -> None:
    if not turns:
        return
    rows = [
        {
            "incident_id": turn.incident_id,
            "channel_id": channel.id,
            "transition": turn.transition,
            "event": turn.event,
            "severity": turn.severity,
            "message": turn.message,
            "due_at": due_at(channel, turn.severity, now, zone),
            "created_at": now,
        }
        for channel in listening(db)
        for turn in turns
        if channel.severity == WARNING or turn.severity == CRITICAL
    ]
    if rows:
        db.execute(insert(notices), rows)


def acknowledge(db: Connection, incident_id: int, actor: str, note: str) -> bool:
    """Somebody sees to it: nothing more is told until it has recovered."""
    return _by_hand(db, incident_id, (OPEN,), state=ACKNOWLEDGED, actor=actor, note=note)


def mute(db: Connection, incident_id: int, actor: str, note: str, until: datetime) -> bool:
    """Nothing is told until then, its recovery neither."""
    values = {"state": MUTED, "actor": actor, "note": note, "muted_until": until}
    return _by_hand(db, incident_id, (OPEN, ACKNOWLEDGED, MUTED), **values)


def reopen(db: Connection, incident_id: int, actor: str) -> bool:
    """Take an acknowledgement or a silence back."""
    values = {"state": OPEN, "actor": actor, "note": "", "muted_until": None}
    return _by_hand(db, incident_id, (ACKNOWLEDGED, MUTED), **values)


def _by_hand(db: Connection, incident_id: int, states: Sequence[str], **values: Any) -> bool:
    done = db.execute(
        update(incidents)
        .where(incidents.c.id == incident_id, incidents.c.state.in_(states))
        .values(values)
    )
    return done.rowcount == 1


def page(
    database: Database,
    *,
    state: str = "",
    connection: str = "",
    limit: int = 50,
    cursor: str | None = None,
) -> ListPage:
    """Incidents with `connection` joined, newest first; without a state those that go on."""
    query = _joined()
    query = query.where(incidents.c.state == state) if state else query
    with database.read() as db:
        if connection:
            query = query.where(incidents.c.connection_id == connection_id_of(db, connection))
        return fetch_page(db, query, Order(incidents.c.id), limit, cursor)


def live(database: Database, limit: int = 200) -> list[dict[str, Any]]:
    """Incidents that go on: the open ones first, the most severe first."""
    query = _joined().where(incidents.c.state.in_(LIVE)).limit(limit)
    with database.read() as db:
        rows = as_dicts(db.execute(query).mappings())
    places = {name: place for place, name in enumerate(LIVE)}
    return sorted(
        rows, key=lambda row: (places[row["state"]], row["severity"] != CRITICAL, -row["id"])
    )


def get(db: Connection, incident_id: int) -> dict[str, Any] | None:
    """One incident with its notices, or None."""
    row = db.execute(_joined().where(incidents.c.id == incident_id)).mappings().first()
    if row is None:
        return None
    told = select(notices).where(notices.c.incident_id == incident_id).order_by(notices.c.id.desc())
    return {**row, "notices": as_dicts(db.execute(told.limit(50)).mappings())}


def numbers(db: Connection) -> dict[str, int]:
    """How many incidents go on, by state."""
    query = select(incidents.c.state, func.count()).where(incidents.c.state.in_(LIVE))
    return {state: int(number) for state, number in db.execute(query.group_by(incidents.c.state))}


def _joined() -> Any:
    return select(incidents, connections.c.name.label("connection")).outerjoin(
        connections, connections.c.id == incidents.c.connection_id
    )
