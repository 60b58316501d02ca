"""Who a person is to the hub: contacts that are one, their phones and e-mails, their records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, or_, select

from hub.store.models import (
    ENTITY_TABLES,
    bindings,
    calls,
    changes,
    contact_points,
    contacts,
    timeline,
)

#: Entities whose records belong to a person.
OWNED: Final[dict[str, Table]] = {
    name: table for name, table in ENTITY_TABLES.items() if "contact_id" in table.c
}
#: Fields of theirs by which a text is known to tell of them, besides phones and e-mails.
TELLING: Final = ("name", "address", "comment", "delivery_address", "inn")
MIN_TELLING_CHARACTERS: Final = 5
CHUNK: Final = 500


@dataclass
class Person:
    """One person. JSON-able, for it is kept sealed while they are being erased."""

    contact_ids: list[int] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    inns: list[str] = field(default_factory=list)
    #: Phones and e-mails that another client has too: in others' data they stay.
    shared: list[str] = field(default_factory=list)
    #: Names, addresses, comments: what only their own events are searched for.
    texts: list[str] = field(default_factory=list)

    @property
    def points(self) -> list[tuple[str, str]]:
        """Phones and e-mails as (kind, value)."""
        return [("phone", one) for one in self.phones] + [("email", one) for one in self.emails]

    def as_dict(self) -> dict[str, Any]:
        """For sealing."""
        return asdict(self)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Person:
        """As it was sealed."""
        return cls(**kept)


def person_of(db: Connection, contact_id: int) -> Person | None:
    """The person this contact is, with all the contacts merged into it; None when unknown."""
    root = _root(db, contact_id)
    if root is None:
        return None
    ids = _merged_into(db, root)
    rows = db.execute(select(contacts).where(contacts.c.id.in_(ids))).mappings().all()
    person = Person(contact_ids=ids)
    query = select(contact_points).where(contact_points.c.contact_id.in_(ids))
    for point in db.execute(query.order_by(contact_points.c.id)):
        _add(person.phones if point.kind == "phone" else person.emails, point.value)
    for row in rows:
        _add(person.phones, row["phone"])
        _add(person.emails, row["email"])
        _add(person.inns, row["inn"])
        _add_texts(person, dict(row))
    others = select(contact_points.c.value).where(
        or_(
            *(
                and_(contact_points.c.kind == k, contact_points.c.value == v)
                for k, v in person.points
            )
        ),
        contact_points.c.contact_id.not_in(ids),
    )
    person.shared = sorted(set(db.scalars(others))) if person.points else []
    return person


def nobody_known(kind: str, value: str) -> Person:
    """Somebody of whom only a phone or an e-mail is known."""
    return Person(phones=[value] if kind == "phone" else [], emails=[value] * (kind == "email"))


def records_of(db: Connection, person: Person) -> dict[str, list[int]]:
    """The ids of their records by entity, and of calls of their numbers that nobody is tied to."""
    found: dict[str, list[int]] = {}
    for entity, table in OWNED.items():
        mine = table.c.contact_id.in_(person.contact_ids)
        if entity == "call" and person.phones:
            numbers = or_(
                calls.c.from_number.in_(person.phones), calls.c.to_number.in_(person.phones)
            )
            ids = set(db.scalars(select(calls.c.id).where(mine)))
            ids |= set(db.scalars(select(calls.c.id).where(numbers, calls.c.contact_id.is_(None))))
            found[entity] = sorted(ids)
        else:
            found[entity] = sorted(db.scalars(select(table.c.id).where(mine)))
    return {entity: ids for entity, ids in found.items() if ids}


def events_of(db: Connection, person: Person, records: Mapping[str, Sequence[int]]) -> list[int]:
    """The events that told of them: those that changed their records or set a field; found by
    indexes. What no record remembers the sweep finds in the bodies."""
    found: set[int] = set()
    told = timeline.c.contact_id.in_(person.contact_ids)
    found |= _keys(db, select(timeline.c.event_id).where(told))
    for entity, ids in (("contact", person.contact_ids), *records.items()):
        table = ENTITY_TABLES[entity]
        for some in chunks(ids):
            about = (changes.c.entity == entity, changes.c.record_id.in_(some))
            found |= _keys(db, select(changes.c.event_id).where(*about))
            for origins in db.scalars(select(table.c.origins).where(table.c.id.in_(some))):
                found |= {
                    int(one["e"])
                    for one in (origins or {}).values()
                    if isinstance(one, Mapping) and one.get("e")
                }
    return sorted(found)


def sources_of(db: Connection, person: Person) -> dict[int, int]:
    """{connection id: how many external ids} of the systems that know this person themselves."""
    query = select(bindings.c.connection_id).where(
        bindings.c.entity == "contact", bindings.c.record_id.in_(person.contact_ids)
    )
    found: dict[int, int] = {}
    for key in db.scalars(query):
        found[key] = found.get(key, 0) + 1
    return found


def telling_texts(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """What these records say that only this person's data says."""
    person = Person()
    for row in rows:
        _add_texts(person, row)
    return person.texts


def chunks(ids: Sequence[int]) -> list[Sequence[int]]:
    """The ids in pieces that one statement takes."""
    return [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]


def _root(db: Connection, contact_id: int) -> int | None:
    for _ in range(20):
        row = db.execute(
            select(contacts.c.id, contacts.c.merged_into_id).where(contacts.c.id == contact_id)
        ).first()
        if row is None:
            return None
        if not row.merged_into_id:
            return int(row.id)
        contact_id = row.merged_into_id
    return contact_id


def _merged_into(db: Connection, root: int) -> list[int]:
    ids, fresh = [root], [root]
    while fresh:
        query = select(contacts.c.id).where(contacts.c.merged_into_id.in_(fresh))
        fresh = [key for key in db.scalars(query) if key not in ids]
        ids += fresh
    return ids


def _keys(db: Connection, query: Any) -> set[int]:
    return {int(key) for key in db.scalars(query) if key is not None}


def _add(known: list[str], value: Any) -> None:
    if value and str(value) not in known:
        known.append(str(value))


def _add_texts(person: Person, row: Mapping[str, Any]) -> None:
    for name in TELLING:
        value = str(row.get(name) or "").strip()
        if name != "inn" and len(value) >= MIN_TELLING_CHARACTERS:
            _add(person.texts, value)
