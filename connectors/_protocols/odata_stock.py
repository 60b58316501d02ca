"""Stock: balances of a register, whole, summed over what the hub does not tell apart.

Rows of one product, characteristic and warehouse that differ in series, purpose or room add up.
A row that is zero does not come at all, so what is absent is zero: the snapshot guard decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from connectors._protocols import odata_pages, odata_values
from connectors._protocols.odata_base import Base
from connectors._protocols.odata_names import warm_names
from connectors._protocols.odata_shelf import Kept, Shelf
from connectors._protocols.odata_virtual import virtual_rows
from hub.sdk.errors import ConfigError, PayloadError
from hub.sdk.records import Page

Row = Mapping[str, Any]
PAGE_ROWS: Final = 1000
MEASURES: Final = ("quantity", "reserved", "available")
_Key = tuple[str, str, str]


def read_stock(base: Base) -> Iterator[Page]:
    """Yield the whole stock: a page with the digest alone, then the rows, the last one complete."""
    plan = base.stock_plan()
    with Shelf(base.connection.cache_dir) as shelf:
        read = shelf.add(_measured(base, plan, _source(base, plan)))
        # An empty page says that the run is alive.
        yield Page()
        beside = plan.get("beside")
        if beside and beside.get("rows") in base.metadata:
            merged = {"warehouse": plan.get("warehouse"), **beside}
            shelf.add(_measured(base, merged, _source(base, merged)))
            yield Page()
        names = warm_names(base, shelf)
        try:
            digest = hashlib.sha256(str(read).encode())
            for row in _rows(shelf, names):
                digest.update("\0".join(str(value) for value in row.values()).encode())
            yield Page(digest=digest.hexdigest())
            found = _rows(shelf, names)
            rows = list(islice(found, PAGE_ROWS))
            while following := list(islice(found, PAGE_ROWS)):
                yield Page(entity="stock", rows=rows)
                rows = following
            yield Page(entity="stock", rows=rows, complete=True)
        finally:
            names.close()


def _rows(shelf: Shelf, names: Kept) -> Iterator[dict[str, Any]]:
    for product, variant, warehouse, measures in shelf.sums():
        quantity, reserved, available = measures
        yield {
            "product_external_id": product,
            "variant_external_id": variant,
            "warehouse_external_id": warehouse,
            "sku": names.name("sku", product),
            "product_name": names.name("product", product),
            # Without a name the id tells two of them apart.
            "variant": names.name("variant", variant) or variant,
            "warehouse": names.name("warehouse", warehouse) or warehouse,
            "quantity": quantity if quantity is not None else Decimal(0),
            "reserved": reserved,
            "available": available,
        }


# Where the rows come from.


def _source(base: Base, plan: Mapping[str, Any]) -> Iterator[Row]:
    if plan.get("balance"):
        return _balance(base, plan)
    if plan.get("accounts"):
        return _accounts(base, plan)
    name = str(plan["rows"])
    found = odata_pages.pages(base.wire, name, base.metadata.keys(name))
    return (row for page in found for row in page)


def _balance(base: Base, plan: Mapping[str, Any]) -> Iterator[Row]:
    name = str(plan["balance"])
    known = base.metadata.fields(name)
    # Asked for by these dimensions, 1C sums over all the others itself.
    asked = [one for one in _dimensions(base, plan) if f"{one}_Key" in known]
    return virtual_rows(
        base.wire,
        name,
        "Balance",
        {"Dimensions": ",".join(asked), "Condition": str(plan.get("condition") or "")},
        quotes=str(base.connection.settings.get("condition_quotes") or "auto"),
    )


def _accounts(base: Base, plan: Mapping[str, Any]) -> Iterator[Row]:
    chart = base.published(str(plan["chart"]))
    codes = tuple(str(code) for code in plan.get("codes") or ())
    found = odata_pages.pages(base.wire, chart, base.metadata.keys(chart), ["Code"])
    refs = [
        odata_values.ref(row["Ref_Key"])
        for page in found
        for row in page
        if odata_values.words(row.get("Code")).startswith(codes)
    ]
    if not refs:
        raise ConfigError(f"в {chart} нет счетов {', '.join(codes)}")
    condition = odata_values.any_of([f"Account_Key eq {odata_values.guid(one)}" for one in refs])
    quotes = str(base.connection.settings.get("condition_quotes") or "auto")
    name = str(plan["accounts"])
    return virtual_rows(base.wire, name, "Balance", {"AccountCondition": condition}, quotes=quotes)


def _dimensions(base: Base, plan: Mapping[str, Any]) -> list[str]:
    shipped = (base.common("product"), base.common("variant"))
    given = (plan.get("product") or shipped[0], plan.get("variant") or shipped[1])
    return [str(one) for one in (*given, plan.get("warehouse")) if one]


# What a row says.


def _measured(
    base: Base, plan: Mapping[str, Any], rows: Iterable[Row]
) -> Iterator[tuple[str, str, str, Sequence[Decimal | None]]]:
    product, variant, *rest = _dimensions(base, plan)
    fields = [[str(one) for one in plan.get(measure) or ()] for measure in MEASURES]
    warehouse = rest[0] if rest else ""
    for row in rows:
        key = (
            _by_types(row)
            if plan.get("accounts")
            else (_ref(row, product), _ref(row, variant), _ref(row, warehouse))
        )
        if not key[0]:
            continue  # a sum over goods that are none: services, other assets
        yield (*key, [_measure(row, names) for names in fields])


def _ref(row: Row, dimension: str) -> str:
    return odata_values.ref(row.get(f"{dimension}_Key")) if dimension else ""


def _by_types(row: Row) -> _Key:
    """Accounts name their dimensions by number; the type tells which is which."""
    found = {"Номенклатура": "", "Склады": ""}
    for number in (1, 2, 3):
        kind = str(row.get(f"ExtDimension{number}_Type") or "").rpartition("Catalog_")[2]
        if kind in found:
            value = row.get(f"ExtDimension{number}") or row.get(f"ExtDimension{number}_Key")
            found[kind] = odata_values.ref(value)
    return found["Номенклатура"], "", found["Склады"]


def _measure(row: Row, names: Sequence[str]) -> Decimal | None:
    total: Decimal | None = None
    for name in names:
        # A balance carries «ВНаличииBalance», a register's own rows «ВНаличии».
        for field in (f"{name}Balance", name):
            if field in row:
                value = odata_values.number(row[field])
                if value is None and row[field] not in (None, ""):
                    raise PayloadError(f"«{field}»: {row[field]!r} — не число")
                total = (total or Decimal(0)) + (value or Decimal(0))
                break
        else:
            raise PayloadError(f"в строке остатков нет «{name}»")
    return total
