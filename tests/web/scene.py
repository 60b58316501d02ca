"""A small company's hub with something on every page. All people and numbers are invented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, update

from hub.crm import timeline as entries
from hub.store import stock_items, users
from hub.store.database import utc_now
from hub.store.models import ENTITY_TABLES, cursors, timeline
from hub.store.store import Store
from tests.support.hub import Hub
from tests.support.people import COLLEAGUES, IRINA, PAVEL, STRANGER, VERA
from tests.support.rows import Rows
from tests.web.backstage import Backstage
from tests.web.pages_ops import furnish

PASSWORD = "korova-na-lugu-42"
ONEC = {
    "connector": "onec_soap",
    "title": "1С: Управление торговлей",
    "settings": {
        "wsdl": "http://1c.local/ut/ws/StockHub.1cws?wsdl",
        "address": "http://1c.local/ut/ws/StockHub.1cws",
        "username": "Обмен",
        "streams": {
            "stock": {"operation": "GetRemains", "rows": "return.Row", "mode": "full"},
        },
    },
    "secrets": {"password": "onec-secret-password"},
    "schedule": {"stock": "every 5m"},
    "mappings": {
        "stock": {"fields": {"sku": "Article", "quantity": {"from": "Qty", "as": "quantity"}}}
    },
}
MANGO = {
    "connector": "mango",
    "title": "Манго, отдел продаж",
    "settings": {"managers": {"101": VERA.email}},
    "secrets": {"api_key": "mango-key-123", "api_salt": "mango-salt-456"},
}
LETTER = (
    "Здравствуйте!\n\nПодскажите, есть ли в наличии насос НЦ-20?\n"
    "<script>alert(1)</script>\n\nС уважением,\nИрина"
)


@dataclass
class Scene:
    """Ids of what the scene holds."""

    irina: int
    pavel: int
    order: int
    call: int
    message: int
    done_event: int
    dead_event: int
    run: int
    delivery: int
    task: int


def add_people(store: Store) -> None:
    """The cast, all with one password."""
    for one in COLLEAGUES:
        users.create_user(store.database, one.email, one.name, one.role, PASSWORD)


def build(store: Store) -> Scene:
    """Fill an empty store; the people are added too."""
    add_people(store)
    return _Builder(store).build()


class _Builder:
    def __init__(self, store: Store) -> None:
        self.store, self.rows, self.hub = store, Rows(store), Hub(store)
        self.now = utc_now()

    def build(self) -> Scene:
        self.site = self.hub.site(title="Сайт, формы заявок").id
        self.mango = self.rows.connection("mango-main", MANGO)
        self.onec = self.rows.connection("onec", ONEC)
        irina = self._contact(IRINA, self.mango, company_name="ООО «Сад и дом»", city="Тверь")
        pavel = self._contact(PAVEL, self.mango)
        call = self._calls(irina, pavel)
        order = self._orders(irina)
        message = self._letters(irina)
        backstage = Backstage(self.hub, self.rows, self.site, self.onec, self.now)
        done, dead = backstage.events()
        run = backstage.stock()
        stock_items.catch_up(self.store.database, ())
        delivery = backstage.operations(irina, pavel, order)
        furnish(self.store, self.site, dead, self.now)
        task = self._tasks(irina, pavel, order)
        return Scene(irina, pavel, order, call, message, done, dead, run, delivery, task)

    def ago(self, **span: float) -> datetime:
        """A moment before now."""
        return self.now - timedelta(**span)

    def _contact(self, person: Any, connection_id: int, **values: Any) -> int:
        key = self.rows.contact(
            person,
            connection_id=connection_id,
            manager=VERA.email,
            last_activity_at=self.ago(hours=1),
            origins={
                "name": {"v": "1", "at": self.ago(days=2).isoformat(), "c": connection_id, "e": 1},
                "manager": {"v": "2", "at": self.ago(days=1).isoformat(), "u": 1},
            },
            **values,
        )
        self.rows.binding(connection_id, "contact", person.phone, key)
        return key

    def _add(self, entity: str, happened: str, at: datetime, **values: Any) -> int:
        """A record with its place on the client's timeline."""
        columns: dict[str, Any] = {**values, happened: at}
        key = self.rows.record(entity, **columns)
        row = {**dict.fromkeys(ENTITY_TABLES[entity].c.keys()), **columns}
        if values.get("contact_id"):
            with self.store.database.write() as db:
                db.execute(
                    insert(timeline).values(
                        contact_id=values["contact_id"],
                        kind=entity,
                        record_id=key,
                        occurred_at=at,
                        connection_id=values.get("connection_id"),
                        summary=entries.summary(entity, row),
                    )
                )
        return key

    def _calls(self, irina: int, pavel: int) -> int:
        shared = {"connection_id": self.mango, "line_number": "+74951234567"}
        answered = {"status": "answered", "wait_seconds": 12, "manager": VERA.email}
        key = self._add(
            "call",
            "started_at",
            self.ago(minutes=50),
            external_id="MToxMDAwMToxOjE",
            contact_id=irina,
            direction="in",
            from_number=IRINA.phone,
            to_number="101",
            talk_seconds=185,
            recording_id="MTAwMDE6NTU1",
            answered_at=self.ago(minutes=49),
            **answered,
            **shared,
        )
        missed = {"direction": "in", "status": "missed", "wait_seconds": 41}
        for number, minutes in ((1, 8), (2, 4)):
            self._add(
                "call",
                "started_at",
                self.ago(minutes=minutes),
                external_id=f"missed-{number}",
                contact_id=pavel,
                from_number=PAVEL.phone,
                to_number="+74951234567",
                **missed,
                **shared,
            )
        self._add(
            "call",
            "started_at",
            self.ago(minutes=2),
            external_id="stranger",
            from_number=STRANGER.phone,
            to_number="+74951234567",
            **missed,
            **shared,
        )
        self._old_calls(pavel)
        return key

    def _old_calls(self, pavel: int) -> None:
        for number in range(60):
            self._add(
                "call",
                "started_at",
                self.ago(days=2, minutes=number),
                external_id=f"old-{number}",
                contact_id=pavel,
                direction="out",
                from_number="101",
                to_number=PAVEL.phone,
                talk_seconds=30 + number,
                status="answered",
                wait_seconds=12,
                manager=VERA.email,
                connection_id=self.mango,
            )

    def _orders(self, irina: int) -> int:
        line = {"external_id": "1", "sku": "NC-20", "name": "Насос циркуляционный НЦ-20/40"}
        key = self._add(
            "order",
            "placed_at",
            self.ago(hours=2),
            external_id="2041",
            connection_id=self.site,
            contact_id=irina,
            number="2041",
            status="processing",
            currency="RUB",
            total=Decimal("25980.50"),
            delivery_total=Decimal("490"),
            delivery_address="170100, Тверь, Советская улица, дом 34, квартира 12",
            payment_method="Картой на сайте",
            channel="yandex",
            lines=[
                {**line, "quantity": "2", "price": "12490.25", "total": "24980.50"},
                {"name": "Доставка до подъезда", "quantity": "1", "price": "510", "total": "510"},
            ],
        )
        for number, status in enumerate(("completed", "cancelled", "own-status")):
            self._add(
                "order",
                "placed_at",
                self.ago(days=400 + number),
                external_id=f"10{number}",
                connection_id=self.site,
                contact_id=irina,
                number=f"10{number}",
                status=status,
                currency="RUB",
                total=Decimal("1500"),
            )
        return key

    def _tasks(self, irina: int, pavel: int, order: int) -> int:
        """A call-back that is late, one that anyone may take, one in an hour, one that is done."""
        late = {"kind": "call_back", "number": PAVEL.phone, "title": f"Перезвонить {PAVEL.phone}"}
        key = self._add(
            "task",
            "due_at",
            self.ago(minutes=3),
            contact_id=pavel,
            manager=VERA.email,
            missed_count=2,
            attempt_count=1,
            first_missed_at=self.ago(minutes=8),
            last_missed_at=self.ago(minutes=4),
            connection_id=self.mango,
            **late,
        )
        free = {**late, "number": STRANGER.phone, "title": f"Перезвонить {STRANGER.phone}"}
        moments = {"first_missed_at": self.ago(minutes=2), "last_missed_at": self.ago(minutes=2)}
        self._add("task", "due_at", self.ago(minutes=-13), missed_count=1, **moments, **free)
        self._add(
            "task",
            "due_at",
            self.ago(minutes=-45),
            title="Выставить счёт на насосы",
            comment="Спросить про доставку до подъезда",
            manager=VERA.email,
            contact_id=irina,
            about_entity="order",
            about_id=order,
        )
        done = {"title": "Прислать реквизиты", "done_by": VERA.email, "manager": VERA.email}
        self._add("task", "due_at", self.ago(hours=3), done_at=self.ago(hours=2), **done)
        return key

    def _letters(self, irina: int) -> int:
        shared = {"connection_id": self.site, "contact_id": irina, "thread_key": "<a@example.org>"}
        key = self._add(
            "message",
            "sent_at",
            self.ago(minutes=30),
            external_id="m1",
            direction="in",
            kind="mail",
            subject="Наличие насоса НЦ-20",
            text=LETTER,
            from_address=IRINA.email,
            to_address="sales@example.ru",
            attachments=[{"name": "Реквизиты.pdf", "content_type": "application/pdf",
                          "size_bytes": 48213}],
            **shared,
        )  # fmt: skip
        self._add(
            "message",
            "sent_at",
            self.ago(minutes=20),
            external_id="m2",
            direction="out",
            kind="mail",
            subject="Re: Наличие насоса НЦ-20",
            text="Добрый день! Да, есть два.",
            from_address="sales@example.ru",
            to_address=IRINA.email,
            **shared,
        )
        self._add(
            "message",
            "sent_at",
            self.ago(hours=5),
            external_id="m3",
            direction="in",
            kind="mail",
            subject="Счёт на две станции",
            text="Пришлите, пожалуйста, счёт.",
            from_address=PAVEL.email,
            to_address="sales@example.ru",
            connection_id=self.site,
            thread_key="<b@example.org>",
            awaits_since=self.ago(hours=5),
        )
        return key


def age_stock(store: Store, **span: float) -> None:
    """Make the last successful poll of the stock this old."""
    with store.database.write() as db:
        db.execute(update(cursors).values(fresh_at=utc_now() - timedelta(**span)))
