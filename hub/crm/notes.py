"""Notes on a client: what a person wrote, on the client's timeline, changed by its author only."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from hub.crm.timeline import EXCERPT
from hub.sdk.errors import Rejected
from hub.store import audit
from hub.store.database import utc_now
from hub.store.kept_answers import Also
from hub.store.models import contacts, notes, timeline
from hub.store.store import Store

MAX_CHARACTERS: Final = 10_000


class NoteError(Rejected):
    """This note cannot be written."""

    code = "note"


def add_note(
    store: Store,
    contact_id: int,
    text: str,
    author: str,
    user_id: int | None = None,
    also: Also | None = None,
) -> int:
    """Write a note; returns its id. NoteError when it is empty or nobody's. `also` is done in the
    same transaction."""
    words = _checked(text)
    with store.database.write() as db:
        contact = db.execute(select(contacts.c.id).where(contacts.c.id == contact_id)).first()
        if contact is None:
            raise NoteError("there is no such contact")
        now = utc_now()
        values: dict[str, Any] = {"contact_id": contact_id, "text": words, "author": author}
        values |= {"user_id": user_id, "created_at": now, "updated_at": now}
        done = db.execute(insert(notes).values(values).returning(notes.c.id))
        note_id = int(done.scalar_one())
        db.execute(
            insert(timeline).values(
                contact_id=contact_id,
                kind="note",
                record_id=note_id,
                occurred_at=now,
                summary=_summary(author, words),
            )
        )
        _touch(db, contact_id)
        audit.record(db, author, "add note", "contact", contact_id, {"note": note_id})
        if also is not None:
            also(db, note_id)
    return note_id


def change_note(store: Store, contact_id: int, note_id: int, text: str, author: str) -> None:
    """Write the note anew. NoteError when it is somebody else's, taken back or empty."""
    words = _checked(text)
    with store.database.write() as db:
        _own(db, contact_id, note_id, author)
        values = {"text": words, "updated_at": utc_now()}
        db.execute(update(notes).where(notes.c.id == note_id).values(values))
        entry = update(timeline).where(timeline.c.kind == "note", timeline.c.record_id == note_id)
        db.execute(entry.values(summary=_summary(author, words)))
        audit.record(db, author, "edit note", "contact", contact_id, {"note": note_id})


def remove_note(store: Store, contact_id: int, note_id: int, author: str) -> None:
    """Take the note back: it leaves the timeline. NoteError as for a change."""
    with store.database.write() as db:
        _own(db, contact_id, note_id, author)
        db.execute(update(notes).where(notes.c.id == note_id).values(deleted_at=utc_now()))
        db.execute(
            timeline.delete().where(timeline.c.kind == "note", timeline.c.record_id == note_id)
        )
        audit.record(db, author, "remove note", "contact", contact_id, {"note": note_id})


def _summary(author: str, text: str) -> dict[str, str]:
    return {"manager": author, "excerpt": text[:EXCERPT]}


def _checked(text: str) -> str:
    words = text.replace("\0", "").replace("\r\n", "\n").strip()
    if not words:
        raise NoteError("the note is empty")
    if len(words) > MAX_CHARACTERS:
        raise NoteError("the note is longer than 10000 characters")
    return words


def _own(db: Connection, contact_id: int, note_id: int, author: str) -> None:
    query = select(notes.c.author).where(
        notes.c.id == note_id, notes.c.contact_id == contact_id, notes.c.deleted_at.is_(None)
    )
    found = db.execute(query.with_for_update()).first()
    if found is None:
        raise NoteError("there is no such note")
    if found.author != author:
        raise NoteError("only the author changes a note")


def _touch(db: Connection, contact_id: int) -> None:
    db.execute(
        update(contacts).where(contacts.c.id == contact_id).values(last_activity_at=utc_now())
    )
