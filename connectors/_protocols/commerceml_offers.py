"""Offers of CommerceML: characteristics, prices and stock, whole or split into files.

An offer carries the complete set of the warehouses in which the item is: one that is not listed
has none, and an item that is nowhere comes with a zero and no warehouse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors._protocols.commerceml import (
    Memory,
    characteristics_of,
    child_of,
    children_of,
    id_of,
    is_marked,
    split_id,
    text_of,
    unit_of,
)
from connectors._protocols.commerceml_file import local
from hub.sdk.errors import PayloadError

_SPACES = re.compile("[\\s\u00a0\u202f]+")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{0,9})?")
#: «Ботинок (42)»: 1C puts the characteristic behind the item's name.
_IN_BRACKETS = re.compile(r"(.*\S)\s*\((.+)\)", re.DOTALL)


@dataclass
class Offer:
    """One offer: what it says of the product, and its rows of stock (None: it says nothing)."""

    item: str
    characteristic: str
    product: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, str]] | None = None


def number_of(text: str | None, what: str) -> Decimal | None:
    """An exact number; None for an empty text, PayloadError for what is no number."""
    value = _SPACES.sub("", text or "").replace(",", ".")
    if not value:
        return None
    try:
        if not _NUMBER.fullmatch(value):
            raise InvalidOperation
        return Decimal(value)
    except InvalidOperation:
        raise PayloadError(f"{what}: «{(text or '')[:40]}» — не число") from None


def plain(number: Decimal) -> str:
    """A number as text without an exponent and trailing zeros."""
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def offer_of(element: Any, memory: Memory, price_type: str = "") -> Offer:
    """Read a Предложение; PayloadError when it names no item or holds a number that is none."""
    item, characteristic = split_id(text_of(element, "Ид"), text_of(element, "ИдХарактеристики"))
    if not item:
        raise PayloadError("у предложения нет Ид")
    offer = Offer(item, characteristic)
    product = offer.product
    product.update({"Ид": item, "ИдХарактеристики": characteristic})
    for name in ("Артикул", "Штрихкод"):
        if (value := text_of(element, name, None)) is not None:
            product[name] = value
    _name(element, product, bool(characteristic))
    if (unit := unit_of(element, memory)) is not None:
        product["БазоваяЕдиница"] = unit
    _prices(element, product, memory, price_type)
    if is_marked(element):
        product["ПометкаУдаления"] = "true"
    if not memory.has("services", item):
        levels = _levels(element)
        if levels is not None:
            offer.rows = [_row(product, memory, key, amount) for key, amount in levels.items()]
    return offer


def _name(element: Any, product: dict[str, Any], has_characteristic: bool) -> None:
    said = text_of(element, "Наименование", None)
    if said:
        product["Наименование"] = said
    if not has_characteristic:
        return
    match = _IN_BRACKETS.fullmatch(said or "")
    variant = match[2] if match else characteristics_of(element)
    if match:
        product["НаименованиеТовара"] = match[1]
    if variant:
        product["Характеристика"] = variant


def _prices(element: Any, product: dict[str, Any], memory: Memory, price_type: str) -> None:
    held = child_of(element, "Цены")
    if held is None:
        return
    found = []
    for one in children_of(held, "Цена"):
        amount = number_of(text_of(one, "ЦенаЗаЕдиницу"), "ЦенаЗаЕдиницу")
        if amount is None:
            continue
        key = id_of(text_of(one, "ИдТипаЦены"))
        currency, _, name = memory.get("price_types", key).partition("|")
        price = {
            "ИдТипаЦены": key,
            "ТипЦены": name,
            "ЦенаЗаЕдиницу": plain(amount),
            "Валюта": text_of(one, "Валюта") or currency,
        }
        for extra in ("Единица", "Коэффициент"):
            if value := text_of(one, extra):
                price[extra] = value
        found.append(price)
    if not found:
        return
    product["Цены"] = found
    wanted = price_type.strip().lower()
    fits = [p for p in found if not wanted or wanted in {p["ИдТипаЦены"], p["ТипЦены"].lower()}]
    if fits:
        product["Цена"], product["Валюта"] = fits[0]["ЦенаЗаЕдиницу"], fits[0]["Валюта"]


def _levels(element: Any) -> dict[str, Decimal] | None:
    """What is where: warehouse id (empty: none named) → quantity; None when nothing is said."""
    levels: dict[str, Decimal] = {}
    is_told = False
    for child in element:
        name = local(child)
        if name == "Склад" or (name == "Склады" and child.get("ИдСклада") is not None):
            is_told |= _add(levels, child)
        elif name in {"Склады", "Остатки"}:
            is_told = True
            for one in child:
                inner = child_of(one, "Склад") if local(one) == "Остаток" else one
                _add(levels, one if inner is None else inner)
    if levels:
        return levels
    total = number_of(text_of(element, "Количество"), "Количество")
    if total is not None:
        return {"": total}
    return {"": Decimal(0)} if is_told else None


def _add(levels: dict[str, Decimal], element: Any) -> bool:
    """Add a warehouse's quantity, from attributes or elements; False when it has none."""
    key = element.get("ИдСклада")
    said = element.get("КоличествоНаСкладе")
    if key is None and said is None:
        key, said = text_of(element, "Ид"), text_of(element, "Количество")
    amount = number_of(said, "количество на складе")
    if amount is None:
        return False
    key = id_of(key)
    levels[key] = levels.get(key, Decimal(0)) + amount
    return True


def _row(
    product: dict[str, Any], memory: Memory, warehouse: str, amount: Decimal
) -> dict[str, str]:
    """A row of stock; its fields are all text and always the same."""
    return {
        "Ид": product["Ид"],
        "ИдХарактеристики": product["ИдХарактеристики"],
        "Артикул": product.get("Артикул", ""),
        "Наименование": product.get("НаименованиеТовара") or product.get("Наименование", ""),
        "Характеристика": product.get("Характеристика", ""),
        "ИдСклада": warehouse,
        "Склад": memory.get("warehouses", warehouse, warehouse) if warehouse else "",
        "Количество": plain(amount),
        "Единица": product.get("БазоваяЕдиница", ""),
        "Цена": product.get("Цена", ""),
        "Валюта": product.get("Валюта", ""),
        "ПометкаУдаления": product.get("ПометкаУдаления", ""),
    }
