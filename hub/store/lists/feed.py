"""A client's feed: the timeline and the changes of the client's own fields, newest first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Select, and_, or_, select

from hub.store.database import Database
from hub.store.lists.paging import MAX_CURSOR_CHARACTERS, MAX_ID, CursorError, ListPage, Row
from hub.store.models import calls, changes, connections, notes, timeline, users

#: The kind under which the journal's entries stand among the timeline's.
CHANGE = "change"
#: At one moment the timeline's entries stand before the journal's.
_RANKS = {CHANGE: 0}
Position = tuple[datetime, int, int]


def client_feed(
    database: Database,
    contact_id: int,
    kinds: Sequence[str] = (),
    manager: str = "",
    limit: int = 30,
    cursor: str | None = None,
) -> ListPage:
    """Entries of a client: {kind, id, at, …}; the timeline's have `summary` and `record_id`, those
    of changes `fields`, `action` and who did it. No kinds: all of them.

    `manager`: only what this manager did. CursorError when the cursor is not this list's.
    """
    after = _decode(cursor) if cursor else None
    rows: list[Row] = []
    wanted = [kind for kind in kinds if kind != CHANGE]
    with database.read() as db:
        if wanted or not kinds:
            entries = _entries(contact_id, wanted, manager, after).limit(limit + 1)
            rows += [dict(row) for row in db.execute(entries).mappings()]
        if not kinds or CHANGE in kinds:
            journal = _journal(contact_id, manager, after).limit(limit + 1)
            rows += [{**row, "kind": CHANGE} for row in db.execute(journal).mappings()]
        rows.sort(key=_position, reverse=True)
        more, rows = len(rows) > limit, rows[:limit]
        _add_notes(db, rows)
    return ListPage(rows, _encode(_position(rows[-1])) if more else None)


def _entries(
    contact_id: int, kinds: Sequence[str], manager: str, after: Position | None
) -> Select[Any]:
    entry, query = timeline.c, _every_entry().where(timeline.c.contact_id == contact_id)
    if kinds:
        query = query.where(entry.kind.in_(kinds))
    if manager:
        query = query.where(entry.summary["manager"].as_string() == manager)
    if after:
        at, rank, key = after
        # Behind an entry of the journal all of that moment have been shown.
        same = and_(entry.occurred_at == at, entry.id < key) if rank else None
        earlier = entry.occurred_at < at
        query = query.where(or_(earlier, same) if same is not None else earlier)
    return query


@cache
def _every_entry() -> Select[Any]:
    entry = timeline.c
    return (
        select(timeline, entry.occurred_at.label("at"), connections.c.name.label("connection"))
        .outerjoin(connections, connections.c.id == entry.connection_id)
        .order_by(entry.occurred_at.desc(), entry.id.desc())
    )


def _journal(contact_id: int, manager: str, after: Position | None) -> Select[Any]:
    entry, query = changes.c, _every_change().where(changes.c.record_id == contact_id)
    if manager:
        query = query.where(users.c.email == manager)
    if after:
        at, rank, key = after
        query = query.where(entry.at <= at) if rank else query.where(entry.id < key)
    return query


@cache
def _every_change() -> Select[Any]:
    return (
        select(changes, users.c.email.label("user_email"), users.c.name.label("user_name"))
        .outerjoin(users, users.c.id == changes.c.user_id)
        .where(changes.c.entity == "contact")
        # The journal is written in order of time.
        .order_by(changes.c.id.desc())
    )


def _add_notes(db: Any, rows: list[Row]) -> None:
    """Notes with their text as it is now; calls with what a player needs."""
    ids = [row["record_id"] for row in rows if row["kind"] == "note"]
    texts = {}
    if ids:
        query = select(notes).where(notes.c.id.in_(ids))
        texts = {row["id"]: dict(row) for row in db.execute(query).mappings()}
    heard = [row["record_id"] for row in rows if row["kind"] == "call"]
    sounds = {}
    if heard:
        names = ("id", "connection_id", "recording_id", "direction", "from_number", "to_number")
        query = select(*(calls.c[name] for name in names)).where(calls.c.id.in_(heard))
        sounds = {row["id"]: dict(row) for row in db.execute(query).mappings()}
    for row in rows:
        if row["kind"] == "note":
            row["note"] = texts.get(row["record_id"])
        elif row["kind"] == "call":
            # Whose call it is, the page says above it.
            row["call"] = {**sounds.get(row["record_id"], {}), "contact_name": None}


def _position(row: Row) -> Position:
    return (row["at"], _RANKS.get(row["kind"], 1), row["id"])


def _encode(position: Position) -> str:
    at, rank, key = position
    raw = orjson.dumps(["feed", at.isoformat(), rank, key])
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> Position:
    try:
        if len(text) > MAX_CURSOR_CHARACTERS:
            raise ValueError
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        name, stamp, rank, key = orjson.loads(raw)
        at = datetime.fromisoformat(stamp)
        if name != "feed" or rank not in (0, 1) or type(key) is not int or at.tzinfo is None:
            raise ValueError
        if not 0 <= key <= MAX_ID:
            raise ValueError
    except (ValueError, TypeError, binascii.Error, OverflowError):
        raise CursorError(place="cursor") from None
    return at, rank, key
