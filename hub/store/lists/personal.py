"""Where a person may be found: clients by any word, and callers whom no client is tied to."""

from __future__ import annotations

from typing import Any

import phonenumbers
from sqlalchemy import exists, or_, select

from hub.store.database import Database
from hub.store.lists.paging import ListPage, Order, Row, as_dicts, fetch_page
from hub.store.lists.people import add_points
from hub.store.lists.record_filters import RecordFilters
from hub.store.lists.records import list_records
from hub.store.models import calls, contact_points, contacts, erasures

MAX_FOUND = 50


def as_phone(text: str, region: str) -> str | None:
    """The text as a phone in E.164; None when it is none."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def find_clients(database: Database, text: str, region: str) -> list[Row]:
    """Clients with this phone, e-mail or INN, then those whose name or points hold the text;
    at most MAX_FOUND, merged ones as the client they became."""
    exact = _exactly(database, text, region)
    filters = RecordFilters(q=text, phone_region=region)
    more = list_records(database, "contact", filters, MAX_FOUND).items
    known = {row["id"] for row in exact}
    return (exact + [row for row in more if row["id"] not in known])[:MAX_FOUND]


def _exactly(database: Database, text: str, region: str) -> list[Row]:
    points = [("email", text.lower())] if "@" in text else []
    if phone := as_phone(text, region):
        points.append(("phone", phone))
    ways: list[Any] = [
        contacts.c.id.in_(
            select(contact_points.c.contact_id).where(
                contact_points.c.kind == kind, contact_points.c.value == value
            )
        )
        for kind, value in points
    ]
    if text.isdecimal() and len(text) in (10, 12):
        ways.append(contacts.c.inn == text)
    if not ways:
        return []
    alive = (contacts.c.merged_into_id.is_(None), contacts.c.deleted_at.is_(None))
    found: dict[int, Row] = {}
    with database.read() as db:
        # One after another: each by its index, as «or» would not be.
        for way in ways:
            query = select(contacts).where(way, *alive).limit(MAX_FOUND)
            found |= {row["id"]: dict(row) for row in db.execute(query).mappings()}
        rows = list(found.values())
        add_points(db, rows)
    return rows


def has_loose_calls(database: Database, phone: str) -> bool:
    """Whether there are calls of this number that no client is tied to."""
    with database.read() as db:
        for column in (calls.c.from_number, calls.c.to_number):
            query = select(exists().where(column == phone, calls.c.contact_id.is_(None)))
            if db.scalar(query):
                return True
    return False


def list_erasures(database: Database, limit: int = 50, cursor: str | None = None) -> ListPage:
    """Erasures, the latest first, without what is sealed."""
    columns = [column for column in erasures.c if column.name not in ("sealed", "proof")]
    with database.read() as db:
        return fetch_page(db, select(*columns), Order(erasures.c.id), limit, cursor)


def get_erasure(database: Database, erasure_id: int) -> Row | None:
    """One erasure with its proof."""
    columns = [column for column in erasures.c if column.name != "sealed"]
    with database.read() as db:
        row = db.execute(select(*columns).where(erasures.c.id == erasure_id)).mappings().first()
    return dict(row) if row else None


def briefs(database: Database, ids: list[int]) -> list[Row]:
    """Contacts with their points, by id."""
    with database.read() as db:
        rows = as_dicts(db.execute(select(contacts).where(or_(contacts.c.id.in_(ids)))).mappings())
        add_points(db, rows)
    return rows
