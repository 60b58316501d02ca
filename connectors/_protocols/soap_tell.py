"""Telling a SOAP service of a record: one operation, its arguments out of a template, its words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors._protocols.change_template import Template, at_path
from connectors._protocols.onec_moments import (
    FIRST_YEAR,
    LAST_YEAR,
    parse_moment,
    parse_number,
)
from connectors._protocols.soap import SoapService
from connectors._protocols.soap_arguments import argument_trouble, filled
from hub.sdk.entities import BOOLEAN, ENTITIES, MONEY, QUANTITY, TEXT, TIME
from hub.sdk.errors import ConfigError
from hub.sdk.records import Receipt

KEPT_REPLY_CHARACTERS = 500
#: `result: key`: the service names no document, it keeps the hub's key as the document's id.
KEY = "key"
TRUE_WORDS = frozenset({"true", "1", "да", "истина"})


@dataclass(frozen=True)
class Ask:
    """One operation and what of its answer matters: the path to the document's id, to fields."""

    operation: str
    arguments: Mapping[str, Any]
    result: str
    fields: Mapping[str, str]
    place: str


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


def tell(service: SoapService, ask: Ask, sent: Mapping[str, Any], zone: ZoneInfo) -> Receipt:
    """Call the operation; the receipt carries the document's id, empty when the answer has none.

    Raises as a call does; ConfigError when the arguments do not fit the operation.
    """
    place = f"{ask.place}.arguments"
    values = Template(zone, place).filled(ask.arguments, sent)
    known = service.arguments(ask.operation)
    # What the change does not say is nothing to 1C, not a missing argument.
    values = {name: values.get(name) for name in ask.arguments}
    answer = service.told(ask.operation, filled(values, known, {}, zone, place))
    found = _key(answer, sent) if ask.result == KEY else at_path(answer, ask.result)
    fields = {name: as_kind(name, at_path(answer, path), zone) for name, path in ask.fields.items()}
    return Receipt(
        external_id="" if found is None or isinstance(found, Mapping | list) else str(found),
        status_code=200,
        reply=json.dumps(answer, ensure_ascii=False, default=str)[:KEPT_REPLY_CHARACTERS],
        fields={name: value for name, value in fields.items() if value is not None},
    )


def _key(answer: Mapping[str, Any], sent: Mapping[str, Any]) -> Any:
    """The hub's own key, when the answer is neither empty nor a «no»."""
    said = answer.get("return")
    return sent.get(KEY) if said not in (None, "", "false", "0") else None


def as_kind(name: str, value: Any, zone: ZoneInfo) -> Any:
    """What 1C says of an order's field as the field holds it; None for nothing and for nonsense."""
    if value in (None, "") or isinstance(value, Mapping | list):
        return None
    kind, text = ENTITIES["order"].get(name, TEXT), str(value).strip()
    if kind == TIME:
        moment = parse_moment(text, zone)
        return moment if moment and FIRST_YEAR <= moment.year < LAST_YEAR else None
    if kind in {MONEY, QUANTITY}:
        return parse_number(text)
    return text.lower() in TRUE_WORDS if kind == BOOLEAN else text


def ask_trouble(service: SoapService, ask: Ask) -> str:
    """What is wrong with it by the WSDL, in words; empty when nothing is. ConfigError: no such
    operation."""
    return argument_trouble(ask.arguments, service.arguments(ask.operation))
