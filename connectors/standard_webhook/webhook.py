"""Webhooks of any sender: the connection's settings say how they are signed and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from connectors._protocols.standard_webhooks import key_of
from connectors.standard_webhook.body import (
    check_expression,
    find,
    holds,
    key_at,
    scalar_text,
    tree,
)
from connectors.standard_webhook.schemes import SCHEMES, secrets_of, standard_header, token_place
from hub.sdk.connection import Connection
from hub.sdk.entities import ENTITIES
from hub.sdk.errors import ConfigError, HubError, Ignored, PayloadError
from hub.sdk.records import CheckStep, SourceRecord
from hub.sdk.request import Event, RawRequest

#: Settings that are JMESPath over the whole body.
EXPRESSIONS: Final = ("field", "event_id", "event_type", "ordering_key")
#: Keys of a row of `records`: over the whole body, and over each thing that `from` finds.
BODY_KEYS: Final = ("when", "from", "deleted")
THING_KEYS: Final = ("external_id", "version")
MAX_RECORDS = 5_000


def verify(request: RawRequest, connection: Connection, now: datetime) -> None:
    """Raise SignatureError unless the request is signed by the connection's scheme."""
    SCHEMES[connection.setting("scheme")](request, connection, now)


def event_key(request: RawRequest, connection: Connection) -> str:
    """What `event_id` finds; without that setting the `webhook-id` of scheme `standard`."""
    if not connection.settings.get("event_id") and connection.settings.get("scheme") == "standard":
        return standard_header(request, "id")[:255]
    return key_at("event_id", request, connection)


def event_type(request: RawRequest, connection: Connection) -> str:
    """What `event_type` finds in the body."""
    return key_at("event_type", request, connection)


def ordering_key(request: RawRequest, connection: Connection) -> str:
    """What `ordering_key` finds in the body."""
    return key_at("ordering_key", request, connection)


def parse(event: Event, connection: Connection) -> Iterable[SourceRecord]:
    """Yield what the rows of `records` find; Ignored when no row fits this body.

    ConfigError names the wrong row, PayloadError the row whose expression met other data.
    """
    body = tree(event.request, connection)
    found: list[SourceRecord] = []
    for place, row in rows_of(connection):
        found.extend(_records(place, row, body))
        if len(found) > MAX_RECORDS:
            raise PayloadError(f"the body holds more than {MAX_RECORDS} records")
    if not found:
        raise Ignored("no row of settings.records fits this body")
    return found


def rows_of(connection: Connection) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The checked rows of `records`, each with its place in the connection file."""
    rows = connection.setting("records")
    for number, row in enumerate(rows):
        place = f"settings.records[{number}]"
        if not isinstance(row, Mapping):
            raise ConfigError("must be a table of entity, when, from, …", place=place)
        for key, value in row.items():
            if key not in ("entity", *BODY_KEYS, *THING_KEYS):
                allowed = ", ".join(("entity", *BODY_KEYS, *THING_KEYS))
                raise ConfigError(f"unknown key; allowed: {allowed}", place=f"{place}.{key}")
            if not isinstance(value, str):
                raise ConfigError("must be text", place=f"{place}.{key}")
            if key != "entity":
                check_expression(value, f"{place}.{key}")
        if row.get("entity") not in ENTITIES:
            known = ", ".join(ENTITIES)
            raise ConfigError(f"must be one of: {known}", place=f"{place}.entity")
        yield place, row


def _records(place: str, row: Mapping[str, str], body: Any) -> Iterator[SourceRecord]:
    if "when" in row and not holds(find(row["when"], body, f"{place}.when")):
        return
    found = find(row.get("from", "@"), body, f"{place}.from")
    if found is None:
        if "when" in row:
            raise PayloadError(f"{place}.from «{row.get('from', '@')}» is not in this body")
        return
    deleted = "deleted" in row and holds(find(row["deleted"], body, f"{place}.deleted"))
    for thing in found if isinstance(found, list) else [found]:
        if not isinstance(thing, Mapping):
            raise PayloadError(f"{place}.from finds {type(thing).__name__}, not an object")
        yield SourceRecord(
            entity=row["entity"],
            external_id=_external_id(row, thing, place),
            data=thing,
            version=_version(row, thing, place),
            deleted=deleted,
        )


def _external_id(row: Mapping[str, str], thing: Mapping[str, Any], place: str) -> str:
    """Empty without an expression: then the mapping names it."""
    if "external_id" not in row:
        return ""
    found = scalar_text(find(row["external_id"], thing, f"{place}.external_id"))
    if not found:
        raise PayloadError(f"{place}.external_id «{row['external_id']}» finds no id")
    return found


def _version(row: Mapping[str, str], thing: Mapping[str, Any], place: str) -> str:
    """The version as text that sorts: numbers zero-padded, ISO times with a zone in UTC."""
    if "version" not in row:
        return ""
    found = find(row["version"], thing, f"{place}.version")
    text = scalar_text(found) or ""
    if isinstance(found, int | Decimal | float) or text.isdecimal():
        whole, point, fraction = text.partition(".")
        return whole.rjust(20, "0") + point + fraction
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        return text
    try:
        return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    except OverflowError:
        return text


def check(connection: Connection) -> Iterable[CheckStep]:
    """Look at what can be known before the first request: secret, expressions, rows."""
    yield _step("secret", _check_secret, connection)
    yield _step("expressions", _check_expressions, connection)
    yield _step("records", _check_rows, connection)


def _step(name: str, action: Callable[[Connection], None], connection: Connection) -> CheckStep:
    try:
        action(connection)
    except HubError as error:
        return CheckStep(name, ok=False, message=error.message)
    return CheckStep(name, ok=True)


def _check_secret(connection: Connection) -> None:
    secrets = secrets_of(connection)
    if connection.settings.get("scheme") == "standard":
        for secret in secrets:
            key_of(secret)
    if connection.settings.get("scheme") == "token":
        token_place(connection)


def _check_expressions(connection: Connection) -> None:
    for name in EXPRESSIONS:
        if expression := connection.settings.get(name):
            check_expression(expression, f"settings.{name}")


def _check_rows(connection: Connection) -> None:
    if not list(rows_of(connection)):
        raise ConfigError("needs at least one row", place="settings.records")
