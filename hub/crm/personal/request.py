"""The wish that a person be erased: what is theirs is listed and sealed for the job to go by."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, insert, select

from hub.crm.personal.person import (
    OWNED,
    Person,
    events_of,
    nobody_known,
    person_of,
    records_of,
    telling_texts,
)
from hub.sdk.errors import Rejected
from hub.store import audit, facts, sealed
from hub.store.database import utc_now
from hub.store.models import erased_marks, erasures, events
from hub.store.store import Store

RUNNING, DONE = "running", "done"


@dataclass
class Work:
    """What an erasure has to do; kept sealed, for it names the person."""

    person: Person
    records: dict[str, list[int]] = field(default_factory=dict)
    events: list[int] = field(default_factory=list)
    #: Only events up to this one: what comes later is told anew by the person or a source.
    last_event: int = 0
    #: Records that were done in former passes: theirs still.
    done: dict[str, list[int]] = field(default_factory=dict)

    def theirs(self) -> dict[str, set[int]]:
        """All that is the person's, by entity."""
        found = {"contact": set(self.person.contact_ids)}
        for records in (self.records, self.done):
            for entity, ids in records.items():
                found.setdefault(entity, set()).update(ids)
        return found

    def again(self, records: dict[str, list[int]]) -> Work:
        """The work of a further pass, with what came to be theirs meanwhile."""
        done = {entity: sorted(ids) for entity, ids in self.theirs().items()}
        return Work(self.person, records, [], self.last_event, done)

    def as_dict(self) -> dict[str, Any]:
        """For sealing."""
        return {
            "person": self.person.as_dict(),
            "records": self.records,
            "events": self.events,
            "last_event": self.last_event,
            "done": self.done,
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Work:
        """As it was sealed."""
        person = Person.of(kept["person"])
        return cls(
            person,
            dict(kept["records"]),
            list(kept["events"]),
            kept["last_event"],
            dict(kept["done"]),
        )


@dataclass(frozen=True)
class Holdings:
    """What the hub holds of a person, before anything is done to it."""

    work: Work
    #: {entity: how many}
    records: Mapping[str, int]

    @property
    def event_count(self) -> int:
        """Events known to tell of them; the sweep may find more."""
        return len(self.work.events)


def survey(db: Connection, person: Person) -> Holdings:
    """List what is theirs: by indexes, nothing is scanned."""
    records = records_of(db, person)
    work = Work(person, records, events_of(db, person, records))
    work.last_event = int(db.scalar(select(func.max(events.c.id))) or 0)
    for entity in ("order", "lead"):
        table = OWNED[entity]
        rows = db.execute(select(table).where(table.c.id.in_(records.get(entity, [])[:500])))
        for text in telling_texts(map(dict, rows.mappings())):
            if text not in person.texts:
                person.texts.append(text)
    return Holdings(work, {entity: len(ids) for entity, ids in records.items()})


def find(db: Connection, contact_id: int = 0, kind: str = "", value: str = "") -> Person | None:
    """The person of this contact, or of this bare phone or e-mail that no contact has."""
    return person_of(db, contact_id) if contact_id else nobody_known(kind, value)


def begin(store: Store, person: Person, contact_id: int | None, actor: str, reason: str) -> int:
    """Ask that this person be erased; returns the erasure's id. The job begins within seconds.

    Rejected when they are being erased already.
    """
    with store.database.write() as db:
        found = select(erasures.c.id).where(
            erasures.c.status == RUNNING, erasures.c.contact_id == contact_id
        )
        if contact_id is not None and db.execute(found).first():
            raise Rejected("this person is being erased already")
        holdings = survey(db, person)
        values: dict[str, Any] = {
            "contact_id": contact_id,
            "reason": reason,
            "requested_by": actor,
            "requested_at": utc_now(),
            "sealed": store.vault.seal(holdings.work.as_dict()),
            "counts": {},
        }
        done = db.execute(insert(erasures).values(values).returning(erasures.c.id))
        key = int(done.scalar_one())
        details = {"reason": reason, "erasure": key}
        audit.record(db, actor, "erase person", "contact", contact_id or "", details)
    return key


def marks_of(person: Person, key: bytes) -> list[str]:
    """Keyed digests of a person's phones and e-mails: they know them again and tell nothing."""
    return sorted(
        hmac.new(key, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()
        for kind, value in person.points
    )


def earlier(store: Store, points: Sequence[tuple[str, str]]) -> list[Any]:
    """Erasures of whoever had one of these phones or e-mails, the latest first."""
    person = Person(
        phones=[value for kind, value in points if kind == "phone"],
        emails=[value for kind, value in points if kind == "email"],
    )
    with store.database.read() as db:
        if facts.get_fact(db, sealed.PEPPER) is None:
            return []
        marks = marks_of(person, sealed.pepper(db, store.vault))
        query = (
            select(erasures.c.id, erasures.c.finished_at)
            .join(erased_marks, erased_marks.c.erasure_id == erasures.c.id)
            .where(erased_marks.c.mark.in_(marks))
            .distinct()
            .order_by(erasures.c.id.desc())
        )
        return list(db.execute(query).all())


def counted(former: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Counts added up, without the zeros."""
    return dict(+(Counter(former) + Counter(more)))
