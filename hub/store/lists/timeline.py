"""A contact's whole history, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from hub.store.database import Database
from hub.store.lists.paging import ListPage, Order, fetch_page
from hub.store.models import connections, timeline


def contact_timeline(
    database: Database,
    contact_id: int,
    kinds: Sequence[str] = (),
    limit: int = 50,
    cursor: str | None = None,
) -> ListPage:
    """Entries (id, kind, record_id, occurred_at, connection, event_id, summary) of a contact.

    `kinds` are entity names (call, order, message …); none means all.
    """
    query = (
        select(timeline, connections.c.name.label("connection"))
        .outerjoin(connections, connections.c.id == timeline.c.connection_id)
        .where(timeline.c.contact_id == contact_id)
    )
    if kinds:
        query = query.where(timeline.c.kind.in_(kinds))
    order = Order(timeline.c.id, timeline.c.occurred_at, "occurred")
    with database.read() as db:
        return fetch_page(db, query, order, limit, cursor)
