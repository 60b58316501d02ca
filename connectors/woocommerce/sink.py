"""Quantities out to a WooCommerce shop, in batches of at most a hundred.

A product is found where it was found the last time, else by its SKU among products and variations,
else by the id that its webhook told. What the shop says of one item is that item's result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from connectors.woocommerce.client import Shop
from hub.sdk.connection import Connection
from hub.sdk.errors import Rejected
from hub.sdk.records import StockLevel, StockResult

#: SKUs asked for in one address: servers refuse one that is too long.
SKUS_AT_ONCE: Final = 30
#: What the shop answers for an id that is not there, or is a variation.
UNKNOWN_IDS: Final = frozenset(
    {"woocommerce_rest_product_invalid_id", "woocommerce_rest_product_variation_invalid_id",
     "woocommerce_rest_invalid_product_id"}
)  # fmt: skip
#: Kinds that have no quantity of their own.
WITHOUT_STOCK: Final = frozenset({"variable", "grouped", "external"})


def push_stock(connection: Connection, levels: Sequence[StockLevel]) -> Iterable[StockResult]:
    """Set the quantities; at most a hundred levels. Raises what concerns the whole shop."""
    shop = Shop(connection)
    named = {level.sku for level in levels if level.sku and not level.place}
    by_sku = _look_up(shop, sorted(named))
    groups: dict[str, dict[str, StockLevel]] = defaultdict(dict)
    for level in levels:
        place, why = _place(level, by_sku.get(level.sku, []))
        if not place:
            yield StockResult(level.key, "refused" if why else "absent", why)
            continue
        parent, _, key = place.rpartition("/")
        if key in groups[parent]:
            other = groups[parent][key].sku or groups[parent][key].name
            yield StockResult(level.key, "refused", f"the shop has it and «{other}» as one product")
            continue
        groups[parent][key] = level
    for parent, wanted in groups.items():
        yield from _set(shop, parent, wanted)


def _look_up(shop: Shop, skus: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for start in range(0, len(skus), SKUS_AT_ONCE):
        for row in shop.with_skus(skus[start : start + SKUS_AT_ONCE]):
            found[str(row.get("sku"))].append(row)
    return found


def _place(level: StockLevel, rows: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """Where the level's product is, `<id>` or `<parent>/<id>`; or why it cannot be told."""
    if level.place:
        return level.place, ""
    own = [row for row in rows if str(row.get("id")) == level.external_id]
    if level.external_id and not own:
        return level.external_id, ""
    if not (rows := own or rows):
        return "", ""
    if len(rows) > 1:
        ids = ", ".join(str(row.get("id")) for row in rows)
        return "", f"several products of the shop have this SKU: {ids}"
    (row,) = rows
    kind = str(row.get("type"))
    if kind in WITHOUT_STOCK:
        return "", f"a product of the type «{kind}» has no quantity of its own"
    parent = row.get("parent_id") if kind == "variation" else 0
    return f"{parent}/{row.get('id')}" if parent else str(row.get("id")), ""


def _set(shop: Shop, parent: str, wanted: dict[str, StockLevel]) -> Iterator[StockResult]:
    """Set the stock of products, or of one product's variations."""
    try:
        answers = shop.set_stock({key: level.quantity for key, level in wanted.items()}, parent)
    except Rejected as refused:
        items = list(wanted.items())
        if len(items) == 1:
            yield StockResult(items[0][1].key, "refused", refused.message)
            return
        # The shop refuses all for the sake of one: halves find out which.
        for part in (items[: len(items) // 2], items[len(items) // 2 :]):
            yield from _set(shop, parent, dict(part))
        return
    said = {str(row.get("id")): row for row in answers if isinstance(row, dict)}
    for key, level in wanted.items():
        place = f"{parent}/{key}" if parent else key
        yield _result(level, place, said.get(key))


def _result(level: StockLevel, place: str, row: dict[str, Any] | None) -> StockResult:
    if row is None:
        return StockResult(level.key, "refused", "the shop did not answer for this product")
    error = row.get("error")
    if not isinstance(error, dict):
        return StockResult(level.key, "sent", place=place)
    words = f"{error.get('message') or ''} ({error.get('code') or 'no code'})"
    gone = error.get("code") in UNKNOWN_IDS
    return StockResult(level.key, "absent" if gone else "refused", words)
