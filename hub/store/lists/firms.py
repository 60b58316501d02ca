"""A company's people and their orders: contacts that name it by INN or by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select

from hub.store.database import Database
from hub.store.lists import narrowing
from hub.store.lists.clients import ORDER_COLUMNS
from hub.store.lists.paging import Row, as_dicts
from hub.store.lists.people import add_points
from hub.store.lists.query import words_of
from hub.store.lists.search import matching_ids
from hub.store.models import companies, contacts, orders
from hub.store.spelling import plain_letters

MAX_PEOPLE: Final = 100


def people_of(database: Database, company: Mapping[str, Any], seen_by: str = "") -> list[Row]:
    """Contacts of the company, the last active first, at most a hundred."""
    names = {plain_letters(company[name]) for name in ("name", "legal_name") if company.get(name)}
    with database.read() as db:
        ids: dict[int, None] = {}
        if company.get("inn"):
            query = select(contacts.c.id).where(contacts.c.inn == company["inn"])
            ids |= dict.fromkeys(db.scalars(query.limit(MAX_PEOPLE)))
        for name in sorted(names):
            for key in matching_ids(db, "contact", words_of(name)) or ():
                ids[key] = None
        query_rows = select(contacts).where(
            contacts.c.id.in_(list(ids)[:3000]),
            contacts.c.merged_into_id.is_(None),
            contacts.c.deleted_at.is_(None),
        )
        if seen_by:
            query_rows = query_rows.where(narrowing.seen_by(seen_by))
        moment = func.coalesce(contacts.c.last_activity_at, contacts.c.created_at)
        rows = as_dicts(db.execute(query_rows.order_by(moment.desc())).mappings())
        rows = [
            row
            for row in rows
            if (company.get("inn") and row["inn"] == company["inn"])
            or plain_letters(row["company_name"] or "") in names
        ][:MAX_PEOPLE]
        add_points(db, rows)
    return rows


def is_seen_by(database: Database, company_id: int, email: str) -> bool:
    """Whether this manager may look at the company: by the condition of the list."""
    seen = narrowing.firm_seen_by(email)
    with database.read() as db:
        found = db.scalar(select(companies.c.id).where(companies.c.id == company_id, seen))
    return found is not None


def orders_of_people(database: Database, people: Sequence[Row], limit: int = 20) -> list[Row]:
    """The newest orders of these contacts, with `contact_name`."""
    columns = [orders.c[name] for name in ORDER_COLUMNS]
    query = (
        select(*columns, contacts.c.name.label("contact_name"), contacts.c.id.label("contact_id"))
        .join(contacts, contacts.c.id == orders.c.contact_id)
        .where(
            orders.c.contact_id.in_([row["id"] for row in people]), orders.c.deleted_at.is_(None)
        )
        .order_by(orders.c.placed_at.desc(), orders.c.id.desc())
        .limit(limit)
    )
    with database.read() as db:
        return as_dicts(db.execute(query).mappings()) if people else []
