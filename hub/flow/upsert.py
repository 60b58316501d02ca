"""Step upsert: a mapped record becomes part of the store, with its journal, timeline and duties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.crm import calls, identity, timeline
from hub.crm.companies import claim_company, find_company
from hub.crm.derived import SILENT, derive
from hub.crm.fold import Stamp, digest_of, fold, fold_with_extra, is_newer, is_stale
from hub.crm.products import Products
from hub.flow import resolve
from hub.flow.sinks import Sink
from hub.mapping.model import MappedRecord
from hub.sdk.errors import Ignored
from hub.store.connections import Configured
from hub.store.models import ENTITY_TABLES
from hub.store.outbox import Duty
from hub.store.threads import short_ref
from hub.store.working_set import WorkingSet


@dataclass
class Upsert:
    """Writes mapped records of one connection into a working set."""

    ws: WorkingSet
    configured: Configured
    sinks: Sequence[Sink]
    #: Stock rows of webhooks, written set-wise after the records.
    stock: list[tuple[MappedRecord, Stamp]] = field(default_factory=list)
    created: int = 0
    changed: int = 0
    #: Outside numbers of the calls that were told of, as they were and as they are.
    numbers: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._products = Products(self.ws, self.configured)

    def prepare(self, records: Sequence[MappedRecord]) -> None:
        """Ask the store once for what these records will look up beside their own ids."""
        products = [
            (short_ref(record.external_id), record.fields)
            for record in records
            if record.entity == "product" and record.external_id
        ]
        if products:
            self._products.prepare(products)

    def apply(self, record: MappedRecord, stamp: Stamp, fallback_id: str = "") -> None:
        """Apply one record; raises PayloadError when it lacks what the store needs."""
        stamp = Stamp(
            record.version or stamp.version,
            stamp.at,
            stamp.connection_id,
            stamp.event_id,
            stamp.run_id,
            stamp.user_id,
            digest_of({**record.fields, "": [record.extra, record.contact]}),
            bool(record.version) or stamp.run_id is None,
        )
        if record.entity == "stock":
            self.stock.append((record, stamp))
            return
        if record.entity == "contact":
            self._apply_contact(record, stamp, fallback_id)
            return
        key = resolve.external_id(record, stamp, fallback_id)
        connection_id = self.configured.id
        if record.entity == "company":
            record_id = find_company(self.ws, connection_id, key, record.fields)
        elif record.entity == "product":
            record_id = self._products.find(key, record.fields)
        else:
            record_id = self.ws.bound(connection_id, record.entity, key)
        is_new = record_id is None
        if record_id is None:
            record_id = self.ws.create(
                record.entity, {"connection_id": connection_id, "external_id": key}
            )
            if record.entity == "company":
                claim_company(self.ws, record_id, record.fields)
        if record.entity == "product":
            self._products.note(key, record_id, record.fields, is_new=is_new)
        self.ws.bind(connection_id, record.entity, key, record_id)
        if record.entity == "call":
            self._apply_call(record, stamp, record_id, is_new)
        else:
            self._apply_record(record, stamp, record_id, is_new)

    def _apply_contact(self, record: MappedRecord, stamp: Stamp, fallback_id: str) -> None:
        key = resolve.external_id(record, stamp, fallback_id)
        fields = {**record.fields, "external_id": key}
        moment = resolve.contact_stamp(record, stamp)
        if record.deleted:
            # Calls, mails and other systems know the person too; only a person erases a person.
            raise Ignored("a client deleted in one system stays a client here")
        told = len(self.ws.logged)
        seen_at = resolve.seen(record, stamp)
        contact_id = identity.resolve_contact(self.ws, fields, moment, seen_at)
        if contact_id is not None and record.extra:
            self._keep_extra(contact_id, record.extra, moment)
        if any(entry["action"] == "created" for entry in self.ws.logged[told:]):
            self.created += 1
        elif len(self.ws.logged) > told:
            self.changed += 1

    def _keep_extra(self, contact_id: int, extra: Mapping[str, Any], stamp: Stamp) -> None:
        """Keep what a source says of a contact beyond its columns."""
        row = self.ws.row("contact", contact_id)
        changes = fold_with_extra(row, {}, extra, stamp)
        if "extra" not in changes:
            return
        self.ws.change("contact", contact_id, changes)
        self.ws.log_change(
            {
                "entity": "contact",
                "record_id": contact_id,
                "action": "updated",
                "event_id": stamp.event_id,
                "run_id": stamp.run_id,
                "fields": {"extra": [row.get("extra"), changes["extra"]]},
            }
        )

    def _apply_record(
        self, record: MappedRecord, stamp: Stamp, record_id: int, is_new: bool
    ) -> None:
        row = self.ws.row(record.entity, record_id)
        fields = self._fields(record, is_new)
        if record.entity == "message":
            said = (fields.get("message_id"), fields.get("in_reply_to"))
            fields["thread_key"] = self.ws.threads.join(
                str(item) for item in (*said, *(fields.get("references") or ())) if item
            )
        if record.company:
            self._apply_company(record, stamp)
        contact_id = resolve.contact_of(self.ws, record, stamp)
        if contact_id is not None and "contact_id" in ENTITY_TABLES[record.entity].c:
            fields["contact_id"] = contact_id
        origins = row.get("origins") or {}
        if record.deleted and record.entity == "product" and self._products.is_shared(record_id):
            # One of the systems that know it has it no more; the others do.
            return
        if record.deleted:
            fields = {} if is_stale(row, stamp) else {"deleted_at": stamp.at}
        elif "deleted_at" in origins and is_newer(stamp, origins["deleted_at"]):
            fields["deleted_at"] = None
        changes = fold_with_extra(row, fields, {} if record.deleted else record.extra, stamp)
        self._save(record.entity, record_id, derive(record.entity, row, changes), stamp, is_new)

    def _apply_company(self, record: MappedRecord, stamp: Stamp) -> None:
        """The company a record is about: found or made, its name lent to the contact."""
        company = dict(record.company or {})
        key = short_ref(str(company.pop("external_id", "") or ""))
        if not (key or company.get("inn")):
            return
        found = find_company(self.ws, self.configured.id, key, company)
        record_id = found
        if record_id is None:
            origin = {"connection_id": self.configured.id, "external_id": key or None}
            record_id = self.ws.create("company", origin)
            claim_company(self.ws, record_id, company)
        if key:
            self.ws.bind(self.configured.id, "company", key, record_id)
        row = self.ws.row("company", record_id)
        moment = resolve.contact_stamp(record, stamp)
        changes = fold(row, company, moment, keep_filled=True)
        self._save("company", record_id, derive("company", row, changes), stamp, found is None)
        if record.contact is not None and company.get("name"):
            record.contact.setdefault("company_name", company["name"])

    def _fields(self, record: MappedRecord, is_new: bool) -> dict[str, Any]:
        columns = ENTITY_TABLES[record.entity].c
        skipped = record.only_update if is_new else record.only_create
        return {
            name: value
            for name, value in record.fields.items()
            if name in columns and name not in skipped
        }

    def _apply_call(self, record: MappedRecord, stamp: Stamp, record_id: int, is_new: bool) -> None:
        row = self.ws.row("call", record_id)
        parts = calls.add_part(
            row.get("parts") or {}, record.part, record.fields, stamp.version, stamp.event_id
        )
        if not is_new and parts == row.get("parts"):
            return
        call = calls.derive(parts)
        call["contact_id"] = resolve.contact_of_call(
            self.ws, call, record, stamp, calls.last_moment(parts)
        )
        origins = row.get("origins") or {}
        # A person's word stands.
        news = {
            name: value
            for name, value in call.items()
            if row.get(name) != value and "u" not in origins.get(name, {})
        }
        changes = fold_with_extra(row, {}, record.extra, stamp)
        kept = changes.get("origins") or origins
        changes |= {**news, "origins": {**kept, **dict.fromkeys(news, stamp.origin())}}
        changes["parts"] = parts
        changes["is_settled"] = bool(row.get("is_settled")) or calls.is_told(parts)
        self.numbers |= {number for one in (row, call) if (number := calls.client_number(one))}
        self._save("call", record_id, changes, stamp, is_new)

    def _save(
        self, entity: str, record_id: int, changes: Mapping[str, Any], stamp: Stamp, is_new: bool
    ) -> None:
        if not changes:
            return
        before = self.ws.row(entity, record_id)
        shown = {
            name: [before.get(name), value] for name, value in changes.items() if name not in SILENT
        }
        self.ws.change(entity, record_id, changes)
        if not shown and not is_new:
            return
        self.created += is_new
        self.changed += not is_new
        self.ws.log_change(
            {
                "entity": entity,
                "record_id": record_id,
                "action": "created" if is_new else "updated",
                "event_id": stamp.event_id,
                "run_id": stamp.run_id,
                "user_id": stamp.user_id,
                "fields": shown,
            }
        )
        after = self.ws.row(entity, record_id)
        if after.get("contact_id"):
            self.ws.enter(
                entity,
                record_id,
                {
                    "contact_id": after["contact_id"],
                    "occurred_at": timeline.occurred_at(entity, after, stamp.at),
                    "connection_id": stamp.connection_id,
                    "event_id": stamp.event_id,
                    "summary": timeline.summary(entity, after),
                },
            )
        elif before.get("contact_id"):
            self.ws.leave(entity, record_id)
        self._owe(entity, record_id, stamp, is_new, deleted=bool(after.get("deleted_at")))

    def finish(self) -> None:
        """Owe the destinations every contact that the batch made or changed; settle products."""
        self._products.finish()
        for entry in list(self.ws.logged):
            if entry["entity"] == "contact":
                stamp = Stamp("", self.ws.now, event_id=entry["event_id"])
                is_new = entry["action"] == "created"
                self._owe("contact", entry["record_id"], stamp, is_new, deleted=False)

    def _owe(
        self, entity: str, record_id: int, stamp: Stamp, is_new: bool, *, deleted: bool
    ) -> None:
        action = "deleted" if deleted else "created" if is_new else "updated"
        for sink in self.sinks:
            if sink.entities and entity not in sink.entities:
                continue
            self.ws.owe(
                Duty(
                    sink.connection_id,
                    entity,
                    record_id,
                    f"{entity}.{action}",
                    stamp.event_id,
                    deleted,
                )
            )
