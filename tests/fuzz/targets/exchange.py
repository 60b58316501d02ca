"""CommerceML as it is uploaded: XML of every dialect, archives; and what goes out as «sale»."""

from __future__ import annotations

import io
import json
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from lxml import etree

from connectors._protocols.commerceml_reader import Reading, pages_of
from connectors._protocols.commerceml_sale import Sale, document, package
from connectors.onec_commerceml.emulator import Emulator, files_of, packed
from hub.flow.map import Mappings
from hub.registry import make_connection
from hub.sdk.errors import PayloadError, Rejected
from hub.sdk.records import Change
from hub.store.connections import Configured
from hub.store.database import to_json
from tests.contract.cases import check_record
from tests.fuzz.markup import mutate_xml
from tests.fuzz.mutate import mutate_bytes
from tests.fuzz.storable import check_storable
from tests.fuzz.target import Finding, Run, Target
from tests.fuzz.targets.webhooks import NOW

PORTIONS = ("ut", "ut-changes", "bitrix", "unf", "old")
ORDER = {
    "number": "1",
    "status": "new",
    "currency": "RUB",
    "total": "10.00",
    "placed_at": "2026-01-12T15:21:12Z",
    "delivery_total": "1",
    "contact": {"name": "Иван", "phone": "+79160000001", "inn": "7707083893"},
    "lines": [{"sku": "А", "name": "Б", "quantity": "1", "price": "9", "total": "9"}],
}


def targets() -> list[Target]:
    """Uploads read, orders written."""
    return [
        Target("commerceml", _open_reader, 8),
        Target("commerceml:sale", _open_writer, 2),
    ]


def _open_reader() -> Run:
    seeds = [body for name in PORTIONS for _, body in files_of(name)]
    seeds += [packed(files_of("ut")), _orders_back()]
    connection = make_connection(Emulator().connection(), "onec", id=1)
    mappings = Mappings(Configured(connection, "active", "", {}, {}, (), 1))
    return Run(seeds, _changed, lambda blob: check_upload(blob, mappings))


def _orders_back() -> bytes:
    base = Emulator()
    body = package([document(_change(ORDER), Sale(ZoneInfo("UTC")))], Sale(ZoneInfo("UTC")), NOW)
    for one in etree.fromstring(body).iter("Документ"):
        order = base._take(one)
        order.requisites = {"Номер по 1С": "1", "Дата по 1С": "2026-01-01", "Оплачен": "true"}
        base.orders[order.number] = order
    return base.orders_file()


def _changed(body: bytes, random: Random) -> bytes:
    if body.startswith(b"PK") or random.random() < 0.2:
        return mutate_bytes(body, random)
    return mutate_xml(body, random)


def check_upload(blob: bytes, mappings: Mappings) -> None:
    """A file is told page by page or refused with words, twice the same; its rows are storable."""
    first, again = _told(blob, mappings), _told(blob, None)
    if first != again:
        raise Finding("a file is read in two ways", f"{first!r:.200} and {again!r:.200}")


def _told(blob: bytes, mappings: Mappings | None) -> str:
    try:
        pages = list(pages_of(io.BytesIO(blob), "", {}, Reading(number_prefix="U")))
    except PayloadError as error:
        if not error.message.strip():
            raise Finding("an error without words") from error
        return error.message
    for page in pages:
        json.dumps(page.cursor)
        items = [(row["Ид"], row["ИдХарактеристики"]) for row in page.rows]
        if any(not isinstance(value, str) for row in page.rows for value in row.values()):
            raise Finding("a row of stock holds something else than text")
        if any(not item for item, _ in items):
            raise Finding("a row of stock without an item")
        for record in page.records if mappings else ():
            check_record("onec_commerceml", record)
            assert mappings is not None
            try:
                check_storable(mappings.apply(record))
            except PayloadError as error:
                error.message.encode()
    return to_json(
        [[record.external_id, dict(record.data)] for page in pages for record in page.records]
    )


def _change(fields: Any) -> Change:
    return Change("order", 15, fields, "order.updated", NOW, "key", record_key="uzel-order-15")


def _open_writer() -> Run:
    return Run([json.dumps(ORDER).encode()], _other_values, check_sale)


def _other_values(blob: bytes, random: Random) -> bytes:
    order = json.loads(blob)
    for _ in range(random.randint(1, 4)):
        place: Any = random.choice([order, order["contact"], order["lines"][0]])
        if not isinstance(place, dict) or not place:
            continue
        name = random.choice(sorted(place))
        if name in {"contact", "lines"}:
            continue
        place[name] = random.choice(
            [
                "",
                None,
                "0",
                "-1",
                "1e999",
                "NaN",
                "\u0000\ud800x",
                "я" * 5000,
                "🙂\u000b",
                7,
                True,
                [],
                {},
            ]
        )
    return json.dumps(order).encode()


def check_sale(blob: bytes) -> None:
    """An order is a document that any reader of XML takes, or refused with words."""
    for encoding in ("utf-8", "windows-1251"):
        sale = Sale(ZoneInfo("Europe/Moscow"), encoding=encoding)
        try:
            body = package([document(_change(json.loads(blob)), sale)], sale, NOW)
        except Rejected as error:
            error.message.encode()
            continue
        (one,) = etree.fromstring(body).iter("Документ")
        for name in ("Ид", "Номер", "ХозОперация", "Валюта", "Сумма"):
            if not (one.findtext(name) or "").strip():
                raise Finding(f"a document without {name}")
