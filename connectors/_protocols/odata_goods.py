"""Products with their characteristics, units, barcodes and prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from connectors._protocols import odata_pages, odata_values
from connectors._protocols.odata_base import PLACE, Base
from connectors._protocols.odata_shelf import Shelf
from connectors._protocols.odata_virtual import virtual_rows
from hub.sdk.records import SourceRecord

Row = Mapping[str, Any]
STREAM: Final = "products"
#: Joins a product's id and its characteristic's.
MARK: Final = "#"


def products(
    base: Base, shelf: Shelf, refs: Sequence[str] | None = None
) -> Iterator[list[SourceRecord]]:
    """Pages of products, then of their characteristics; of these products alone when named."""
    name = base.set_of(STREAM, base.common("products"))
    _learn_beside(base, shelf, refs)
    select = base.fields(STREAM, name, base.common("product_fields"))
    where = str(base.stream(STREAM).get("where") or "")
    for page in _pages(base, name, "Ref_Key", select, where, refs):
        yield [_product(base, shelf, row) for row in page if row.get("IsFolder") is not True]
    variants = base.common("variants")
    if variants in base.metadata:
        select = base.metadata.chosen(variants, base.common("variant_fields"))
        owner = "Owner_Key" if "Owner_Key" in select else "Owner"
        kind = name if owner == "Owner" else ""
        for page in _pages(base, variants, owner, select, "", refs, kind):
            yield [one for row in page if (one := _variant(base, shelf, row))]


def _pages(
    base: Base,
    name: str,
    field: str,
    select: list[str],
    where: str,
    refs: Sequence[str] | None,
    kind: str = "",
) -> Iterator[list[dict[str, Any]]]:
    keys = base.metadata.keys(name)
    if refs is None:
        yield from odata_pages.pages(base.wire, name, keys, select, where)
    elif refs:
        yield list(odata_pages.by_refs(base.wire, name, field, refs, [*keys, *select], kind))


def _product(base: Base, shelf: Shelf, row: Row) -> SourceRecord:
    found = odata_values.tidy(row, base.timezone)
    key = found["Ref_Key"]
    shelf.learn("product", [(key, str(found.get("Description") or ""))])
    unit = next((found[one] for one in base.common("unit_fields") if found.get(one)), "")
    return SourceRecord(
        "product", key, {**found, **_beside(shelf, key, ""), "unit": shelf.name("unit", unit)}
    )


def _variant(base: Base, shelf: Shelf, row: Row) -> SourceRecord | None:
    """A characteristic of one product; one that a whole kind of goods shares belongs to none."""
    found = odata_values.tidy(row, base.timezone)
    owner = odata_values.ref(found.get("Owner_Key") or found.get("Owner"))
    if not shelf.name("product", owner):
        return None
    key = found["Ref_Key"]
    data = {
        **found,
        **_beside(shelf, owner, key),
        "variant": found.get("Description") or key,
        "variant_external_id": key,
        "parent_external_id": owner,
        "name": shelf.name("product", owner),
    }
    return SourceRecord("product", f"{owner}{MARK}{key}", data)


def _beside(shelf: Shelf, product: str, variant: str) -> dict[str, str]:
    """Barcode and price; a characteristic without a price of its own has its product's."""
    key = f"{product}{MARK}{variant}"
    price = shelf.name("price", key) or shelf.name("price", f"{product}{MARK}")
    return {
        "barcode": shelf.name("barcode", key),
        "price": price,
        "currency": shelf.name("currency", "") if price else "",
    }


def _learn_beside(base: Base, shelf: Shelf, refs: Sequence[str] | None) -> None:
    units = base.metadata.first(base.common("units"))
    if units:
        for page in odata_pages.pages(base.wire, units, base.metadata.keys(units), ["Description"]):
            shelf.learn("unit", _named(page))
    barcodes = base.common("barcodes")
    if barcodes in base.metadata:
        fields = base.metadata.chosen(
            barcodes, ("Штрихкод", "Номенклатура_Key", "Характеристика_Key")
        )
        for page in _pages(base, barcodes, "Номенклатура_Key", fields, "", refs):
            shelf.learn(
                "barcode", ((_item(row), odata_values.words(row.get("Штрихкод"))) for row in page)
            )
    _learn_prices(base, shelf, refs)


def _learn_prices(base: Base, shelf: Shelf, refs: Sequence[str] | None) -> None:
    """The newest prices of the price type that the connection names; without one there are none."""
    name, field, chosen = price_source(base)
    if not chosen:
        return
    shelf.learn("currency", [("", str(base.stream(STREAM).get("currency") or "RUB"))])
    if refs is None:
        query = {"$filter": f"{field} eq {odata_values.guid(chosen)}"}
        found = virtual_rows(base.wire, name, "SliceLast", {}, query)
    else:
        found = odata_pages.by_refs(base.wire, f"{name}/SliceLast()", "Номенклатура_Key", refs)
    variants = base.common("price_variant_fields")
    for row in found:
        price = odata_values.number(row.get("Цена"))
        if price is not None and odata_values.ref(row.get(field)) == chosen:
            shelf.learn("price", [(_item(row, variants), odata_values.plain_number(price))])


def price_source(base: Base) -> tuple[str, str, str]:
    """(register, its price type field, the price type's GUID); the last empty without a setting."""
    name = base.metadata.first(base.common("prices"))
    wanted = base.stream(STREAM).get("price_type")
    if not wanted:
        return name, "", ""
    name = base.published(name or base.common("prices")[-1])
    field = next(iter(base.metadata.chosen(name, base.common("price_type_fields"))), "")

    def find(text: str) -> str:
        types = base.metadata.first(base.common("price_types"))
        query = {"$filter": f"Description eq {odata_values.text(text)}", "$select": "Ref_Key"}
        rows = list(odata_pages.rows(base.wire, types, query)) if types else []
        return odata_values.ref(rows[0]["Ref_Key"]) if len(rows) == 1 else ""

    return name, field, base.ref_setting(wanted, f"{PLACE}.products.price_type", find)


def _item(row: Row, variants: Sequence[str] = ("Характеристика_Key",)) -> str:
    variant = next((odata_values.ref(row.get(one)) for one in variants if row.get(one)), "")
    return f"{odata_values.ref(row.get('Номенклатура_Key'))}{MARK}{variant}"


def _named(page: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for row in page:
        yield odata_values.ref(row.get("Ref_Key")), odata_values.words(row.get("Description"))
