"""What people note about calls: a missed one that is done, a note."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import select

from hub.store.database import Database, insert_for, utc_now
from hub.store.lists.paging import Row
from hub.store.models import call_marks


def mark(database: Database, call_id: int) -> Row | None:
    """What people noted about a call; None when nothing."""
    with database.read() as db:
        row = db.execute(select(call_marks).where(call_marks.c.call_id == call_id)).mappings()
        found = row.first()
    return dict(found) if found is not None else None


def set_done(db: Db, call_id: int, actor: str) -> None:
    """Mark a missed call as handled; an empty actor takes the mark off."""
    _set(db, call_id, {"done_at": utc_now() if actor else None, "done_by": actor or None})


def set_note(db: Db, call_id: int, note: str, actor: str) -> None:
    """Keep a note on a call; an empty one removes it."""
    text = note.strip() or None
    _set(db, call_id, {"note": text, "note_at": utc_now(), "note_by": actor if text else None})


def _set(db: Db, call_id: int, values: dict[str, Any]) -> None:
    insert = insert_for(db, call_marks).values(call_id=call_id, **values)
    db.execute(insert.on_conflict_do_update(index_elements=["call_id"], set_=values))
