"""What the page Today asks for: new records, letters that wait, the day's numbers by manager."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.sql.schema import Table

from hub.store.database import Database
from hub.store.lists.paging import ListPage, Order, Row, as_dicts, fetch_page
from hub.store.lists.record_filters import RecordFilters, conditions, seen
from hub.store.models import calls, connections, contacts, leads, messages, orders

#: When a lead came in; the list behind the number says it in the same words.
_CAME = func.coalesce(leads.c.received_at, leads.c.created_at)
NUMBERS = ("incoming", "outgoing", "missed", "talk_seconds", "orders", "leads", "letters")


def new_records(
    database: Database,
    entity: str,
    since: datetime,
    manager: str | None,
    limit: int,
    seen_by: str = "",
) -> list[Row]:
    """Orders or leads since a moment, the newest first; of a manager also those of nobody.

    `seen_by`: of all these only what this manager may see, as RecordFilters says it.
    """
    table, moment = (orders, orders.c.placed_at) if entity == "order" else (leads, _CAME)
    query = _with_contact(table).where(moment >= since, table.c.deleted_at.is_(None))
    if manager is not None:
        query = query.where(_mine(table, manager))
    if seen_by:
        query = query.where(seen(table, seen_by))
    with database.read() as db:
        return as_dicts(
            db.execute(query.order_by(moment.desc(), table.c.id.desc()).limit(limit)).mappings()
        )


def waiting_letters(
    database: Database, manager: str | None, limit: int, seen_by: str = ""
) -> list[Row]:
    """Letters that wait for an answer, the longest waiting first; a manager's clients' letters
    and those of nobody's clients."""
    query = _with_contact(messages, "subject", "from_address", "sent_at", "awaits_since").where(
        messages.c.awaits_since.is_not(None)
    )
    if manager is not None:
        query = query.where(_letter_of(manager))
    if seen_by:
        query = query.where(seen(messages, seen_by))
    query = query.order_by(messages.c.awaits_since, messages.c.id).limit(limit)
    with database.read() as db:
        return as_dicts(db.execute(query).mappings())


def waiting_count(
    database: Database, manager: str | None, most: int = 1000, seen_by: str = ""
) -> int:
    """How many letters wait for an answer; at most `most`."""
    query = select(messages.c.id).outerjoin(contacts, contacts.c.id == messages.c.contact_id)
    query = query.where(messages.c.awaits_since.is_not(None))
    if manager is not None:
        query = query.where(_letter_of(manager))
    if seen_by:
        query = query.where(seen(messages, seen_by))
    with database.read() as db:
        return int(db.scalar(select(func.count()).select_from(query.limit(most).subquery())) or 0)


def letters(
    database: Database,
    filters: RecordFilters,
    waiting: bool,
    manager: str | None,
    limit: int,
    cursor: str | None,
) -> ListPage:
    """Letters by the time they were sent; `waiting`: those without an answer, by their wait.

    `manager`: only those of their clients (and, of waiting ones, of nobody's clients).
    """
    columns = [column for column in messages.c if column.name not in ("text", "references")]
    query = (
        select(
            *columns,
            connections.c.name.label("connection"),
            contacts.c.name.label("contact_name"),
            contacts.c.manager.label("contact_manager"),
        )
        .outerjoin(connections, connections.c.id == messages.c.connection_id)
        .outerjoin(contacts, contacts.c.id == messages.c.contact_id)
    )
    if waiting:
        query = query.where(messages.c.awaits_since.is_not(None))
    if manager is not None:
        mine = or_(contacts.c.manager == manager, messages.c.manager == manager)
        query = query.where(_letter_of(manager) if waiting else mine)
    order = Order(messages.c.id, messages.c.sent_at, "sent")
    if waiting:
        order = Order(messages.c.id, messages.c.awaits_since, "awaits_since")
    with database.read() as db:
        query = query.where(*conditions(db, "message", messages, filters))
        return fetch_page(db, query, order, limit, cursor)


def conversation(
    database: Database, thread_key: str, limit: int = 100, seen_by: str = ""
) -> list[Row]:
    """The letters of one conversation with their texts, the first one first; the last so many.

    `seen_by`: without those of clients whom this manager may not see.
    """
    query = (
        select(messages)
        .where(messages.c.thread_key == thread_key, messages.c.deleted_at.is_(None))
        .order_by(messages.c.sent_at.desc(), messages.c.id.desc())
        .limit(limit)
    )
    if seen_by:
        query = query.where(seen(messages, seen_by))
    with database.read() as db:
        return as_dicts(db.execute(query).mappings())[::-1]


def day_numbers(database: Database, since: datetime, until: datetime) -> dict[str, dict[str, int]]:
    """Per manager («» is nobody): NUMBERS of what happened from `since` till before `until`."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(NUMBERS, 0))
    called = and_(calls.c.started_at >= since, calls.c.started_at < until)
    with database.read() as db:
        rows = db.execute(
            select(
                calls.c.manager,
                calls.c.direction,
                calls.c.status,
                func.count(),
                func.sum(calls.c.talk_seconds),
            )
            .where(called, calls.c.deleted_at.is_(None))
            .group_by(calls.c.manager, calls.c.direction, calls.c.status)
        )
        for manager, direction, status, count, seconds in rows:
            own = found[manager or ""]
            own["incoming"] += count * (direction == "in")
            own["outgoing"] += count * (direction == "out")
            own["missed"] += count * (direction == "in" and status == "missed")
            own["talk_seconds"] += int(seconds or 0)
        counted: Mapping[str, tuple[Table, ColumnElement[Any]]] = {
            "orders": (orders, orders.c.placed_at),
            "leads": (leads, _CAME),
            "letters": (messages, messages.c.sent_at),
        }
        for name, (table, moment) in counted.items():
            query = select(table.c.manager, func.count()).where(moment >= since, moment < until)
            query = query.where(table.c.deleted_at.is_(None)).group_by(table.c.manager)
            if name == "letters":
                query = query.where(messages.c.direction == "in")
            for manager, count in db.execute(query):
                found[manager or ""][name] += count
    return dict(found)


def day_span(now: datetime, today: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """Today until now and yesterday until the same hour, as (since, until)."""
    one = timedelta(days=1)
    return (today, now), (today - one, now - one)


def _mine(table: Table, manager: str) -> ColumnElement[bool]:
    return or_(table.c.manager == manager, table.c.manager.is_(None))


def _letter_of(manager: str) -> ColumnElement[bool]:
    """A client's letter is their manager's; one that names nobody is everybody's."""
    whose = func.coalesce(messages.c.manager, contacts.c.manager)
    return or_(whose == manager, whose.is_(None))


def _with_contact(table: Table, *names: str) -> Select[Any]:
    columns = [table.c.id, table.c.contact_id]
    columns += [table.c[name] for name in names] if names else list(table.c)[1:]
    unique = list({column.name: column for column in columns}.values())
    return select(*unique, contacts.c.name.label("contact_name")).outerjoin(
        contacts, contacts.c.id == table.c.contact_id
    )
