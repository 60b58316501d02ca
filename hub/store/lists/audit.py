"""The audit log, filtered: who did what to whom, when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from hub.store.database import Database
from hub.store.lists.in_use import values_in_use
from hub.store.lists.paging import ListPage, Order, Row, as_dicts, fetch_page
from hub.store.models import audit

#: Different values a filter offers.
MAX_CHOICES = 200


@dataclass(frozen=True)
class AuditFilters:
    """What to show; an empty filter shows everything."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    subject_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


def list_audit(
    database: Database, filters: AuditFilters, limit: int = 50, cursor: str | None = None
) -> ListPage:
    """Entries of the log, the newest first."""
    query = select(audit)
    for name in ("actor", "action", "subject", "subject_id"):
        if wanted := getattr(filters, name):
            query = query.where(audit.c[name] == wanted)
    if filters.subject_id and not filters.subject:
        # So that the index of subjects serves: there are few of them.
        query = query.where(audit.c.subject.in_(choices(database, "subject")))
    if filters.since:
        query = query.where(audit.c.at >= filters.since)
    if filters.until:
        query = query.where(audit.c.at < filters.until)
    with database.read() as db:
        return fetch_page(db, query, Order(audit.c.id, audit.c.at, "audit"), limit, cursor)


def entry(database: Database, entry_id: int) -> Row | None:
    """One entry of the log."""
    with database.read() as db:
        row = db.execute(select(audit).where(audit.c.id == entry_id)).mappings().first()
    return dict(row) if row else None


def choices(database: Database, name: str) -> list[str]:
    """The different actors, actions or subjects of the log, by name; at most MAX_CHOICES."""
    with database.read() as db:
        return values_in_use(db, audit.c[name], MAX_CHOICES)


def looks(database: Database, contact_id: int, limit: int = 50) -> list[Row]:
    """Who looked at, changed or exported this client, the latest first."""
    query = (
        select(audit)
        .where(audit.c.subject == "contact", audit.c.subject_id == str(contact_id))
        .order_by(audit.c.id.desc())
        .limit(limit)
    )
    with database.read() as db:
        return as_dicts(db.execute(query).mappings())
