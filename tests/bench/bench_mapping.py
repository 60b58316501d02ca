"""Mapping a record of twelve fields, against a function that a programmer would write by hand.

The record has phones, money and times. The floor does the same by hand: the same rules for a phone
(remembered, as ours are), exact amounts, times with a zone into UTC, spaces taken off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

from hub.mapping.compiler import compile_mapping
from hub.mapping.schema import build_document
from hub.mapping.transforms import MappingContext
from hub.sdk.records import SourceRecord
from tests.bench.report import Report

ROUNDS = 40_000
MOSCOW = ZoneInfo("Europe/Moscow")
DOCUMENT = {
    "external_id": "id",
    "fields": {
        "number": "number",
        "status": {"from": "status", "choices": {"new": "pending", "paid": "processing"}},
        "placed_at": {"from": "created", "as": "time"},
        "paid_at": {"from": "payment.at", "as": "time"},
        "currency": "payment.currency",
        "total": {"from": "payment.total", "as": "money"},
        "delivery_total": {"from": "delivery.total", "as": "money"},
        "delivery_method": "delivery.title",
        "delivery_address": "delivery.address",
        "comment": "note",
    },
    "contact": {"name": "client.name", "phone": {"from": "client.phone", "as": "phone"}},
}


def records(count: int) -> list[dict[str, Any]]:
    """Orders of many people, as a shop would send them."""
    return [
        {
            "id": number,
            "number": f"A-{number}",
            "status": ("new", "paid", "done")[number % 3],
            "created": f"2026-01-{number % 28 + 1:02}T18:20:{number % 60:02}",
            "note": "Позвонить после шести",
            "payment": {"at": "2026-01-12T21:20:05+03:00", "currency": "RUB",
                        "total": f"{number % 9000}.50"},
            "delivery": {"total": "350.00", "title": "Курьер", "address": "Москва, Тверская, 1"},
            "client": {"name": "Анна Петрова", "phone": f"8 (916) {number % 900 + 100}-45-67"},
        }
        for number in range(count)
    ]  # fmt: skip


@lru_cache(maxsize=50_000)
def phone(text: str) -> str | None:
    """A phone as E.164, by hand."""
    number = phonenumbers.parse(text, "RU")
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


STATUSES = {"new": "pending", "paid": "processing"}


def moment(text: str) -> datetime:
    """A time in UTC; without a zone it is Moscow's."""
    value = datetime.fromisoformat(text)
    return (value if value.tzinfo else value.replace(tzinfo=MOSCOW)).astimezone(UTC)


def text_of(value: str | None) -> str | None:
    """Text without spaces around; nothing for blank text."""
    return (value.strip() or None) if value else None


def by_hand(order: dict[str, Any]) -> dict[str, Any]:
    """The floor: what one would write for exactly these twelve fields."""
    payment, delivery = order.get("payment") or {}, order.get("delivery") or {}
    client = order.get("client") or {}
    status = order.get("status")
    return {
        "external_id": str(order["id"]),
        "number": text_of(order.get("number")),
        "status": STATUSES.get(status, status) if status else None,
        "placed_at": moment(order["created"]) if order.get("created") else None,
        "paid_at": moment(payment["at"]) if payment.get("at") else None,
        "currency": text_of(payment.get("currency")),
        "total": Decimal(payment["total"]) if payment.get("total") else None,
        "delivery_total": Decimal(delivery["total"]) if delivery.get("total") else None,
        "delivery_method": text_of(delivery.get("title")),
        "delivery_address": text_of(delivery.get("address")),
        "comment": text_of(order.get("note")),
        "contact": {
            "name": text_of(client.get("name")),
            "phone": phone(client["phone"]) if client.get("phone") else None,
        },
    }


def best(ways: dict[str, Callable[[], None]], tries: int = 5) -> dict[str, float]:
    """Records a second of each way, the best of several runs taken in turn."""
    found = dict.fromkeys(ways, 0.0)
    for _ in range(tries):
        for name, run in ways.items():
            started = time.perf_counter()
            run()
            found[name] = max(found[name], ROUNDS / (time.perf_counter() - started))
    return found


def main() -> None:
    """Print the floor, the whole record and the fields alone."""
    report = Report("mapping")
    orders = records(ROUNDS)
    compiled = compile_mapping(build_document(DOCUMENT, "order"))
    context = MappingContext(timezone=MOSCOW)
    sources = [SourceRecord("order", "", order) for order in orders]
    mine = compiled.apply(sources[7], context)
    floor_record = by_hand(orders[7])
    assert mine.external_id == floor_record.pop("external_id")
    assert mine.contact == floor_record.pop("contact")
    assert mine.fields == floor_record

    def floor() -> None:
        for order in orders:
            by_hand(order)

    def whole() -> None:
        for source in sources:
            compiled.apply(source, context)

    def fields() -> None:
        warnings: list[str] = []
        for order in orders:
            compiled.fields(order, context, warnings)

    found = best({"floor": floor, "whole": whole, "fields": fields})
    least, target = found["floor"], "≥ 0.33 of the floor: at most 3 times its time"
    report.add("written by hand", least, unit="records/s")
    report.add("mapping, the whole record", found["whole"], least, "records/s", target)
    report.add("mapping, the entity's fields alone", found["fields"], least, "records/s")
    report.save()


if __name__ == "__main__":
    main()
