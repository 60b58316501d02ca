"""Changes by an exchange plan's node: a hint which objects to read again, confirmed once saved.

One reader per node: confirming makes the base forget, so no other program may read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors._protocols import (
    odata_goods,
    odata_orders,
    odata_pages,
    odata_people,
    odata_values,
    odata_virtual,
)
from connectors._protocols.odata_base import Base, deleted
from connectors._protocols.odata_shelf import Shelf
from hub.sdk.errors import ConfigError
from hub.sdk.records import Page, SourceRecord

PLACE: Final = "settings.exchange_plan"
CURSOR: Final = "saved"
#: How many objects are read again at once.
BATCH: Final = 300


def node(base: Base) -> tuple[str, str]:
    """(plan, node's GUID) of the setting; empty without one. ConfigError when it is half told."""
    given = base.connection.settings.get("exchange_plan") or {}
    if not given:
        return "", ""
    plan, found = str(given.get("plan") or ""), str(given.get("node") or "")
    if not plan or not odata_values.is_guid(found):
        raise ConfigError("нужны plan (ExchangePlan_…) и node (GUID узла)", place=PLACE)
    name = plan if plan.startswith("ExchangePlan_") else f"ExchangePlan_{plan}"
    return base.published(name), found


def read_changes(base: Base, cursor: Mapping[str, Any]) -> Iterator[Page]:
    """Yield what changed since the last confirmed message, then confirm it.

    The confirmation goes out when the last page is stored: the page's cursor says that it may, and
    a run that dies in between confirms it at the next start.
    """
    plan, found = node(base)
    if not plan:
        raise ConfigError("поток changes читает узел плана обмена: укажите его", place=PLACE)
    received = odata_virtual.received_no(base.wire, plan, found)
    saved = int(cursor.get(CURSOR) or 0)
    if saved > received:
        odata_virtual.confirm(base.wire, plan, found, saved)
        received = saved
    message = received + 1
    with Shelf(base.connection.cache_dir) as shelf:
        told = _gather(base, shelf, odata_virtual.changed_rows(base.wire, plan, found, message))
        for records in _read_again(base, shelf, told):
            yield Page(records, cursor=dict(cursor))
    yield Page(cursor={CURSOR: message})
    odata_virtual.confirm(base.wire, plan, found, message)


def _gather(base: Base, shelf: Shelf, rows: Iterator[dict[str, Any]]) -> dict[str, list[str]]:
    """{stream: references to read again}; what a node registers beside is only a hint."""
    document = str(base.stream("orders").get("set") or base.order_plan()["document"])
    streams = {
        base.common("products"): "products",
        base.common("counterparties"): "counterparties",
        document: "orders",
    }
    found: dict[str, dict[str, None]] = {
        name: {} for name in ("products", "counterparties", "orders")
    }
    for row in rows:
        kind = str(row.get("odata.type") or "")
        if kind in streams:
            found[streams[kind]][odata_values.ref(row.get("Ref_Key"))] = None
        elif kind == base.common("variants"):
            owner = odata_values.ref(row.get("Owner_Key") or row.get("Owner"))
            found["products"][owner] = None
        else:
            found["products"].update(dict.fromkeys(_mentioned(row)))
    return {name: [one for one in refs if one] for name, refs in found.items()}


def _mentioned(row: Mapping[str, Any]) -> Iterator[str]:
    """Products whose prices or barcodes a register's record set holds."""
    for item in (row, *(row.get("RecordSet") or ())):
        if isinstance(item, Mapping):
            yield odata_values.ref(item.get("Номенклатура_Key"))


def _read_again(
    base: Base, shelf: Shelf, told: Mapping[str, list[str]]
) -> Iterator[list[SourceRecord]]:
    for stream, refs in told.items():
        for start in range(0, len(refs), BATCH):
            part = refs[start : start + BATCH]
            if stream == "products":
                yield from odata_goods.products(base, shelf, part)
                yield _gone(base, stream, base.common("products"), part)
            elif stream == "counterparties":
                yield from odata_people.counterparties(base, part)
                yield _gone(base, stream, base.common("counterparties"), part)
            else:
                yield from odata_orders.orders(base, part)
                yield odata_orders.missing(base, part)


def _gone(base: Base, stream: str, name: str, refs: list[str]) -> list[SourceRecord]:
    absent = odata_pages.absent(base.wire, name, refs)
    return [deleted(stream, one) for one in absent]
