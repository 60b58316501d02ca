"""Who a person is to the hub: contacts that are one, their phones and e-mails, their records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, literal, or_, select, union_all

from hub.store.lists.among import among, id_among
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
    mine = [
        select(literal(entity), table.c.id).where(table.c.contact_id.in_(person.contact_ids))
        for entity, table in OWNED.items()
    ]
    loose = select(literal("call"), calls.c.id).where(calls.c.contact_id.is_(None))
    mine += [
        loose.where(side.in_(person.phones))
        for side in (calls.c.from_number, calls.c.to_number)
        if person.phones
    ]
    found: dict[str, set[int]] = {}
    for entity, record_id in db.execute(union_all(*mine)):
        found.setdefault(entity, set()).add(record_id)
    return {entity: sorted(found[entity]) for entity in OWNED if entity in found}


def events_of(db: Connection, person: Person, records: Mapping[str, Sequence[int]]) -> list[int]:
    """The events that told of them: those that changed their records or set a field; found by
    indexes. What no record remembers the sweep finds in the bodies."""
    told = [select(timeline.c.event_id).where(timeline.c.contact_id.in_(person.contact_ids))]
    set_by = []
    for entity, ids in (("contact", person.contact_ids), *records.items()):
        table, changed = ENTITY_TABLES[entity], among(db, changes.c.record_id, ids)
        told.append(select(changes.c.event_id).where(changes.c.entity == entity, changed))
        set_by.append(select(table.c.origins).where(id_among(db, table, ids)))
    found = {int(key) for key in db.scalars(union_all(*told)) if key is not None}
    for origins in db.scalars(union_all(*set_by)):
        for one in (origins or {}).values():
            if isinstance(one, Mapping) and one.get("e"):
                found.add(int(one["e"]))
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


def _add(known: list[str], value: Any) -> None:
    if value and str(value) not in known:
        known.append(str(value))


def _add_texts(person: Person, row: Mapping[str, Any]) -> None:
    for name in TELLING:
        value = str(row.get(name) or "").strip()
        if name != "inn" and len(value) >= MIN_TELLING_CHARACTERS:
            _add(person.texts, value)
