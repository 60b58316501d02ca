"""An order as a 1C document: its head, its table part, its products."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from connectors._protocols import odata_pages, odata_values
from connectors._protocols.odata_base import Base
from connectors._protocols.odata_buyer import Buyer
from hub.sdk.errors import ConfigError, Rejected
from hub.sdk.records import Change

Row = Mapping[str, Any]
#: A document is looked for by the hub's key from so long before the order was placed.
LOOK_BACK: Final = timedelta(days=31)
QUANTITIES: Final = ("Количество", "КоличествоУпаковок")


def find(base: Base, plan: Row, change: Change) -> str:
    """The document that already carries the hub's key; the oldest, should it have been copied."""
    field, key = str(plan["key_field"]), change.record_key
    whole = re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w-])")
    conditions = [f"substringof({odata_values.text(key)},{field})"]
    if placed := placed_at(change):
        conditions.append(f"Date ge {odata_values.moment(placed - LOOK_BACK, base.timezone)}")
    query = {
        "$filter": odata_values.both(*conditions),
        "$select": f"Ref_Key,Date,{field}",
    }
    found = [
        (str(row.get("Date")), odata_values.ref(row.get("Ref_Key")))
        for row in odata_pages.rows(base.wire, str(plan["document"]), query)
        if whole.search(str(row.get(field) or ""))
    ]
    return min(found)[1] if found else ""


def placed_at(change: Change) -> datetime | None:
    """When the order was placed, or became known."""
    for name in ("placed_at", "created_at"):
        if text := str(change.fields.get(name) or ""):
            return datetime.fromisoformat(text)
    return None


def fields_of(base: Base, plan: Row, change: Change, buyer: Buyer) -> dict[str, Any]:
    """The document's fields; ConfigError when it lacks one that an order cannot do without."""
    name, table = str(plan["document"]), str(plan["table"])
    known = base.metadata.fields(name)
    lines = _lines(base, plan, change, base.metadata.table(name, table))
    when = placed_at(change) or change.changed_at
    local = when.astimezone(base.timezone).replace(tzinfo=None, microsecond=0)
    total = sum((line["Сумма"] for line in lines if "Сумма" in line), Decimal(0))
    wanted: dict[str, Any] = {
        "Date": local.isoformat(),
        str(plan["key_field"]): _comment(change),
        "Контрагент_Key": buyer.ref,
        "Партнер_Key": buyer.partner,
        "СуммаДокумента": total,
        **dict(plan.get("fields") or {}),
    }
    for must in (str(plan["key_field"]), "Контрагент_Key", *(plan.get("fields") or {})):
        if must not in known:
            raise ConfigError(f"у {name} нет «{must}»", place="settings.orders")
    given = {one: value for one, value in wanted.items() if one in known and value != ""}
    return {**given, table: lines}


def _comment(change: Change) -> str:
    """The key first: what is cut, is cut at the end."""
    number = change.fields.get("number") or change.fields.get("external_id") or ""
    return f"{change.record_key} · заказ {number}".strip()


def _lines(base: Base, plan: Row, change: Change, known: Mapping[str, str]) -> list[dict[str, Any]]:
    lines = [line for line in change.fields.get("lines") or () if isinstance(line, Mapping)]
    delivery = odata_values.number(change.fields.get("delivery_total"))
    if delivery and plan.get("delivery_product"):
        lines.append({"destination_product_id": plan["delivery_product"], "quantity": "1",
                      "price": delivery, "total": delivery, "name": "Доставка"})  # fmt: skip
    if not lines:
        raise Rejected("в заказе нет строк")
    products = _products(base, plan, lines)
    made = []
    for number, (line, product) in enumerate(zip(lines, products, strict=True), start=1):
        row = {"LineNumber": str(number), **_product_fields(base, known, line, product)}
        quantity = odata_values.number(line.get("quantity")) or Decimal(0)
        price, total = (
            odata_values.number(line.get("price")),
            odata_values.number(line.get("total")),
        )
        if price is None and total is not None and quantity:
            price = (total / quantity).quantize(Decimal("0.01"))
        wanted = {
            **dict.fromkeys(QUANTITIES, quantity),
            "Цена": price,
            "Сумма": total if total is not None else (price or Decimal(0)) * quantity,
            **dict(plan.get("line_fields") or {}),
        }
        made.append(
            row
            | {one: value for one, value in wanted.items() if one in known and value is not None}
        )
    return made


def _product_fields(
    base: Base, known: Mapping[str, str], line: Row, product: str
) -> dict[str, Any]:
    name, variant = base.common("product"), base.common("variant")
    if f"{name}_Key" in known:
        row: dict[str, Any] = {f"{name}_Key": product}
    elif f"{name}_Type" in known:
        # The product may be free text too, so its kind is told.
        row = {name: product, f"{name}_Type": f"StandardODATA.{base.common('products')}"}
    else:
        raise ConfigError(f"в строках документа нет «{name}»", place="settings.orders.table")
    chosen = str(line.get("destination_variant_id") or "")
    return {**row, f"{variant}_Key": chosen} if chosen and f"{variant}_Key" in known else row


def _products(base: Base, plan: Row, lines: Sequence[Row]) -> list[str]:
    """Each line's product in 1C, each certainly there: 1C takes a reference to nothing."""
    found = [
        str(line.get("destination_product_id") or "")
        or _by_article(base, plan, str(line.get("sku") or ""))
        or str(plan.get("other_product") or "")
        for line in lines
    ]
    unknown = [
        f"{line.get('sku') or '—'} ({line.get('name') or 'без названия'})"
        for line, product in zip(lines, found, strict=True)
        if not odata_values.is_guid(product)
    ]
    if unknown:
        raise Rejected(
            f"в 1С не найдены товары: {', '.join(unknown)}; свяжите их по GUID или артикулу, "
            "или укажите orders.other_product"
        )
    name = base.published(base.common("products"))
    if gone := odata_pages.absent(
        base.wire, name, list(dict.fromkeys(one.lower() for one in found))
    ):
        raise Rejected(f"в 1С нет товаров с GUID {', '.join(gone)}")
    return [one.lower() for one in found]


def _by_article(base: Base, plan: Row, sku: str) -> str:
    """The only product with this article; an article is neither unique nor required in 1C."""
    name = base.common("products")
    if not sku or plan.get("match_by_sku") is False or "Артикул" not in base.metadata.fields(name):
        return ""
    query = {"$filter": f"Артикул eq {odata_values.text(sku)}", "$select": "Ref_Key,DeletionMark"}
    same = [
        odata_values.ref(row.get("Ref_Key"))
        for row in odata_pages.rows(base.wire, name, query)
        if row.get("DeletionMark") is not True
    ]
    return same[0] if len(same) == 1 else ""
