"""The past of a middle-sized company, seeded: people, calls, orders, stock, letters, events.

The whole size is 300,000 contacts, 1,000,000 calls, 100,000 products in 10 warehouses, 3,000,000
entries of timelines and 5,000,000 events; `scale` takes a part of it. The same seed gives the same
rows. All people and numbers are invented.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import Any

import orjson
from sqlalchemy import JSON, Connection, Table, insert

from hub.crm import timeline as entries
from hub.store.models import metadata

Row = dict[str, Any]
GIVEN = ("Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар", "Ирина", "Кирилл",
         "Лариса", "Максим", "Нина", "Олег", "Полина", "Роман", "Светлана", "Тимур", "Ульяна",
         "Фёдор")  # fmt: skip
FAMILY = ("Абрамова", "Белова", "Власенко", "Грач", "Дорохова", "Ермак", "Жук", "Зимина", "Ильенко",
          "Косых", "Лебедь", "Мороз", "Носик", "Орех", "Петренко", "Рудых", "Синица", "Ткач",
          "Уварова", "Чиж")  # fmt: skip
GOODS = ("Насос", "Кран", "Труба", "Муфта", "Фильтр", "Клапан", "Счётчик", "Шланг", "Котёл",
         "Радиатор")  # fmt: skip
CITIES = ("Тверь", "Казань", "Пермь", "Омск", "Тула")
CALL_STATES = ("answered", "answered", "answered", "missed", "busy")
ORDER_STATES = ("pending", "processing", "processing", "on-hold", "completed", "completed",
                "completed", "cancelled")  # fmt: skip
CHANNELS = ("yandex", "google", "vk", "site", "phone")
WHOLE = {"call": 1_000_000, "order": 500_000, "message": 1_000_000, "lead": 300_000,
         "deal": 100_000, "task": 100_000}  # fmt: skip
BATCH = 20_000
DAYS = 730


@dataclass(frozen=True)
class Size:
    """How many of each; every count is a part of the whole size."""

    scale: float

    def of(self, whole: int) -> int:
        """This part of a whole number, at least twenty."""
        return max(20, int(whole * self.scale))

    @property
    def contacts(self) -> int:
        """Clients."""
        return self.of(300_000)


class Past:
    """Writes the rows. `connections` are the ids of telephony, shop, mailbox and 1C."""

    def __init__(
        self,
        db: Connection,
        scale: float,
        connections: tuple[int, int, int, int],
        managers: list[str],
        now: datetime,
        seed: int = 1,
    ) -> None:
        self.db, self.size, self.managers, self.now = db, Size(scale), managers, now
        self.phones, self.shop, self.mail, self.onec = connections
        self._dice = random.Random(seed)  # noqa: S311  # the same rows every time are meant

    def write(self) -> None:
        """Everything, each table after those it points to."""
        self._put("contacts", self._contacts())
        self._put("contact_points", self._points())
        self._put("identity_claims", self._claims())
        self._put("products", self._products())
        self._put("stock_levels", self._levels())
        for entity, table in (
            ("call", "calls"), ("order", "orders"), ("message", "messages"),
            ("lead", "leads"), ("deal", "deals"), ("task", "tasks"),
        ):  # fmt: skip
            self._put(table, self._records(entity))
            self._put("timeline", self._timeline(entity))
            self._put("bindings", self._bindings(entity))
        self._put("events", self._events())
        self._put("event_bodies", self._bodies())
        self._put("attempts", self._attempts())
        self._put("changes", self._changes())
        if self.db.dialect.name == "postgresql":
            self._move_sequences()

    # What is there

    def moment(self, place: int, count: int) -> datetime:
        """When the one at this place of so many happened: evenly over two years, the last now."""
        return self.now - timedelta(days=DAYS) * (1 - place / count)

    def phone(self, contact: int) -> str:
        """Of each client another."""
        return f"+79{(contact * 7919 + 100_000_007) % 1_000_000_000:09}"

    def name(self, contact: int) -> str:
        """Family and given name."""
        return f"{FAMILY[contact % 20]} {GIVEN[contact // 20 % 20]} {contact}"

    def _common(self, key: int, count: int, connection: int) -> Row:
        at = self.moment(key, count)
        return {"id": key, "connection_id": connection, "created_at": at, "updated_at": at}

    def _contacts(self) -> Iterator[Row]:
        count = self.size.contacts
        for key in range(1, count + 1):
            name, phone = self.name(key), self.phone(key)
            yield self._common(key, count, self.phones) | {
                "name": name,
                "phone": phone,
                "email": f"client{key}@example.ru",
                "city": CITIES[key % 5],
                "manager": self.managers[key % len(self.managers)],
                "search_text": f"{name.lower()}\n{phone}\nclient{key}@example.ru",
                "last_activity_at": self.moment(key, count),
                "origins": {"name": {"v": "1", "at": self.now.isoformat(), "c": self.phones}},
            }

    def _points(self) -> Iterator[Row]:
        for key in range(1, self.size.contacts + 1):
            yield {"contact_id": key, "kind": "phone", "value": self.phone(key)}
            yield {"contact_id": key, "kind": "email", "value": f"client{key}@example.ru"}

    def _claims(self) -> Iterator[Row]:
        return ({**row} for row in self._points())

    def _products(self) -> Iterator[Row]:
        count = self.size.of(100_000)
        for key in range(1, count + 1):
            name, sku = f"{GOODS[key % 10]} {key // 10}", f"ART-{key:06}"
            yield self._common(key, count, self.onec) | {
                "external_id": f"p-{key}", "name": name, "sku": sku, "barcode": f"46{key:011}",
                "price": Decimal(key % 5_000) + Decimal("0.50"), "currency": "RUB",
                "category": GOODS[key % 10],
                "search_text": f"{name.lower()}\n{sku.lower()}\n46{key:011}",
            }  # fmt: skip

    def _levels(self) -> Iterator[Row]:
        for key in range(self.size.of(100_000) * 10):
            product, place = key // 10 + 1, key % 10
            name, sku = f"{GOODS[product % 10]} {product // 10}", f"ART-{product:06}"
            quantity = Decimal(self._dice.choice((0, 0, 1, 3, 12, 40, 250)))
            yield {
                "id": key + 1, "connection_id": self.onec, "item_key": f"p-{product}",
                "variant_key": "", "warehouse_key": f"w-{place}", "sku": sku,
                "product_external_id": f"p-{product}", "product_name": name,
                "warehouse": f"Склад {place + 1}", "warehouse_external_id": f"w-{place}",
                "quantity": quantity, "reserved": Decimal(0), "available": quantity,
                "price": Decimal(product % 5_000) + Decimal("0.50"), "currency": "RUB",
                "stream": "stock", "created_at": self.now, "updated_at": self.now,
                "product_id": product, "search_text": f"{sku.lower()}\n{name.lower()}",
            }  # fmt: skip

    def count_of(self, entity: str) -> int:
        """Records of an entity; those on timelines are three millions in all."""
        return self.size.of(WHOLE[entity])

    def _contact_of(self, entity: str, key: int) -> int:
        return (key * 31 + len(entity)) % self.size.contacts + 1

    def _records(self, entity: str) -> Iterator[Row]:
        count = self.count_of(entity)
        source = {"call": self.phones, "message": self.mail}.get(entity, self.shop)
        for key in range(1, count + 1):
            contact = self._contact_of(entity, key)
            yield self._common(key, count, source) | {
                "external_id": f"{entity}-{key}",
                "contact_id": contact,
                "manager": self.managers[key % len(self.managers)],
                **getattr(self, f"_{entity}")(key, contact, self.moment(key, count)),
            }

    def _call(self, key: int, contact: int, at: datetime) -> Row:
        status = CALL_STATES[key % 5]
        talked = self._dice.randrange(10, 600) if status == "answered" else None
        outgoing = key % 3 == 0
        numbers = ("+74951234567", self.phone(contact))
        return {
            "direction": "out" if outgoing else "in", "status": status,
            "from_number": numbers[0 if outgoing else 1], "to_number": numbers[not outgoing],
            "line_number": f"+7495123456{key % 4}", "extension": str(101 + key % 10),
            "started_at": at, "wait_seconds": key % 60, "talk_seconds": talked,
            "ended_at": at + timedelta(seconds=(talked or 0) + key % 60),
            "answered_at": at + timedelta(seconds=key % 60) if talked else None,
            "is_settled": True,
        }  # fmt: skip

    def _order(self, key: int, contact: int, at: datetime) -> Row:
        price = Decimal(100 + key % 9_000)
        line = {"sku": f"ART-{key % self.size.of(100_000) + 1:06}", "name": "Насос",
                "quantity": "2", "price": str(price), "total": str(price * 2)}  # fmt: skip
        recent = self.now - at < timedelta(days=14)
        status = ORDER_STATES[key % 8] if recent else ORDER_STATES[4 + key % 4]
        return {"number": str(100_000 + key), "status": status, "placed_at": at, "currency": "RUB",
                "total": price * 2, "channel": CHANNELS[key % 5], "lines": [line]}  # fmt: skip

    def _message(self, key: int, contact: int, at: datetime) -> Row:
        incoming = key % 2 == 0
        sides = (f"client{contact}@example.ru", "sales@example.ru")
        return {
            "channel": "email", "direction": "in" if incoming else "out", "kind": "mail",
            "from_address": sides[not incoming], "to_address": sides[incoming],
            "subject": f"Вопрос о заказе {key // 2}", "text": "Здравствуйте! Когда привезут?",
            "sent_at": at, "message_id": f"<{key}@example.ru>",
            "thread_key": f"<{key // 2}@example.ru>",
            "awaits_since": at if incoming and key % 50 == 0 else None,
        }  # fmt: skip

    def _lead(self, key: int, contact: int, at: datetime) -> Row:
        recent = self.now - at < timedelta(days=14)
        return {"title": "Заявка с сайта", "status": "new" if recent else "done",
                "channel": CHANNELS[key % 5], "campaign": f"осень-{key % 7}",
                "received_at": at}  # fmt: skip

    def _deal(self, key: int, contact: int, at: datetime) -> Row:
        recent = self.now - at < timedelta(days=30)
        return {"title": f"Сделка {key}", "stage": "in work" if recent else "won",
                "amount": Decimal(key % 90_000), "currency": "RUB",
                "closed_at": None if recent else at}  # fmt: skip

    def _task(self, key: int, contact: int, at: datetime) -> Row:
        recent = self.now - at < timedelta(days=3)
        return {"title": "Перезвонить", "due_at": at, "done_at": None if recent else at}

    def _timeline(self, entity: str) -> Iterator[Row]:
        for row in self._records(entity):
            full = {**dict.fromkeys(metadata.tables[f"{entity}s"].c.keys()), **row}
            shown = entries.summary(entity, full)
            yield {
                "contact_id": row["contact_id"], "kind": entity, "record_id": row["id"],
                "occurred_at": row["created_at"], "connection_id": row["connection_id"],
                "summary": orjson.loads(orjson.dumps(shown, default=str)),
            }  # fmt: skip

    def _bindings(self, entity: str) -> Iterator[Row]:
        for row in self._records(entity):
            yield {"connection_id": row["connection_id"], "entity": entity,
                   "external_id": row["external_id"], "record_id": row["id"]}  # fmt: skip

    def _events(self) -> Iterator[Row]:
        count = self.size.of(5_000_000)
        for key in range(1, count + 1):
            at = self.moment(key, count)
            status = "dead" if key % 5_003 == 0 else "ignored" if key % 17 == 0 else "done"
            yield {
                "id": key, "connection_id": self.phones if key % 3 else self.shop,
                "event_key": f"e-{key}", "ordering_key": f"o-{key // 3}",
                "type": "events/call" if key % 3 else "order.updated", "status": status,
                "received_at": at, "finished_at": at + timedelta(milliseconds=20), "attempts": 1,
                "error_code": "payload" if status == "dead" else None,
                "error_message": "no such field" if status == "dead" else None, "size_bytes": 60,
            }  # fmt: skip

    def _bodies(self) -> Iterator[Row]:
        for key in range(1, self.size.of(5_000_000) + 1):
            yield {"event_id": key, "method": "POST", "headers": [["Content-Type", "text/plain"]],
                   "body": b'{"call_id": "c-%d", "state": "ended"}' % key}  # fmt: skip

    def _attempts(self) -> Iterator[Row]:
        count = self.size.of(5_000_000)
        for key in range(1, count + 1):
            yield {"subject": "event", "subject_id": key, "number": 1, "outcome": "succeeded",
                   "step": "upsert", "started_at": self.moment(key, count),
                   "duration_ms": 3}  # fmt: skip

    def _changes(self) -> Iterator[Row]:
        count = self.count_of("call")
        for key in range(1, count + 1):
            yield {"entity": "call", "record_id": key, "event_id": key * 5, "action": "created",
                   "fields": {"status": [None, CALL_STATES[key % 5]]},
                   "at": self.moment(key, count)}  # fmt: skip

    # How it is written

    def _put(self, name: str, rows: Iterable[Row]) -> None:
        table = metadata.tables[name]
        plain = _defaults(table)
        filled = ({**plain, **row} for row in rows)
        if self.db.dialect.name == "postgresql":
            self._copy(table, filled)
            return
        while batch := list(islice(filled, BATCH)):
            self.db.execute(insert(table), batch)

    def _copy(self, table: Table, rows: Iterator[Row]) -> None:
        first = next(rows)
        kinds = [(name, isinstance(table.c[name].type, JSON)) for name in first]
        driver: Any = self.db.connection.dbapi_connection
        listed = ", ".join(f'"{name}"' for name in first)
        text = f"COPY {table.name} ({listed}) FROM STDIN"
        with driver.cursor() as cursor, cursor.copy(text) as copy:
            for row in chain((first,), rows):
                copy.write_row(
                    [_json(row[name]) if is_json else row[name] for name, is_json in kinds]
                )

    def _move_sequences(self) -> None:
        for name in ("contacts", "products", "stock_levels", "calls", "orders", "messages", "leads",
                     "deals", "tasks", "events"):  # fmt: skip
            last = self.db.exec_driver_sql(f"SELECT max(id) FROM {name}").scalar()  # noqa: S608  # our own names
            self.db.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {last})"
            )


def _defaults(table: Table) -> Row:
    """What the table's columns have when nobody says otherwise; COPY asks nobody."""
    found: Row = {}
    for column in table.c:
        if isinstance(column.type, JSON) and not column.nullable:
            found[column.name] = [] if column.name == "lines" else {}
        elif column.default is not None and column.default.is_scalar:
            found[column.name] = column.default.arg  # type: ignore[attr-defined]  # of a scalar
    return found


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def now() -> datetime:
    """The present, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)
