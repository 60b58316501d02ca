"""Connections: how each fares, its document without secrets, change, pause; mappings in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.exceptions import abort

from hub.api.access import log_deed, store, token
from hub.api.fields import (
    PageQuery,
    Strict,
    Text,
    list_of,
    one_of,
    shown,
    table_shown,
    time_shown,
)
from hub.api.operation import blueprint, operation
from hub.crm.documents import plain
from hub.flow.drain import policy_of
from hub.flow.retry import schedule_of
from hub.mapping.loader import effective, load_shipped
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError
from hub.store import connections
from hub.store.connections import NAME_PATTERN, Configured
from hub.store.lists import ops
from hub.store.lists.paging import Row
from hub.store.secrets import remember, resolve
from hub.traffic.roads import breakers

wiring = blueprint("connections", "operations", "Configured systems and their mappings")
_ALL = validate.Regexp(f"{NAME_PATTERN}\\Z", error="Small letters, digits, «-» and «_» only.")
_OPTIONS: Final = ("settings", "schedule", "mappings")


class StreamSchema(Schema):
    """Where a poll of one stream stands."""

    stream = fields.String(required=True)
    fresh_at = time_shown()
    updated_at = time_shown()
    next_run_at = time_shown()
    row_count = fields.Integer(required=True)
    failures = fields.Integer(required=True)


class ConnectionSchema(Schema):
    """A connection and how it fares."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    connector = fields.String(required=True)
    title = fields.String(required=True)
    state = one_of(connections.STATES, required=True)
    state_reason = fields.String(required=True)
    problem = shown(metadata={"description": "Why the connection cannot be used at all."})
    revision = fields.Integer(required=True)
    destinations = fields.List(fields.String(), required=True)
    created_at = time_shown()
    updated_at = time_shown()
    last_event_at = time_shown()
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "Events of the last 24 hours by status."},
    )
    open_events = fields.Integer(required=True)
    dead_events = fields.Integer(required=True)
    open_deliveries = fields.Integer(required=True)
    dead_deliveries = fields.Integer(required=True)
    streams = fields.List(fields.Nested(StreamSchema), required=True)


class BreakerSchema(Schema):
    """A host that is left alone after failures, or tried by one call."""

    host = fields.String(required=True)
    state = one_of(("open", "half_open"), required=True)
    failures = fields.Integer(required=True)
    reason = fields.String(required=True)
    opened_at = time_shown()
    next_probe_at = time_shown()


class WholeConnectionSchema(ConnectionSchema):
    """A connection with its document; of the secrets only the names."""

    settings = table_shown()
    schedule = table_shown()
    mappings = table_shown()
    secrets = fields.List(fields.String(), required=True)
    limits = table_shown()
    breakers = fields.List(fields.Nested(BreakerSchema), required=True)
    retry_seconds = fields.List(
        fields.List(fields.Float()),
        required=True,
        metadata={"description": "The shortest and longest wait before each new try."},
    )


class ConnectionBody(Strict):
    """A connection file. Secrets that are left out keep their stored values."""

    connector = Text(required=True)
    title = Text(load_default="")
    settings = fields.Dict(keys=fields.String(), load_default=dict)
    secrets = fields.Dict(keys=fields.String(), load_default=dict)
    schedule = fields.Dict(keys=fields.String(), values=Text(), load_default=dict)
    mappings = fields.Dict(keys=fields.String(), load_default=dict)
    destinations = fields.List(Text(), load_default=list)


class PauseBody(Strict):
    """Why the connection is paused."""

    reason = Text(load_default="", max_length=2000)


class MappingSchema(Schema):
    """The mapping in force: the shipped one with the connection's own rows laid over it."""

    connection = fields.String(required=True)
    connector = fields.String(required=True)
    name = fields.String(required=True)
    entity = fields.String(required=True)
    origin = one_of(("shipped", "connection", "both"), required=True)
    document = table_shown()


class MappingQuery(PageQuery):
    """Whose mappings."""

    connection = Text()
    entity = Text()


@operation(
    wiring, "GET", "/connections", list_of("ConnectionList", ConnectionSchema), query=PageQuery
)
def list_connections(query: dict[str, Any]) -> dict[str, Any]:
    """Every connection by name."""
    rows = [_overview(row) for row in ops.connection_overview(store().database)]
    return _by_name(rows, query, "name")


@operation(wiring, "GET", "/connections/<name>", WholeConnectionSchema, errors=(404,))
def get_connection(name: str) -> dict[str, Any]:
    """One connection with its document, without secrets."""
    return _whole(name)


@operation(wiring, "PUT", "/connections/<name>", WholeConnectionSchema, body=ConnectionBody)
def put_connection(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Add or replace a connection: the same document as a connection file."""
    try:
        _ALL(name)
    except ValidationError as error:
        raise ConfigError(str(error.messages[0]), place="name") from None
    document = plain(body)
    _check(name, document)
    with store().database.write() as db:
        connections.save(db, store().vault, name, document, author=token().actor)
    store().catalog.forget()
    log_deed("changed", "connection", name, {"connector": document["connector"]})
    return _whole(name)


@operation(
    wiring,
    "POST",
    "/connections/<name>/pause",
    WholeConnectionSchema,
    body=PauseBody,
    errors=(404,),
)
def pause_connection(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Stop work for a connection: what comes in is kept and waits."""
    return _set_state(name, "paused", body["reason"])


@operation(wiring, "POST", "/connections/<name>/resume", WholeConnectionSchema, errors=(404,))
def resume_connection(name: str) -> dict[str, Any]:
    """Take up work for a connection again."""
    return _set_state(name, "active", "")


@operation(wiring, "GET", "/mappings", list_of("MappingList", MappingSchema), query=MappingQuery)
def list_mappings(query: dict[str, Any]) -> dict[str, Any]:
    """The mappings in force, by connection and name."""
    found = []
    for configured in store().catalog.all():
        if query.get("connection") in (None, "", configured.name):
            found += _mappings(configured)
    if query.get("entity"):
        found = [one for one in found if one["entity"] == query["entity"]]
    for one in found:
        one["key"] = f"{one['connection']}/{one['name']}"
    return _by_name(found, query, "key")


@operation(wiring, "GET", "/mappings/<connection>/<name>", MappingSchema, errors=(404,))
def get_mapping(connection: str, name: str) -> dict[str, Any]:
    """One mapping in force."""
    configured = store().catalog.get(connection)
    found = [one for one in _mappings(configured) if one["name"] == name] if configured else []
    if not found:
        abort(404, "There is no such mapping.")
    return found[0]


def _mappings(configured: Configured) -> list[dict[str, Any]]:
    name = configured.connection.connector
    shipped = load_shipped(name)
    return [
        {
            "connection": configured.name,
            "connector": name,
            "name": key,
            "entity": document.entity,
            "origin": ("both" if key in shipped else "connection")
            if key in configured.mappings
            else "shipped",
            "document": document.as_dict(),
        }
        for key, document in sorted(effective(name, configured.mappings).items())
    ]


def _by_name(rows: list[dict[str, Any]], query: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A page of a short list that is kept in memory; its cursor is the last name shown."""
    rows = [row for row in rows if not query["cursor"] or row[key] > query["cursor"]]
    shown_rows = rows[: query["limit"]]
    more = len(rows) > len(shown_rows)
    return {"items": shown_rows, "next_cursor": shown_rows[-1][key] if more else None}


def _overview(row: Row) -> dict[str, Any]:
    return {**plain(row), "problem": store().catalog.broken().get(row["name"])}


def _whole(name: str) -> dict[str, Any]:
    with store().database.read() as db:
        stored = connections.find_row(db, name)
    if stored is None:
        abort(404, "There is no such connection.")
    overview = ops.connection_overview(store().database)
    shown_row = next(_overview(row) for row in overview if row["name"] == name)
    secrets = sorted(store().vault.open(stored.secrets))
    configured = store().catalog.get(name)
    found = breakers(store().settings).get(stored.id, [])
    return {
        **shown_row,
        **{key: getattr(stored, key) for key in _OPTIONS},
        "secrets": secrets,
        "limits": configured.limits() if configured else {},
        "breakers": [plain(breaker.as_row()) for breaker in found],
        "retry_seconds": schedule_of(policy_of(store())),
    }


def _check(name: str, document: Mapping[str, Any]) -> Connection:
    """Check a document as it will be used, secrets that stay included; ConfigError if wrong."""
    with store().database.read() as db:
        stored = connections.find_row(db, name)
    for secret, value in document["secrets"].items():
        if value.startswith(("env:", "file:")):
            # Whoever holds a token must not make the hub read its own environment and files.
            raise ConfigError(
                "a reference works only in a file on the hub's machine; send the value",
                place=f"secrets.{secret}",
            )
    secrets = resolve(remember(document["secrets"]))
    if stored is not None:
        secrets = {**resolve(store().vault.open(stored.secrets)), **secrets}
    effective(str(document["connector"]), document["mappings"])
    settings = store().settings
    return make_connection(
        {**document, "secrets": secrets},
        name,
        company_timezone=settings.timezone,
        phone_region=settings.phone_region,
    )


def _set_state(name: str, state: str, reason: str) -> dict[str, Any]:
    _whole(name)
    with store().database.write() as db:
        row = connections.find_row(db, name)
        connections.set_state(db, row.id if row is not None else 0, state, reason)
    store().catalog.forget()
    log_deed(state, "connection", name, {"reason": reason})
    return _whole(name)
