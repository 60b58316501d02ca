"""What the demo shows at its end: per connection what was sent, taken in and stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, distinct, func, select, union

from hub.store.models import (
    bindings,
    calls,
    contacts,
    deals,
    deliveries,
    events,
    leads,
    messages,
    orders,
    stock_levels,
    sync_runs,
    tasks,
)

ENTITY_WORDS = {
    "contact": ("контакты", "contacts"),
    "company": ("компании", "companies"),
    "lead": ("заявки", "leads"),
    "deal": ("сделки", "deals"),
    "order": ("заказы", "orders"),
    "product": ("товары", "products"),
    "stock": ("остатки", "stock rows"),
    "call": ("звонки", "calls"),
    "message": ("письма", "messages"),
    "task": ("задачи", "tasks"),
}
OF_CONTACTS = (calls, leads, deals, orders, messages, tasks)


@dataclass
class Tally:
    """One connection's numbers. `unread` are requests that the gateway answers without an event."""

    name: str
    connection_id: int
    expected: Mapping[str, int]
    sent: int = 0
    accepted: int = 0
    unread: int = 0
    events_before: int = 0
    events_now: int = 0
    rows_read: int = 0
    delivered: int = 0
    stored: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def repeats(self) -> int:
        """Accepted requests that brought no new event because it was there already."""
        return self.accepted - self.unread - (self.events_now - self.events_before)


def stored(db: Connection, connection_id: int) -> dict[str, int]:
    """How many records of each entity came through a connection; contacts by whom they name."""
    query = (
        select(bindings.c.entity, func.count(distinct(bindings.c.record_id)))
        .where(bindings.c.connection_id == connection_id)
        .group_by(bindings.c.entity)
    )
    found = {entity: int(count) for entity, count in db.execute(query)}
    rows = select(func.count()).where(stock_levels.c.connection_id == connection_id)
    people = union(
        select(bindings.c.record_id.label("id")).where(
            bindings.c.connection_id == connection_id, bindings.c.entity == "contact"
        ),
        *(
            select(table.c.contact_id.label("id")).where(
                table.c.connection_id == connection_id, table.c.contact_id.is_not(None)
            )
            for table in OF_CONTACTS
        ),
    ).subquery()
    # A merged contact counts as the one it was merged into.
    one = func.coalesce(contacts.c.merged_into_id, contacts.c.id)
    count = select(func.count(distinct(one))).join(people, people.c.id == contacts.c.id)
    found["stock"] = int(db.scalar(rows) or 0)
    found["contact"] = int(db.scalar(count) or 0)
    return {entity: number for entity, number in found.items() if number}


def count_events(db: Connection, connection_id: int) -> int:
    """How many events a connection has."""
    query = select(func.count()).where(events.c.connection_id == connection_id)
    return int(db.scalar(query) or 0)


def unfinished(db: Connection, connection_ids: Sequence[int]) -> int:
    """Events and deliveries that are still to be worked off."""
    waiting = select(func.count()).where(
        events.c.connection_id.in_(connection_ids), events.c.status.in_(("received", "waiting"))
    )
    return int(db.scalar(waiting) or 0) + owed(db, connection_ids)


def owed(db: Connection, connection_ids: Sequence[int]) -> int:
    """Deliveries that are still to be made to these connections."""
    query = select(func.count()).where(
        deliveries.c.connection_id.in_(connection_ids),
        deliveries.c.status.in_(("pending", "waiting")),
    )
    return int(db.scalar(query) or 0)


def troubles(db: Connection, connection_id: int, runs: Sequence[int]) -> list[str]:
    """What went wrong with a connection's events, polls and deliveries, in words."""
    found = []
    for status in ("dead", "waiting", "received"):
        query = select(func.count(), func.max(events.c.error_message)).where(
            events.c.connection_id == connection_id, events.c.status == status
        )
        count, message = db.execute(query).one()
        if count:
            found.append(f"{count} events {status}: {message or 'not taken up'}")
    rows = db.execute(select(sync_runs).where(sync_runs.c.id.in_(list(runs))))
    found += [
        f"{row.stream}: {row.status}, {row.error_message or row.held_reason or 'not finished'}"
        for row in rows
        if row.status != "succeeded"
    ]
    query = select(func.count(), func.max(deliveries.c.error_message)).where(
        deliveries.c.connection_id == connection_id,
        deliveries.c.status.not_in(("delivered", "paused")),
    )
    count, message = db.execute(query).one()
    if count:
        found.append(f"{count} deliveries not made: {message or 'not taken up'}")
    return found


def missing(tally: Tally, *, exact: bool) -> list[str]:
    """Where a connection's records fall short of what its vendor sent, or were doubled.

    `exact` only for a store that held nothing before: later a person may have added records.
    """
    found = []
    for entity, wanted in tally.expected.items():
        have = tally.stored.get(entity, 0)
        if have < wanted or (exact and have > wanted):
            found.append(f"{entity}: {have} instead of {wanted}")
    return found


def lines(tallies: Sequence[Tally], language: str) -> list[str]:
    """The table, ready to print."""
    russian = language == "ru"
    head = (
        ("подключение", "отправлено", "принято", "повторов", "опрошено", "доставлено", "сохранено")
        if russian
        else ("connection", "sent", "accepted", "repeats", "polled", "delivered", "stored")
    )
    rows: list[tuple[str, ...]] = [head]
    for tally in tallies:
        numbers = (tally.sent, tally.accepted, tally.repeats, tally.rows_read, tally.delivered)
        cells = (str(number) if number else "–" for number in numbers)
        rows.append((tally.name, *cells, _stored_words(tally, russian)))
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    table = []
    for number, row in enumerate(rows):
        mark = " " if number == 0 else "✗" if tallies[number - 1].problems else "✓"
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        table.append(f"{mark} {'  '.join(padded)}".rstrip())
    return table


def _stored_words(tally: Tally, russian: bool) -> str:
    names = list(dict.fromkeys((*tally.expected, *tally.stored)))
    words = []
    for entity in names:
        word = ENTITY_WORDS.get(entity, (entity, entity))[0 if russian else 1]
        wanted = f"/{tally.expected[entity]}" if entity in tally.expected else ""
        words.append(f"{word} {tally.stored.get(entity, 0)}{wanted}")
    return ", ".join(words) or "–"
