"""A sample event: what the vendor would send to this very connection, signed as it would sign."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from hub.mapping.loader import effective
from hub.mapping.model import MappingDocument, Row, field_kinds
from hub.mapping.paths import plain_names
from hub.sdk import entities
from hub.sdk.errors import ConfigError, HubError
from hub.sdk.request import RawRequest
from hub.store.connections import Configured

MAX_BYTES: Final = 200_000
_EQUALS = re.compile(r"\s*([\w.]+)\s*==\s*'([^']*)'\s*")
#: Values that nobody takes for a real client's.
EXAMPLES: Final[Mapping[str, str]] = {
    "name": "Проба Связи",
    "contact_name": "Проба Связи",
    "company_name": "ООО «Проба»",
    "title": "Пробная заявка",
    "subject": "Пробная заявка",
    "comment": "Заявка придумана: так проверяют связь",
    "text": "Сообщение придумано: так проверяют связь",
    "phone": "+7 900 000-00-00",
    "email": "proba@example.ru",
    "channel": "site",
    "campaign": "proba",
    "page_url": "https://shop.example/",
    "number": "TEST-1",
    "status": "new",
    "currency": "RUB",
    "city": "Тверь",
}
_BY_KIND: Final[Mapping[str, Any]] = {
    entities.MONEY: "1000.00",
    entities.QUANTITY: "1",
    entities.INTEGER: 1,
    entities.BOOLEAN: True,
    entities.PHONE: EXAMPLES["phone"],
    entities.EMAIL: EXAMPLES["email"],
}


def can_sample(configured: Configured) -> bool:
    """Whether the hub can play this connection's sender."""
    return configured.connector.sample is not None and configured.connector.verify is not None


def content_for(configured: Configured, now: datetime) -> str:
    """What a person may edit before it is sent; empty where the connector makes it by itself."""
    manifest = configured.connector.manifest
    if not manifest.mappings_from_connection:
        return ""
    settings = configured.connection.settings
    kind = str(settings.get("body") or "json")
    if kind == "xml":
        return ""
    try:
        documents = effective(manifest.name, configured.mappings)
    except ConfigError:
        documents = {}
    tree = _tree(settings, documents, int(now.timestamp()))
    if kind == "form":
        return urlencode(_flat(tree))
    return orjson.dumps(tree, option=orjson.OPT_INDENT_2).decode()


def request_for(configured: Configured, content: str, now: datetime) -> RawRequest:
    """The signed request. ConfigError or PayloadError tells why there can be none."""
    sample = configured.connector.sample
    if sample is None:
        raise ConfigError("this connection has no sender that the hub could play")
    body = content.replace("\r\n", "\n").encode()
    if len(body) > MAX_BYTES:
        raise ConfigError("the text is too long")
    try:
        return sample(configured.connection, now, body)
    except HubError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"this text cannot be signed: {error}") from error


def curl(address: str, request: RawRequest) -> str:
    """The request as a command for a terminal, complete: it works as it stands."""
    target = f"{address}/{request.path}" if request.path else address
    target += f"?{request.query}" if request.query else ""
    lines = [f"curl -sS -i -X {request.method} {shlex.quote(target)}"]
    lines += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in request.headers]
    lines.append(f"--data-binary {shlex.quote(request.body.decode('utf-8', 'replace'))}")
    return " \\\n  ".join(lines)


def _tree(
    settings: Mapping[str, Any], documents: Mapping[str, MappingDocument], stamp: int
) -> dict[str, Any]:
    """A body that the first kind of records takes up, its fields filled by the mapping's rows."""
    tree: dict[str, Any] = {}
    records = [one for one in settings.get("records") or () if isinstance(one, Mapping)]
    _put(tree, str(settings.get("event_id") or ""), f"test-{stamp}")
    if not records:
        return tree or {"id": f"test-{stamp}"}
    spec = records[0]
    for part in str(spec.get("when") or "").split("&&"):
        if found := _EQUALS.fullmatch(part):
            _put(tree, found[1], found[2])
    inner = _record(documents.get(str(spec.get("entity"))), spec, stamp)
    if path := str(spec.get("from") or ""):
        _put(tree, path, inner)
    else:
        tree = {**inner, **tree}
    return tree


def _record(
    document: MappingDocument | None, spec: Mapping[str, Any], stamp: int
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    _put(found, str(spec.get("external_id") or ""), f"test-{stamp}")
    if document is None:
        return {"name": EXAMPLES["name"], "phone": EXAMPLES["phone"], **found}
    kinds = field_kinds(document.entity)
    rows: list[tuple[Row, str]] = [(row, kinds.get(row.target, "")) for row in document.fields]
    for section in (document.contact, document.company):
        rows += [(row, "") for row in section.rows] if section else []
    for row, kind in rows:
        if row.paths and not row.each:
            example = EXAMPLES.get(row.target, _BY_KIND.get(kind, f"проба {row.target}"))
            if kind == entities.TIME:
                example = datetime.fromtimestamp(stamp).astimezone().isoformat()
            if row.target.endswith("external_id"):
                example = f"test-{stamp}"
            if row.choices:
                example = next(iter(row.choices))
            _put(found, row.paths[0], example)
    if document.external_id is not None and document.external_id.paths:
        _put(found, document.external_id.paths[0], f"test-{stamp}")
    return found


def _put(tree: dict[str, Any], path: str, value: Any) -> None:
    """Set a plain dotted path, unless something stands in its way."""
    names = plain_names(path) if path else None
    if names is None:
        return
    node = tree
    for name in names[:-1]:
        below = node.setdefault(name, {})
        if not isinstance(below, dict):
            return
        node = below
    node.setdefault(names[-1], value)


def _flat(tree: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in tree.items():
        here = f"{before}[{name}]" if before else name
        found += _flat(value, here) if isinstance(value, Mapping) else [(here, str(value))]
    return found
