"""Records of an erased person: free text goes, what sales counts stays without them."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Integer,
    String,
    Table,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from hub.crm.personal import needles, sent
from hub.crm.personal.person import OWNED, Person
from hub.store.models import (
    audit,
    bindings,
    calls,
    changes,
    contact_points,
    contacts,
    identity_claims,
    merges,
    message_refs,
    messages,
    metadata,
    possible_duplicates,
    timeline,
)

#: Free texts that tell of the sale, not of the person. What is not named here is blanked, so that
#: a column that comes later is safe; bounded texts are statuses and kinds, and stay.
KEPT: Final[dict[str, frozenset[str]]] = {
    "lead": frozenset({"status", "channel", "campaign", "manager"}),
    "deal": frozenset({"stage", "manager"}),
    "order": frozenset(
        {
            *("number", "status", "payment_method", "delivery_method", "channel", "manager"),
            *("erp_number", "erp_status", "lines"),
        }
    ),
    "call": frozenset({"line_number", "extension", "manager", "from_number", "to_number"}),
    "message": frozenset({"manager"}),
    "task": frozenset({"manager"}),
    "contact": frozenset({"manager"}),
}
ALWAYS_KEPT: Final = frozenset({"external_id"})
#: Tables that `erase_contacts` and `erase_records` know; any other that names a contact or a
#: record of theirs loses its rows.
KNOWN: Final = frozenset(
    {"contacts", "bindings", "changes", "deliveries", "timeline", "contact_points",
     "identity_claims", "merges", "possible_duplicates", "erasures",
     *(table.name for table in OWNED.values())}
)  # fmt: skip


def erase_records(
    db: Connection, person: Person, entity: str, ids: Sequence[int], now: datetime
) -> Counter[str]:
    """Blank these records and cut them from the person; returns what was done, how often."""
    table, done = OWNED[entity], Counter[str]()
    if entity == "message":
        _forget_threads(db, ids)
    if entity == "call":
        for column in (calls.c.from_number, calls.c.to_number):
            mine = (calls.c.id.in_(ids), column.in_(person.phones))
            db.execute(update(calls).where(*mine).values({column.name: None}))
    values = {**blanks(entity, table), "contact_id": None, "updated_at": now}
    if entity == "task":
        # Whom should one call back now?
        values["deleted_at"] = now
    done[entity] = db.execute(update(table).where(table.c.id.in_(ids)).values(values)).rowcount
    _blank_external_ids(db, person, entity, table, ids)
    done["extra"] = _erase_elsewhere(db, entity, ids)
    done += _erase_traces(db, entity, ids)
    return done


def erase_contacts(db: Connection, person: Person, now: datetime) -> Counter[str]:
    """Blank the person's contacts and take away all by which they would be found."""
    ids, done = person.contact_ids, Counter[str]()
    for name, table in (
        ("timeline", timeline),
        ("contact_points", contact_points),
        ("identity_claims", identity_claims),
    ):
        done[name] = db.execute(delete(table).where(table.c.contact_id.in_(ids))).rowcount
    pairs = possible_duplicates.c
    done["duplicates"] = db.execute(
        delete(possible_duplicates).where(or_(pairs.contact_id.in_(ids), pairs.other_id.in_(ids)))
    ).rowcount
    done["merges"] = db.execute(
        delete(merges).where(or_(merges.c.kept_id.in_(ids), merges.c.merged_id.in_(ids)))
    ).rowcount
    about = (bindings.c.entity == "contact", bindings.c.record_id.in_(ids))
    done["bindings"] = db.execute(delete(bindings).where(*about)).rowcount
    done["extra"] = _erase_elsewhere(db, "contact", ids)
    values = {**blanks("contact", contacts), "external_id": None, "updated_at": now}
    alive = or_(contacts.c.deleted_at.is_(None), contacts.c.search_text != "")
    done["contact"] = db.execute(
        update(contacts).where(contacts.c.id.in_(ids), alive).values({**values, "deleted_at": now})
    ).rowcount
    done += _erase_traces(db, "contact", ids)
    return done


def blanks(entity: str, table: Table) -> dict[str, Any]:
    """{column: empty value} of every free text and free table of a record."""
    kept = KEPT[entity] | ALWAYS_KEPT
    return {
        column.name: _empty(column)
        for column in table.c
        if column.name not in kept and _is_free(column)
    }


def leftovers(db: Connection, person: Person) -> int:
    """How much is still tied to the person: rows that a worker wrote in the meantime."""
    ids = person.contact_ids
    count = 0
    for table in (contact_points, identity_claims, timeline, *OWNED.values()):
        query = select(table.c.contact_id).where(table.c.contact_id.in_(ids)).limit(1)
        count += db.execute(query).first() is not None
    blank = or_(contacts.c.search_text != "", contacts.c.name.is_not(None))
    query = select(contacts.c.id).where(contacts.c.id.in_(ids), blank).limit(1)
    return count + (db.execute(query).first() is not None)


def _is_free(column: Column[Any]) -> bool:
    if isinstance(column.type, JSON | JSONB):
        return True
    return isinstance(column.type, String) and column.type.length is None


def _empty(column: Column[Any]) -> Any:
    if isinstance(column.type, JSON | JSONB):
        return None if column.nullable else {}
    return None if column.nullable else ""


def _erase_elsewhere(db: Connection, entity: str, ids: Sequence[int]) -> int:
    """Rows of tables that came later and hang on a contact or on a record: notes, indexes."""
    count = 0
    for table in metadata.sorted_tables:
        if table.name in KNOWN:
            continue
        if entity == "contact" and "contact_id" in table.c:
            count += db.execute(delete(table).where(table.c.contact_id.in_(ids))).rowcount
        elif "entity" in table.c and "record_id" in table.c:
            about = (table.c.entity == entity, table.c.record_id.in_(ids))
            count += db.execute(delete(table).where(*about)).rowcount
        elif isinstance(getattr(table.c.get(f"{entity}_id"), "type", None), Integer):
            column = table.c[f"{entity}_id"]
            count += db.execute(delete(table).where(column.in_(ids))).rowcount
    return count


def _erase_traces(db: Connection, entity: str, ids: Sequence[int]) -> Counter[str]:
    """What the records' history, deliveries and audit entries quote of them."""
    done = Counter[str]()
    about = (changes.c.entity == entity, changes.c.record_id.in_(ids))
    for row in db.execute(select(changes.c.id, changes.c.fields).where(*about)).all():
        emptied = {name: [None, None] for name in row.fields or {}}
        if emptied != row.fields:
            db.execute(update(changes).where(changes.c.id == row.id).values(fields=emptied))
            done["changes"] += 1
    done["deliveries"] = sent.stop(db, entity, ids)
    texts = [str(one) for one in ids]
    logged = (
        audit.c.subject == entity,
        audit.c.subject_id.in_(texts),
        # Why somebody asked for this very thing is kept; the sweep masks phones in it.
        audit.c.action.not_in(("erase person", "export person")),
    )
    for row in db.execute(select(audit.c.id, audit.c.details).where(*logged)).all():
        if row.details and row.details != {"erased": True}:
            db.execute(update(audit).where(audit.c.id == row.id).values(details={"erased": True}))
            done["audit"] += 1
    return done


def _blank_external_ids(
    db: Connection, person: Person, entity: str, table: Table, ids: Sequence[int]
) -> None:
    """Some sources make an id of a phone or a mail: it becomes a mark, in bindings too."""
    pattern = needles.pointers(person)
    if pattern is None:
        return
    bound = select(bindings.c.id, bindings.c.external_id).where(
        bindings.c.entity == entity, bindings.c.record_id.in_(ids)
    )
    own = select(table.c.id, table.c.external_id).where(table.c.id.in_(ids))
    for target, query in ((table, own), (bindings, bound)):
        for row in db.execute(query).all():
            if row.external_id and pattern.search(row.external_id.encode()):
                # A digest of a phone could be tried out: ten digits are soon counted through.
                mark = f"erased-{secrets.token_hex(12)}"
                db.execute(update(target).where(target.c.id == row.id).values(external_id=mark))


def _forget_threads(db: Connection, ids: Sequence[int]) -> None:
    """Ids of letters in conversations that nobody else had a part in."""
    own = select(messages.c.thread_key).where(messages.c.id.in_(ids))
    others = select(messages.c.thread_key).where(
        messages.c.thread_key.in_(own), messages.c.id.not_in(ids)
    )
    keys = {key for key in db.scalars(own) if key} - set(db.scalars(others))
    db.execute(delete(message_refs).where(message_refs.c.thread_key.in_(keys)))
