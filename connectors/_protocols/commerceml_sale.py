"""Orders as CommerceML «sale» documents for 1C: complete one by one, or refused one by one.

1C takes a batch in one transaction: a document without ХозОперация or Валюта would stop them all.
So each is built by itself, and one that cannot be whole is not in the batch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from lxml import etree

from connectors._protocols.commerceml import GUID
from hub.sdk.errors import Rejected
from hub.sdk.records import Change

#: 1C cuts a longer number, and the cut one may be another order's.
MAX_NUMBER: Final = 11
MAX_NAME: Final = 250
#: Statuses, as shops say them, of an order that is no more.
CANCELLED: Final = frozenset({"cancelled", "canceled", "refunded", "failed", "отменен", "отменён"})
#: What XML 1.0 cannot carry, and what 1C's reader stumbles over.
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: How 1C's own exchange calls a delivery that is paid for.
DELIVERY_ID: Final = "ORDER_DELIVERY"


@dataclass(frozen=True)
class Sale:
    """How orders are written: zone of the base, prefix of numbers, words where there are none.

    `refuse_unknown`: an order with goods that the base does not know is refused, not sent by
    article and name (1C makes new goods of what it does not find).
    """

    timezone: tzinfo
    number_prefix: str = "U"
    currency: str = "RUB"
    customer: str = "Розничный покупатель"
    refuse_unknown: bool = False
    encoding: str = "utf-8"


def package(documents: Iterable[bytes], sale: Sale, now: datetime) -> bytes:
    """The whole answer: these documents, or an empty root when there are none."""
    moment = now.astimezone(sale.timezone).strftime("%Y-%m-%dT%H:%M:%S")
    head = (
        f'<?xml version="1.0" encoding="{sale.encoding}"?>\n'
        f'<КоммерческаяИнформация ВерсияСхемы="2.07" ДатаФормирования="{moment}">\n'
    )
    parts = [
        head.encode(sale.encoding),
        *documents,
        "</КоммерческаяИнформация>\n".encode(sale.encoding),
    ]
    return b"".join(parts)


def document(change: Change, sale: Sale) -> bytes:
    """One order as a Документ in the sale's encoding; Rejected when it cannot be whole."""
    order = change.fields
    number = f"{sale.number_prefix}{change.record_id}"
    if len(number) > MAX_NUMBER:
        raise Rejected(f"номер {number} длиннее {MAX_NUMBER} знаков: 1С его обрежет")
    root = etree.Element("Документ")
    currency = _text(order.get("currency")) or sale.currency
    lines = _lines(order, sale)
    total = sum((line["Сумма"] for line in lines), Decimal(0))
    placed = _moment(order.get("placed_at") or order.get("created_at"), change.changed_at)
    local = placed.astimezone(sale.timezone)
    _add(root, "Ид", change.record_key or f"uzel-order-{change.record_id}")
    _add(root, "Номер", number)
    _add(root, "Дата", local.strftime("%Y-%m-%d"))
    _add(root, "ХозОперация", "Заказ товара")
    _add(root, "Роль", "Продавец")
    _add(root, "Валюта", currency[:3])
    _add(root, "Курс", "1")
    _add(root, "Сумма", _money(_number(order.get("total"), "сумма заказа") or total))
    root.append(_buyers(order, sale))
    _add(root, "Время", local.strftime("%H:%M:%S"))
    _add(root, "Комментарий", _comment(order))
    goods = etree.SubElement(root, "Товары")
    for line in lines:
        goods.append(_line(line))
    _requisites(root, _state(order, change))
    written: Any = etree.tostring(root, encoding=sale.encoding, xml_declaration=False)
    return bytes(written) + b"\n"


def _state(order: Mapping[str, Any], change: Change) -> list[tuple[str, str]]:
    status = _text(order.get("status"))
    is_cancelled = change.deleted or status.lower() in CANCELLED
    return [
        ("Статус заказа", status or "Принят"),
        ("Номер заказа на сайте", _text(order.get("number"))),
        ("Метод оплаты", _text(order.get("payment_method"))),
        ("Способ доставки", _text(order.get("delivery_method"))),
        ("Адрес доставки", _text(order.get("delivery_address"))),
        ("Заказ оплачен", "true" if order.get("paid_at") else "false"),
        ("Отменен", "true" if is_cancelled else "false"),
    ]


def _comment(order: Mapping[str, Any]) -> str:
    number = _text(order.get("number"))
    said = [f"Заказ № {number}" if number else "", _text(order.get("comment"))]
    return ". ".join(part for part in said if part)


def _buyers(order: Mapping[str, Any], sale: Sale) -> Any:
    """The counterparty: a company by its INN and legal name, else the person; never nameless."""
    contact = order.get("contact") or {}
    company = contact.get("company") or {}
    legal = _text(company.get("legal_name"))
    inn = _text(company.get("inn")) or _text(contact.get("inn"))
    person = _text(contact.get("name"))
    known = person or _text(contact.get("phone")) or _text(contact.get("email"))
    name = _text(company.get("name")) or legal or known or sale.customer
    own = company.get("id") and f"uzel-company-{company['id']}"
    own = own or (order.get("contact_id") and f"uzel-contact-{order['contact_id']}")
    buyers = etree.Element("Контрагенты")
    buyer = etree.SubElement(buyers, "Контрагент")
    _add(
        buyer, "Ид", _text(company.get("external_id") or contact.get("external_id") or own) or name
    )
    _add(buyer, "Роль", "Покупатель")
    _add(buyer, "Наименование", name[:MAX_NAME])
    if legal or len(inn) == 10:
        _add(buyer, "ОфициальноеНаименование", (legal or name)[:MAX_NAME])
    else:
        _add(buyer, "ПолноеНаименование", (person or name)[:MAX_NAME])
    for key, value in (("ИНН", inn), ("КПП", _text(company.get("kpp")))):
        if value:
            _add(buyer, key, value)
    address = _text(order.get("delivery_address"))
    if address:
        _add(etree.SubElement(buyer, "Адрес"), "Представление", address)
    contacts = etree.SubElement(buyer, "Контакты")
    for kind, key in (("Телефон Рабочий", "phone"), ("Почта", "email")):
        if value := _text(contact.get(key)):
            one = etree.SubElement(contacts, "Контакт")
            _add(one, "Тип", kind)
            _add(one, "Значение", value)
    return buyers


def _lines(order: Mapping[str, Any], sale: Sale) -> list[dict[str, Any]]:
    found = [_checked(line, sale) for line in order.get("lines") or ()]
    if not found:
        raise Rejected("в заказе нет ни одной строки")
    delivery = _number(order.get("delivery_total"), "стоимость доставки")
    if delivery:
        found.append(
            {
                "Ид": DELIVERY_ID,
                "Наименование": "Доставка заказа",
                "Количество": Decimal(1),
                "ЦенаЗаЕдиницу": delivery,
                "Сумма": delivery,
                "ТипНоменклатуры": "Услуга",
            }
        )
    return found


def _checked(line: Mapping[str, Any], sale: Sale) -> dict[str, Any]:
    """A line with its exact numbers; Rejected when 1C could make nothing of it."""
    name, sku = _text(line.get("name")), _text(line.get("sku"))
    key = _text(line.get("destination_product_id"))
    variant = _text(line.get("destination_variant_id"))
    shown = name or sku or "без названия"
    if not key and GUID.fullmatch(_text(line.get("product_external_id")).partition("#")[0]):
        # The shop itself calls its goods by 1C's ids.
        key = _text(line.get("product_external_id")).lower()
    if not key and sale.refuse_unknown:
        raise Rejected(f"товар «{shown}» не связан с номенклатурой 1С")
    if not (name or sku or key):
        raise Rejected("в строке заказа нет ни названия, ни артикула")
    quantity = _number(line.get("quantity"), f"количество товара «{shown}»")
    if quantity is None or quantity <= 0:
        raise Rejected(f"у товара «{shown}» нет количества")
    price = _number(line.get("price"), f"цена товара «{shown}»")
    total = _number(line.get("total"), f"сумма по товару «{shown}»")
    if price is None and total is None:
        raise Rejected(f"у товара «{shown}» нет цены")
    total = quantity * price if total is None and price is not None else total
    assert total is not None  # one of the two is there
    # The sum is what the customer pays; the price before a discount would say another one.
    exact = total / quantity
    if variant and "#" not in key:
        key = f"{key}#{variant}"
    return {
        "Ид": key,
        "Артикул": sku,
        "Наименование": name or sku or key,
        "Количество": quantity,
        "ЦенаЗаЕдиницу": exact,
        "Сумма": total,
        "ТипНоменклатуры": "Товар",
    }


def _line(line: Mapping[str, Any]) -> Any:
    goods = etree.Element("Товар")
    for name in ("Ид", "Артикул"):
        if line.get(name):
            _add(goods, name, line[name])
    _add(goods, "Наименование", line["Наименование"][:MAX_NAME])
    unit = _add(goods, "БазоваяЕдиница", "шт")
    unit.set("Код", "796")
    unit.set("НаименованиеПолное", "Штука")
    _add(goods, "ЦенаЗаЕдиницу", _money(line["ЦенаЗаЕдиницу"]))
    _add(goods, "Количество", format(line["Количество"].normalize(), "f"))
    _add(goods, "Сумма", _money(line["Сумма"]))
    kind = line["ТипНоменклатуры"]
    _requisites(goods, [("ВидНоменклатуры", kind), ("ТипНоменклатуры", kind)])
    return goods


def _requisites(parent: Any, pairs: Iterable[tuple[str, str]]) -> None:
    held = etree.SubElement(parent, "ЗначенияРеквизитов")
    for name, value in pairs:
        if value:
            one = etree.SubElement(held, "ЗначениеРеквизита")
            _add(one, "Наименование", name)
            _add(one, "Значение", value)


def _add(parent: Any, name: str, text: str) -> Any:
    child = etree.SubElement(parent, name)
    child.text = _UNFIT.sub("", text)
    return child


def _text(value: Any) -> str:
    return "" if value is None else _UNFIT.sub("", str(value)).strip()


def _number(value: Any, what: str) -> Decimal | None:
    text = _text(value)
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= Decimal(10) ** 13:
        raise Rejected(f"{what}: «{text[:40]}» — не число")
    return number


def _money(value: Decimal) -> str:
    return format(value.quantize(Decimal("0.01")), "f")


def _moment(value: Any, otherwise: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return otherwise
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
