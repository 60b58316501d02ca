"""Orders into 1C by an operation of the service: once, under the hub's own key, and back its words.

The document is looked up by the key first where the service can do that; an operation that keeps
the key and answers a repeat with the same document needs no look-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from connectors._protocols.soap import SoapService
from connectors._protocols.soap_tell import ask_of, ask_trouble, tell
from connectors.onec_soap.client import soap_service
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, HubError, Ignored, Rejected
from hub.sdk.records import Change, CheckStep, Receipt

PLACE = "settings.orders"
KEYS = {"operation", "arguments", "result", "fields", "updates", "lookup"}


def push(connection: Connection, change: Change, binding: str | None) -> Receipt:
    """Tell 1C of an order; the receipt carries the document's id and what 1C says of it.

    Ignored for what is no order, for a deleted one, and for a later change when `updates` is off.
    """
    if change.entity != "order":
        raise Ignored("1С принимает только заказы")
    if change.deleted:
        raise Ignored("заказ удалён: документ в 1С остаётся, решает человек")
    orders = orders_of(connection)
    updates = bool(orders.get("updates", False))
    if binding and not updates:
        raise Ignored("заказ уже в 1С, повторно не отправляется (settings.orders.updates)")
    zone = connection.timezone
    sent = {**change.fields, "key": change.record_key, "document": binding or ""}
    with closing(soap_service(connection)) as service:
        if lookup := orders.get("lookup"):
            receipt = tell(service, ask_of(lookup, f"{PLACE}.lookup"), sent, zone)
            if receipt.external_id and not updates:
                return receipt
            sent["document"] = receipt.external_id or sent["document"]
        receipt = tell(service, ask_of(orders, PLACE), sent, zone)
    if not receipt.external_id:
        raise Rejected(f"1С не назвала документ: в ответе пусто по пути «{orders['result']}»")
    return receipt


def orders_of(connection: Connection) -> Mapping[str, Any]:
    """The checked table of how orders go out; ConfigError names the wrong key."""
    orders = connection.setting("orders")
    unknown = set(orders) - KEYS
    if unknown:
        raise ConfigError(f"неизвестные ключи: {', '.join(sorted(unknown))}", place=PLACE)
    ask_of(orders, PLACE)
    if orders.get("lookup"):
        ask_of(orders["lookup"], f"{PLACE}.lookup")
    return orders  # type: ignore[no-any-return]  # a setting of the type map


def check_orders(connection: Connection, service: SoapService) -> CheckStep:
    """Whether the operations that take orders are there and take what they are given."""
    try:
        orders = orders_of(connection)
        asks = [ask_of(orders, PLACE)]
        if lookup := orders.get("lookup"):
            asks.append(ask_of(lookup, f"{PLACE}.lookup"))
        wrong = [said for one in asks if (said := ask_trouble(service, one))]
    except HubError as error:
        return CheckStep("Заказы в 1С", False, error.message)
    return CheckStep("Заказы в 1С", not wrong, "; ".join(wrong) or f"операция {asks[0].operation}")
