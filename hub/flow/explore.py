"""A stream out of what an admin saw: operations, a sample of rows, a mapping tried on it, saved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from hub.mapping.compiler import compile_mapping
from hub.mapping.loader import effective
from hub.mapping.model import MappedRecord, MappingDocument
from hub.mapping.transforms import MappingContext
from hub.registry import make_connection
from hub.schedules import check_rule
from hub.sdk.entities import ENTITIES
from hub.sdk.errors import ConfigError, HubError, Rejected
from hub.sdk.explore import Explore, Operations, Sample
from hub.sdk.profiles import laid
from hub.sdk.records import SourceRecord
from hub.sdk.traffic import Urgency
from hub.store import audit, connections
from hub.store.connections import Configured
from hub.store.store import Store

#: Rows that a sample shows and a mapping is tried on.
SAMPLE_ROWS = 20
MAX_DEPTH = 4
ID_FIELD = "external_id"
DOCUMENT = ("connector", "title", "settings", "schedule", "mappings", "destinations")
_STREAM = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Tried:
    """What the mapping makes of one row of a sample; `error` when it is refused."""

    fields: Mapping[str, Any]
    warnings: Sequence[str] = ()
    error: str = ""


@dataclass(frozen=True)
class Plan:
    """A stream to be saved. `columns` is {entity field: column}; an empty rule: run by hand."""

    name: str
    entity: str
    operation: str
    arguments: Mapping[str, Any]
    path: str
    mode: str
    cursor: str
    rule: str
    columns: Mapping[str, str]


def explorer(configured: Configured) -> Explore:
    """The connector's own explorer; ConfigError when it has none."""
    module = configured.connector.explore
    if module is None:
        raise ConfigError(f"{configured.connection.connector} has no operations to show")
    return cast(Explore, module)


def operations(configured: Configured) -> Operations:
    """What can be asked of the system; raises what the call raises."""
    person = configured.at(Urgency.PERSON)
    return explorer(configured).operations(person.connection)


def sample(
    store: Store,
    configured: Configured,
    operation: str,
    arguments: Mapping[str, Any],
    path: str,
    actor: str,
) -> Sample:
    """Call an operation for an admin: noted in the audit log first, then called, few rows read."""
    with store.database.write() as db:
        details = {"operation": operation, "arguments": dict(arguments)}
        audit.record(db, actor, "call operation", "connection", configured.name, details)
    person = configured.at(Urgency.PERSON)
    return explorer(configured).sample(person.connection, operation, arguments, path, SAMPLE_ROWS)


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The columns of the rows, in the order in which they come; tables inside are dotted."""
    found: dict[str, None] = {}
    for row in rows:
        found |= dict.fromkeys(flat(row))
    return list(found)


def flat(row: Mapping[str, Any], before: str = "", depth: int = 0) -> dict[str, Any]:
    """A row as one level: {dotted name: value}. A name that holds a dot or a quote stays out."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if set(name) & set('."\\'):
            continue
        here = f"{before}{name}"
        if isinstance(value, Mapping) and depth < MAX_DEPTH:
            found |= flat(value, f"{here}.", depth + 1)
        else:
            found[here] = value
    return found


def fields_of(entity: str) -> list[str]:
    """The fields of an entity that a column may fill, its id first."""
    return [*([] if entity == "stock" else [ID_FIELD]), *ENTITIES[entity]]


def suggested(configured: Configured, entity: str, columns: Sequence[str]) -> dict[str, str]:
    """{field: column} by the names that the connection's mapping already knows."""
    document = _document(configured, entity)
    by_name = {column.lower(): column for column in reversed(columns)}
    found: dict[str, str] = {}
    for field in fields_of(entity):
        for path in _paths(_row(document, field)):
            if path.lower() in by_name:
                found[field] = by_name[path.lower()]
                break
    return found


def overlay(configured: Configured, entity: str, columns: Mapping[str, str]) -> dict[str, Any]:
    """The mapping's rows for these columns: as the known row, but from the chosen column."""
    document = _document(configured, entity)
    rows: dict[str, Any] = {}
    over: dict[str, Any] = {"fields": rows}
    for field, column in columns.items():
        known = _row(document, field)
        row = {**(known if isinstance(known, Mapping) else {}), "from": _quoted(column)}
        if field == ID_FIELD:
            over[ID_FIELD] = row
        else:
            rows[field] = row
    return over if document is not None else {"entity": entity, **over}


def tried(
    configured: Configured, entity: str, columns: Mapping[str, str], rows: Sequence[Any]
) -> list[Tried]:
    """The mapping with these columns, applied to the sample; MappingConfigError if it is wrong."""
    over = {**configured.mappings, entity: _over(configured, entity, columns)}
    documents = effective(configured.connection.connector, over)
    compiled = compile_mapping(documents[entity])
    connection = configured.connection
    context = MappingContext(connection.timezone, connection.phone_region, connection.settings)
    return [_tried(compiled, SourceRecord(entity, "", row), context) for row in rows]


def _tried(compiled: Any, source: SourceRecord, context: MappingContext) -> Tried:
    try:
        record: MappedRecord = compiled.apply(source, context)
    except HubError as error:
        return Tried({}, error=error.message)
    fields = {name: value for name, value in record.fields.items() if value is not None}
    if record.external_id:
        fields = {ID_FIELD: record.external_id, **fields}
    return Tried(fields, record.warnings)


def save_stream(store: Store, name: str, revision: int, plan: Plan, actor: str) -> int:
    """Save a stream and its mapping as a new revision of the connection; returns the revision.

    Rejected when somebody changed the connection meanwhile; ConfigError names what is wrong.
    """
    if not _STREAM.fullmatch(plan.name):
        raise ConfigError(
            "a stream's name holds small letters, digits and «_», and starts with a letter",
            place="stream",
        )
    if plan.rule:
        check_rule(plan.rule, f"schedule.{plan.name}")
    configured = store.catalog.require(name)
    settings = explorer(configured).stream(
        plan.operation, plan.arguments, plan.path, plan.mode, plan.cursor, plan.entity
    )
    with store.database.write() as db:
        row = connections.find_row(db, name)
        if row is None or row.revision != revision:
            raise Rejected("the connection was changed meanwhile: open the page anew")
        document = {key: getattr(row, key) for key in DOCUMENT}
        own = document["settings"]
        document["settings"] = {
            **own,
            "streams": {**(own.get("streams") or {}), plan.name: dict(settings)},
        }
        schedule = {key: rule for key, rule in document["schedule"].items() if key != plan.name}
        document["schedule"] = {**schedule, plan.name: plan.rule} if plan.rule else schedule
        over = overlay(configured, plan.entity, plan.columns)
        document["mappings"] = laid(document["mappings"], {plan.entity: over})
        secrets = dict.fromkeys(store.vault.open(row.secrets), "kept")
        make_connection({**document, "secrets": secrets}, name)
        effective(document["connector"], document["mappings"])
        connections.save(db, store.vault, name, document, author=actor, note=f"stream {plan.name}")
        audit.record(db, actor, "changed", "connection", name, {"stream": plan.name})
    store.catalog.forget()
    return revision + 1


def _over(configured: Configured, entity: str, columns: Mapping[str, str]) -> dict[str, Any]:
    own = configured.mappings.get(entity)
    return laid(own if isinstance(own, Mapping) else {}, overlay(configured, entity, columns))


def _document(configured: Configured, entity: str) -> MappingDocument | None:
    return effective(configured.connection.connector, configured.mappings).get(entity)


def _row(document: MappingDocument | None, field: str) -> Any:
    if document is None:
        return {}
    source = document.source
    row = source.get(ID_FIELD) if field == ID_FIELD else (source.get("fields") or {}).get(field)
    return {"from": row} if isinstance(row, str | list) else row or {}


def _paths(row: Any) -> list[str]:
    given = row.get("from") if isinstance(row, Mapping) else None
    paths = given if isinstance(given, list) else [given] if isinstance(given, str) else []
    return [str(path).replace('"', "") for path in paths]


def _quoted(column: str) -> str:
    return ".".join(f'"{name}"' for name in column.split("."))
