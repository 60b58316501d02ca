"""Every former shape of a connection, without its secrets: who changed it, when and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from hub.store.database import utc_now
from hub.store.models import connection_revisions

MOST = 200


@dataclass(frozen=True)
class Revision:
    """One shape a connection had."""

    number: int
    document: Mapping[str, Any]
    author: str
    note: str
    created_at: datetime


def keep_revision(
    db: Connection,
    connection_id: int,
    document: Mapping[str, Any],
    revision: int,
    author: str,
    note: str,
) -> None:
    """Keep a shape; in the transaction of the change. Secrets are left out."""
    db.execute(
        insert(connection_revisions).values(
            connection_id=connection_id,
            revision=revision,
            document={part: value for part, value in document.items() if part != "secrets"},
            author=author,
            note=note,
            created_at=utc_now(),
        )
    )


def list_revisions(db: Connection, connection_id: int, limit: int = MOST) -> list[Revision]:
    """The latest shapes, newest first."""
    table = connection_revisions
    query = (
        select(table)
        .where(table.c.connection_id == connection_id)
        .order_by(table.c.revision.desc())
        .limit(limit)
    )
    return [
        Revision(row.revision, row.document, row.author, row.note, row.created_at)
        for row in db.execute(query)
    ]


def get_revision(db: Connection, connection_id: int, number: int) -> Revision | None:
    """One former shape; None when there is none of this number."""
    table = connection_revisions
    row = db.execute(
        select(table).where(table.c.connection_id == connection_id, table.c.revision == number)
    ).first()
    if row is None:
        return None
    return Revision(row.revision, row.document, row.author, row.note, row.created_at)
