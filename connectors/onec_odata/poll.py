"""Reading 1C through its OData: stock whole, other streams by what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from connectors._protocols import (
    odata_changes,
    odata_goods,
    odata_orders,
    odata_people,
    odata_stock,
    odata_virtual,
)
from connectors._protocols.odata_base import Base, deleted
from connectors._protocols.odata_metadata import metadata_of
from connectors._protocols.odata_seen import Seen
from connectors.onec_odata import sink
from connectors.onec_odata.client import base_of
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, HubError
from hub.sdk.records import CheckStep, Page, SourceRecord

STREAMS: Final = ("stock", "products", "counterparties", "orders", "changes")


def read(connection: Connection, stream: str, cursor: Mapping[str, Any]) -> Iterator[Page]:
    """Yield a stream's pages. Stock is a snapshot with its digest ahead; the others pass on what
    differs from the last run, and what is gone. ConfigError says what is not published and how to
    publish it; the cursor moves on the last page only."""
    base = base_of(connection)
    if stream == "stock":
        yield from odata_stock.read_stock(base)
    elif stream == "changes":
        yield from odata_changes.read_changes(base, cursor)
    elif stream in STREAMS:
        yield from _compared(base, stream, cursor)
    else:
        raise ConfigError(f"потока «{stream}» нет, есть: {', '.join(STREAMS)}", place="schedule")


def _compared(base: Base, stream: str, cursor: Mapping[str, Any]) -> Iterator[Page]:
    seen = Seen(base.connection.cache_dir, stream, cursor)
    found: Mapping[str, Callable[[], Iterator[list[SourceRecord]]]] = {
        "products": lambda: odata_goods.products(base, seen.shelf),
        "counterparties": lambda: odata_people.counterparties(base),
        "orders": lambda: odata_orders.orders(base),
    }
    try:
        yield from seen.pages(found[stream]())
        gone, doubts = seen.gone()
        if stream == "orders":
            records = odata_orders.missing(base, gone)
        else:
            records = [deleted(stream, key) for key in gone]
        yield from seen.last(records, doubts)
    finally:
        seen.close()


def check(connection: Connection) -> Iterable[CheckStep]:
    """Test the address and login, then what every stream and the writing of orders need."""
    try:
        base = base_of(connection)
        count = len(metadata_of(base.wire, fresh=True))
    except HubError as error:
        yield CheckStep("Адрес и вход", False, error.message)
        return
    yield CheckStep("Адрес и вход", True, base.wire.root)
    if not count:
        yield CheckStep("Состав OData", False, "не опубликовано ни одного объекта")
        return
    yield CheckStep("Состав OData", True, f"опубликовано наборов: {count}")
    wanted = [name for name in STREAMS if name != "changes" or odata_changes.node(base)[0]]
    for name in wanted:
        yield _step(f"Поток {name}", lambda name=name: _stream(base, name))  # type: ignore[misc]  # mypy cannot infer a lambda's default
    if connection.settings.get("write"):
        yield from sink.check_orders(base)


def _step(title: str, act: Callable[[], str]) -> CheckStep:
    try:
        return CheckStep(title, True, act())
    except HubError as error:
        return CheckStep(title, False, error.message)


def _stream(base: Base, name: str) -> str:
    if name == "stock":
        plan = base.stock_plan()
        return str(next(plan[key] for key in ("balance", "rows", "accounts") if plan.get(key)))
    if name == "products":
        found = base.set_of(name, base.common("products"))
        register, _, chosen = odata_goods.price_source(base)
        priced = register if chosen else "цен нет: не задан streams.products.price_type"
        return f"{found}, {priced}"
    if name == "counterparties":
        return base.set_of(name, base.common("counterparties"))
    if name == "orders":
        return str(base.order_plan()["document"])
    plan_name, node = odata_changes.node(base)
    return f"{plan_name}, принято {odata_virtual.received_no(base.wire, plan_name, node)}"
