"""Rows put straight into the store's tables, for tests that read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert

from hub.sdk.request import RawRequest
from hub.store import connections
from hub.store.models import (
    ENTITY_TABLES,
    attempts,
    bindings,
    contact_points,
    deliveries,
    event_bodies,
    events,
    stock_levels,
    timeline,
)
from hub.store.spelling import plain_letters
from hub.store.store import Store
from tests.support.people import Client

START = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
MAILGUN = {"connector": "mailgun", "title": "Почта", "secrets": {"signing_key": "s3cret-signing"}}


def at(minutes: float) -> datetime:
    """A moment so many minutes after the tests' first one."""
    return START + timedelta(minutes=minutes)


class Rows:
    """Adds rows to a store; each method returns the row's id."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._events = 0

    def connection(self, name: str = "mail", document: dict[str, Any] | None = None) -> int:
        """A connection, mailgun by default."""
        with self.store.database.write() as db:
            key = connections.save(db, self.store.vault, name, document or MAILGUN, author="test")
        self.store.catalog.forget()
        return key

    def record(self, entity: str, minutes: float = 0, **values: Any) -> int:
        """A record of any entity, created and last changed so many minutes in."""
        moments = {"created_at": at(minutes), "updated_at": at(minutes)}
        return self._add(ENTITY_TABLES[entity], {**moments, **values})

    def contact(self, client: Client, minutes: float = 0, **values: Any) -> int:
        """A contact with phone, e-mail and search text."""
        words = (client.name, client.phone, client.email)
        key = self.record(
            "contact",
            minutes,
            name=client.name,
            phone=client.phone,
            email=client.email,
            search_text="\n".join(plain_letters(word) for word in words),
            **values,
        )
        self.point(key, "phone", client.phone)
        self.point(key, "email", client.email)
        return key

    def point(self, contact_id: int, kind: str, value: str) -> int:
        """A further phone or e-mail of a contact."""
        return self._add(contact_points, {"contact_id": contact_id, "kind": kind, "value": value})

    def binding(self, connection_id: int, entity: str, external_id: str, record_id: int) -> int:
        """What a connection calls this record."""
        values = {
            "connection_id": connection_id,
            "entity": entity,
            "external_id": external_id,
            "record_id": record_id,
        }
        return self._add(bindings, values)

    def stock(self, connection_id: int, sku: str, quantity: str, **values: Any) -> int:
        """A stock level."""
        row = {
            "connection_id": connection_id,
            "item_key": sku,
            "sku": sku,
            "quantity": Decimal(quantity),
            "updated_at": START,
            "search_text": plain_letters(f"{sku} {values.get('product_name', '')}"),
            **values,
        }
        return self._add(stock_levels, row)

    def entry(self, contact_id: int, kind: str, record_id: int, minutes: float) -> int:
        """An entry on a contact's timeline."""
        values = {
            "contact_id": contact_id,
            "kind": kind,
            "record_id": record_id,
            "occurred_at": at(minutes),
            "summary": {"number": str(record_id)},
        }
        return self._add(timeline, values)

    def event(
        self,
        connection_id: int,
        body: bytes = b"{}",
        request: RawRequest | None = None,
        **values: Any,
    ) -> int:
        """An event with its body."""
        self._events += 1
        row = {
            "connection_id": connection_id,
            "event_key": f"key-{self._events}",
            "type": "inbound",
            "received_at": at(self._events),
            "size_bytes": len(body),
        }
        key = self._add(events, {**row, **values})
        request = request or RawRequest(body)
        with self.store.database.write() as db:
            db.execute(
                insert(event_bodies).values(
                    event_id=key,
                    method=request.method,
                    path=request.path,
                    query=request.query,
                    headers=[list(pair) for pair in request.headers],
                    remote_addr="192.0.2.7",
                    body=body,
                )
            )
        return key

    def attempt(self, subject: str, subject_id: int, **values: Any) -> int:
        """A try at an event or a delivery."""
        row = {
            "subject": subject,
            "subject_id": subject_id,
            "number": 1,
            "outcome": "failed",
            "started_at": START,
        }
        return self._add(attempts, {**row, **values})

    def delivery(self, connection_id: int, record_id: int, **values: Any) -> int:
        """A delivery of an order's change."""
        row = {
            "connection_id": connection_id,
            "entity": "order",
            "record_id": record_id,
            "event_type": "order.updated",
            "delivery_key": f"msg_{record_id}",
            "created_at": START,
            "changed_at": START,
        }
        return self._add(deliveries, {**row, **values})

    def _add(self, table: Any, values: dict[str, Any]) -> int:
        with self.store.database.write() as db:
            return int(db.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
