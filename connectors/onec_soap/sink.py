"""Orders into 1C by an operation of the service: once, under the hub's own key, and back its words.

The document is looked up by the key first where the service can do that; an operation that keeps
the key and answers a repeat with the same document needs no look-up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from connectors._protocols.change_template import Template, at_path
from connectors._protocols.soap import SoapService
from connectors._protocols.soap_arguments import filled
from connectors.onec_soap.client import soap_service
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, Ignored, Rejected
from hub.sdk.records import Change, Receipt

PLACE = "settings.orders"
KEYS = {"operation", "arguments", "result", "fields", "updates", "lookup"}
KEPT_REPLY_CHARACTERS = 500


@dataclass(frozen=True)
class Ask:
    """One operation and what of its answer matters: the path to the document's id, to fields."""

    operation: str
    arguments: Mapping[str, Any]
    result: str
    fields: Mapping[str, str]
    place: str


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
    sent = {**change.fields, "key": change.record_key, "document": binding or ""}
    with closing(soap_service(connection)) as service:
        if lookup := orders.get("lookup"):
            receipt = _told(connection, service, ask_of(lookup, f"{PLACE}.lookup"), sent)
            if receipt.external_id and not updates:
                return receipt
            sent["document"] = receipt.external_id or sent["document"]
        receipt = _told(connection, service, ask_of(orders, PLACE), sent)
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


def ask_of(given: Any, place: str) -> Ask:
    """One operation out of the settings."""
    if not isinstance(given, Mapping):
        raise ConfigError("ожидаются ключи operation, arguments, result", place=place)
    for key in ("operation", "result"):
        if not isinstance(given.get(key), str) or not given[key]:
            raise ConfigError("нужно указать", place=f"{place}.{key}")
    for key in ("arguments", "fields"):
        if not isinstance(given.get(key) or {}, Mapping):
            raise ConfigError("ожидаются пары имя: значение", place=f"{place}.{key}")
    return Ask(
        str(given["operation"]),
        given.get("arguments") or {},
        str(given["result"]),
        given.get("fields") or {},
        place,
    )


def _told(
    connection: Connection, service: SoapService, ask: Ask, sent: Mapping[str, Any]
) -> Receipt:
    zone, place = connection.timezone, f"{ask.place}.arguments"
    values = Template(zone, place).filled(ask.arguments, sent)
    known = service.arguments(ask.operation)
    # What the change does not say is nothing to 1C, not a missing argument.
    values = {name: values.get(name) for name in ask.arguments}
    answer = service.told(ask.operation, filled(values, known, {}, zone, place))
    found = at_path(answer, ask.result)
    fields = {name: at_path(answer, path) for name, path in ask.fields.items()}
    return Receipt(
        external_id="" if found is None or isinstance(found, Mapping | list) else str(found),
        status_code=200,
        reply=json.dumps(answer, ensure_ascii=False, default=str)[:KEPT_REPLY_CHARACTERS],
        fields={name: value for name, value in fields.items() if value not in (None, "")},
    )
