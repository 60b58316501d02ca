"""Step resolve: whose record is this, and which stored record does it continue?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from hub.crm import calls, identity
from hub.crm.fold import Stamp
from hub.mapping.model import MappedRecord
from hub.sdk.errors import PayloadError
from hub.store.record_reader import BindingKey, Point
from hub.store.threads import short_ref
from hub.store.working_set import WorkingSet


def external_id(record: MappedRecord, stamp: Stamp, fallback: str = "") -> str:
    """The record's external id as a key; PayloadError when it has none."""
    key = record.external_id or fallback
    if not key:
        raise PayloadError(
            f"the {record.entity} has no external id: map external_id, or give the connection's "
            "records one"
        )
    return short_ref(key)


def lookups(
    records: Iterable[tuple[MappedRecord, Stamp, str]],
) -> tuple[list[BindingKey], list[Point]]:
    """What a batch will look up, so that the store is asked once."""
    keys: list[BindingKey] = []
    points: list[Point] = []
    for record, stamp, fallback in records:
        connection_id = stamp.connection_id or 0
        key = record.external_id or fallback
        if key and record.entity != "stock":
            keys.append((connection_id, record.entity, short_ref(key)))
        for fields in (record.contact, record.fields if record.entity == "contact" else None):
            if fields:
                points.extend(identity.points_of(fields))
                if fields.get("external_id"):
                    keys.append((connection_id, "contact", short_ref(str(fields["external_id"]))))
        if record.entity == "call":
            numbers = (record.fields.get("from_number"), record.fields.get("to_number"))
            points.extend(("phone", str(one)) for one in numbers if str(one).startswith("+"))
    return keys, points


def contact_of(ws: WorkingSet, record: MappedRecord, stamp: Stamp) -> int | None:
    """The contact a record is about, found or made; None when it names nobody."""
    if not record.contact:
        return None
    return identity.resolve_contact(
        ws, record.contact, contact_stamp(record, stamp), seen(record, stamp)
    )


def contact_of_call(
    ws: WorkingSet,
    call: dict[str, object],
    record: MappedRecord,
    stamp: Stamp,
    last_moment: datetime | None,
) -> int | None:
    """The contact behind a call's outside number, active until the call's last moment."""
    number = calls.client_number(call)
    if number is None:
        return None
    fields = {**(record.contact or {}), "phone": number}
    return identity.resolve_contact(
        ws, fields, contact_stamp(record, stamp), last_moment or seen(record, stamp)
    )


def contact_stamp(record: MappedRecord, stamp: Stamp) -> Stamp:
    """Contacts are told of by many systems: their versions compare as moments.

    Of two versions of one record, which happened at one moment, the newer one counts.
    """
    return Stamp(
        version=f"{seen(record, stamp).isoformat()} {stamp.version}",
        at=stamp.at,
        connection_id=stamp.connection_id,
        event_id=stamp.event_id,
        run_id=stamp.run_id,
        digest=stamp.digest,
        is_dated=stamp.is_dated or record.occurred_at is not None,
    )


def seen(record: MappedRecord, stamp: Stamp) -> datetime:
    """When the record's matter happened, as far as anybody says."""
    return record.occurred_at or stamp.at
