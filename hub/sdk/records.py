"""What passes between a connector and the hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

#: A person was taken out of the hub: the change carries the contact's id and no field.
CONTACT_ERASED: Final = "contact.erased"


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One thing the vendor says, in the vendor's own terms.

    `entity` chooses the mapping. `external_id` is always text. `version` sorts as text and tells
    newer from older; empty means «as new as its arrival». `part` names the piece of the record
    that this message tells of (a call's leg, its summary); parts merge in any order.
    """

    entity: str
    external_id: str
    data: Mapping[str, Any]
    version: str = ""
    part: str = ""
    occurred_at: datetime | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class WantedRun:
    """What an event says instead of records: something changed, read this stream again.

    A notice may come late, twice or in the wrong order, so what it says is not believed; the
    stream is asked. An event gives either records or these.
    """

    stream: str


@dataclass(frozen=True, slots=True)
class Page:
    """One piece of a polled stream: its records and the cursor that covers everything up to here.

    `rejected` are rows that could not be read: (place, reason). `complete` is set on the last page
    of a full snapshot, and only when the vendor's answer was whole. `rows` are records of which
    nothing is known but their data, of the entity `entity`: a hundred thousand of them cost less
    this way. `digest` tells one answer from another before its first row is read: who knows that
    it has stored this very answer may stop there. `replaces`: the stock rows of an item on this
    page are all its warehouses, in others it has none; rows of one item never straddle pages.
    """

    records: Sequence[SourceRecord] = ()
    cursor: Mapping[str, Any] = field(default_factory=dict)
    rejected: Sequence[tuple[str, str]] = ()
    complete: bool = False
    entity: str = ""
    rows: Sequence[Mapping[str, Any]] = ()
    digest: str = ""
    replaces: bool = False

    def sources(self) -> Iterator[SourceRecord]:
        """Every record of the page, the bare rows too."""
        yield from self.records
        for row in self.rows:
            yield SourceRecord(self.entity, "", row)


@dataclass(frozen=True, slots=True)
class Change:
    """The newest state of one record that a destination must learn.

    `fields` is the record as the API shows it. An order on its way to a connector whose manifest
    names orders among its entities also tells who bought and what the destination calls things
    (hub/flow/enrich.py): `contact` {id, name, phone, email, inn, external_id, company {id, name,
    legal_name, inn, kpp, external_id}} and in each line `destination_product_id`,
    `destination_variant_id`; what is not known is empty text.

    `record_key` is the same over all changes and tries of one record: a destination that cannot
    tell a repeat by itself keeps it and looks it up before it makes anything.
    """

    entity: str
    record_id: int
    fields: Mapping[str, Any]
    event_type: str
    changed_at: datetime
    delivery_key: str
    deleted: bool = False
    record_key: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a destination answered to one change.

    `external_id` is what the destination calls the record. `bindings` are (entity, record id,
    external id) of what was found or made beside it: an order's company. `fields` are written
    onto the record as this destination's word (an order's erp_number); other destinations learn
    of them.
    """

    external_id: str = ""
    status_code: int | None = None
    reply: str = ""
    bindings: Sequence[tuple[str, int, str]] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StockLevel:
    """How many pieces of one product a shop may sell now; a whole number, never below zero.

    `external_id` is the shop's own id where the hub knows the product there. `place` is what the
    connector answered the last time: where in the shop it had found the product.
    """

    key: str
    quantity: int
    sku: str = ""
    external_id: str = ""
    place: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class StockResult:
    """What a shop answered to one level: sent, refused (in the shop's words), or absent there."""

    key: str
    status: str
    message: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step of a connection test, with what failed and how to mend it."""

    name: str
    ok: bool
    message: str = ""
