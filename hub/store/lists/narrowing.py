"""Filters of a long list that an index knows: by id where few rows pass, else row by row.

A database left to choose between the list's order and the filter's index guesses wrong for one of
them: for a source that knows three clients, or for one that knows them all.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, literal_column, or_, select

from hub.store.lists.among import id_among, together
from hub.store.lists.search import MANY
from hub.store.models import bindings, companies, contacts, deals


def narrowed(
    db: Connection, ways: list[Select[Any]], by_row: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Contacts that any of the queries names: their ids, or where these are many `by_row`."""
    found: dict[int, None] = {}
    for query in ways:
        found.update(dict.fromkeys(together(db, query.limit(MANY + 1))))
        if len(found) > MANY:
            return by_row
    return id_among(db, contacts, list(found))


def known_to(db: Connection, connection_id: int) -> ColumnElement[bool]:
    """Contacts that a connection made or knows by an id of its own."""
    held = select(bindings.c.record_id).where(
        bindings.c.connection_id == connection_id, bindings.c.entity == "contact"
    )
    own = select(contacts.c.id).where(contacts.c.connection_id == connection_id)
    bound = held.where(bindings.c.record_id == contacts.c.id).exists()
    # «+ 0»: the list is walked in its own order.
    return narrowed(db, [own, held], or_(contacts.c.connection_id + 0 == connection_id, bound))


def managed_by(db: Connection, manager: str | None) -> ColumnElement[bool]:
    """Contacts of this manager; None: of nobody."""
    column = contacts.c.manager
    if manager is None:
        ways = [select(contacts.c.id).where(column.is_(None))]
        ways.append(select(contacts.c.id).where(column == ""))
        return narrowed(db, ways, column.concat("").is_(None) | (column.concat("") == ""))
    own = select(contacts.c.id).where(column == manager)
    return narrowed(db, [own], column.concat("") == manager)


def seen_by(email: str) -> ColumnElement[bool]:
    """Contacts of this manager and those of nobody."""
    column = contacts.c.manager.concat("")
    return or_(column.is_(None), column.in_(("", email)))


def firm_seen_by(email: str) -> ColumnElement[bool]:
    """Companies that this manager answers for, themselves or by one of their people; and those
    for which, and for whose people, nobody does."""
    whose = contacts.c.manager.concat("")
    firm = companies.c
    mine = _has_people(whose == email)
    theirs = _has_people(whose.not_in(("", email)))
    nobodys = or_(firm.manager.is_(None), firm.manager == "")
    return or_(firm.manager == email, mine, and_(nobodys, ~theirs))


def _has_people(whose: ColumnElement[bool]) -> ColumnElement[bool]:
    """Companies with such a contact: one that names their INN or, as they write it, their name.

    Each way a look of its own with LIMIT: PostgreSQL would make an EXISTS among alternatives a
    hash of all contacts, and SQLite a walk through a manager's.
    """
    firm, person = companies.c, contacts.c
    ways = [
        and_(firm.inn != "", person.inn == firm.inn),
        and_(firm.name != "", person.company_name == firm.name),
        and_(firm.legal_name != "", person.company_name == firm.legal_name),
    ]
    alive = (person.merged_into_id.is_(None), person.deleted_at.is_(None))
    looks: list[Select[Any]] = [
        select(literal_column("1")).where(way, whose, *alive).correlate(companies).limit(1)
        for way in ways
    ]
    return or_(*(look.scalar_subquery().is_not(None) for look in looks))


def with_open_deals(db: Connection) -> ColumnElement[bool]:
    """Contacts with a deal that is not closed."""
    still = select(deals.c.contact_id).where(
        deals.c.closed_at.is_(None), deals.c.deleted_at.is_(None), deals.c.contact_id.is_not(None)
    )
    by_row = still.where(deals.c.contact_id == contacts.c.id).exists()
    return narrowed(db, [still.distinct()], by_row)
