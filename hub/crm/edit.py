"""What people change by hand: their word stands over every source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert

from hub.crm import timeline
from hub.crm.derived import derive
from hub.crm.fold import Stamp, fold
from hub.crm.identity import points_of, search_text
from hub.sdk.errors import Rejected
from hub.store.database import utc_now
from hub.store.kept_answers import Also
from hub.store.models import ENTITY_TABLES, audit
from hub.store.outbox import Duty
from hub.store.store import Store
from hub.store.working_set import WorkingSet


def edit_record(
    store: Store,
    entity: str,
    record_id: int,
    changes: Mapping[str, Any],
    actor: str,
    user_id: int | None,
    tell: Sequence[int] = (),
) -> None:
    """Set fields of a record by a person's hand; Rejected when there is no such record.

    `tell`: the destinations that must learn of it.
    """
    with store.database.write() as db:
        ws = WorkingSet(db, utc_now())
        try:
            before = dict(ws.row(entity, record_id))
        except KeyError:
            raise Rejected(f"there is no {entity} {record_id}") from None
        _write(ws, entity, record_id, before, changes, user_id, "updated")
        _owe(ws, entity, record_id, "updated", tell)
        ws.flush()
        _audit(ws, actor, "edit", entity, record_id, changes)


def create_record(
    store: Store,
    entity: str,
    fields: Mapping[str, Any],
    actor: str,
    user_id: int | None,
    tell: Sequence[int] = (),
    also: Also | None = None,
) -> int:
    """Make a record by a person's hand; returns its id. `tell`: as for `edit_record`; `also` is
    done in the same transaction."""
    with store.database.write() as db:
        ws = WorkingSet(db, utc_now())
        if fields.get("contact_id") is not None:
            try:
                ws.row("contact", int(fields["contact_id"]))
            except KeyError:
                raise Rejected(f"there is no contact {fields['contact_id']}") from None
        record_id = ws.create(entity, {})
        _write(ws, entity, record_id, ws.row(entity, record_id), fields, user_id, "created")
        _owe(ws, entity, record_id, "created", tell)
        ws.flush()
        _audit(ws, actor, "create", entity, record_id, fields)
        if also is not None:
            also(db, record_id)
    return record_id


def _write(
    ws: WorkingSet,
    entity: str,
    record_id: int,
    before: Mapping[str, Any],
    given: Mapping[str, Any],
    user_id: int | None,
    action: str,
) -> None:
    known = {name: value for name, value in given.items() if name in ENTITY_TABLES[entity].c}
    # A token has no user: its word is a person's all the same.
    changed = fold(before, known, Stamp("", ws.now, user_id=user_id or -1))
    if entity != "contact":
        changed = derive(entity, before, changed)
    if entity == "contact":
        for kind, value in points_of(given):
            for other in ws.contacts_with(kind, value) - {record_id}:
                ws.suspect(record_id, other, "shared_contact_point", None)
            ws.add_point(record_id, kind, value)
        changed["search_text"] = search_text(str(before.get("search_text") or ""), given)
    if not changed:
        return
    ws.change(entity, record_id, changed)
    ws.log_change(
        {
            "entity": entity,
            "record_id": record_id,
            "action": action,
            "user_id": user_id,
            "fields": {name: [before.get(name), value] for name, value in known.items()},
        }
    )
    after = ws.row(entity, record_id)
    if after.get("contact_id"):
        ws.enter(
            entity,
            record_id,
            {
                "contact_id": after["contact_id"],
                "occurred_at": timeline.occurred_at(entity, after, ws.now),
                "connection_id": after.get("connection_id"),
                "event_id": None,
                "summary": timeline.summary(entity, after),
            },
        )


def _owe(ws: WorkingSet, entity: str, record_id: int, action: str, tell: Sequence[int]) -> None:
    for destination_id in tell:
        ws.owe(Duty(destination_id, entity, record_id, f"{entity}.{action}", None))


def _audit(
    ws: WorkingSet, actor: str, action: str, entity: str, record_id: int, fields: Mapping[str, Any]
) -> None:
    ws.connection.execute(
        insert(audit).values(
            at=ws.now,
            actor=actor,
            action=action,
            subject=entity,
            subject_id=str(record_id),
            details={"fields": sorted(fields)},
        )
    )
