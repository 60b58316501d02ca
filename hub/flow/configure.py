"""Connections made and changed by people: one check for files, API and forms, then a revision.

What a form needs and a file does not: every trouble at once, each by the place of its field.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select
from sqlalchemy.exc import IntegrityError

from hub.mapping.loader import effective
from hub.mapping.model import MappingConfigError
from hub.registry import connector, make_connection
from hub.schedules import check_rule
from hub.sdk.errors import ConfigError, Rejected
from hub.sdk.profiles import laid, profile_of
from hub.sdk.settings_check import troubles_of
from hub.store import audit, connections, facts
from hub.store.connections import NAME_PATTERN, ChangedError, find_row
from hub.store.models import connection_revisions, cursors, events, sync_runs
from hub.store.models import connections as connections_table
from hub.store.models import facts as facts_table
from hub.store.rotation import PARTS
from hub.store.store import Store

LONGEST_NAME = 40
#: Stands for a stored secret; base64, as some secrets must be.
KEPT = "kept"
#: Russian letters as a name in an address spells them.
_RUSSIAN: Final = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_SPELLED: Final = (
    "a b v g d e e zh z i y k l m n o p r s t u f h c ch sh sch - y - e yu ya"  # one a letter
)
_LATIN: Final = dict(zip(_RUSSIAN, _SPELLED.split(), strict=True))


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a document, and where: `settings.host`, `mappings.lead`, `name`."""

    place: str
    message: str


def name_for(title: str, taken: Collection[str], fallback: str) -> str:
    """A free name for addresses after the title; `fallback` where nothing is left of it."""
    letters = "".join(_LATIN.get(letter, letter).replace("-", "") for letter in title.lower())
    words = re.findall(r"[a-z0-9]+", letters)
    name = "-".join(words)[:LONGEST_NAME].rstrip("-") or fallback.replace("_", "-")
    if name not in taken:
        return name
    return next(one for n in range(2, len(taken) + 3) if (one := f"{name}-{n}") not in taken)


def troubles(
    name: str,
    document: Mapping[str, Any],
    *,
    kept_secrets: Collection[str] = (),
    taken: Collection[str] = (),
) -> list[Trouble]:
    """Everything that is wrong with a document; empty when it can be saved.

    `kept_secrets` are stored already and need not be given; `taken` are names of others.
    """
    found: list[Trouble] = []
    if not re.fullmatch(NAME_PATTERN, name):
        found.append(Trouble("name", "Small letters, digits, «-» and «_» only."))
    elif name in taken:
        found.append(Trouble("name", f"there is a connection «{name}» already"))
    if not str(document.get("title") or "").strip():
        found.append(Trouble("title", "is required"))
    found += _of_settings(document, kept_secrets)
    for stream, rule in (document.get("schedule") or {}).items():
        try:
            check_rule(str(rule), f"schedule.{stream}")
        except ConfigError as error:
            found.append(told(error))
    if found:
        return found
    try:
        check(name, document, kept_secrets)
    except MappingConfigError as error:
        found += [Trouble(f"mappings.{one.key}", one.message) for one in error.problems]
    except ConfigError as error:
        found.append(told(error))
    return found or _offline(name, document, kept_secrets)


def _offline(
    name: str, document: Mapping[str, Any], kept_secrets: Collection[str]
) -> list[Trouble]:
    """What the connector's own test finds, where it calls nobody: expressions, rows, tokens."""
    code = connector(document["connector"])
    if code.manifest.calls_out or code.check is None:
        return []
    # What is stored is not read for this; any text does, a secret's form is checked when given.
    secrets = {**dict.fromkeys(kept_secrets, KEPT), **(document.get("secrets") or {})}
    connection = make_connection({**document, "secrets": secrets}, name)
    found = []
    for step in code.check(connection):
        place, _, said = step.message.partition(": ")
        is_place = place.startswith(("settings.", "secrets."))
        if not step.ok:
            found.append(Trouble(place, said) if is_place else Trouble("settings", step.message))
    return found


def told(error: ConfigError) -> Trouble:
    """An error as a trouble: its place apart from what it says."""
    return Trouble(error.place, error.message.removeprefix(f"{error.place}: "))


def check(
    name: str,
    document: Mapping[str, Any],
    kept_secrets: Collection[str] = (),
    *,
    mappings: Any = None,
    place: str = "mappings",
) -> None:
    """ConfigError unless the connection can work; the first trouble only.

    `mappings` are the document's own with the places of a file, told as `place` in errors.
    """
    given = document.get("secrets") or {}
    known = dict.fromkeys(kept_secrets, KEPT)
    secrets = {**known, **given} if isinstance(given, Mapping) else given
    make_connection({**document, "secrets": secrets}, name)
    for stream, rule in (document.get("schedule") or {}).items():
        check_rule(str(rule), f"schedule.{stream}")
    targets = document.get("destinations") or []
    if not isinstance(targets, list) or not all(isinstance(item, str) for item in targets):
        raise ConfigError("must be a list of connection names", place="destinations")
    if not isinstance(document.get("mappings") or {}, Mapping):
        raise ConfigError("must be a table of entities", place="mappings")
    given = document.get("mappings") if mappings is None else mappings
    effective(document["connector"], given, place=place)


def _of_settings(document: Mapping[str, Any], kept: Collection[str]) -> list[Trouble]:
    try:
        manifest = connector(str(document.get("connector") or "")).manifest
        settings = document.get("settings") or {}
        settings = laid(profile_of(manifest.folder, settings).get("settings"), settings)
    except ConfigError as error:
        return [told(error)]
    secrets = {**dict.fromkeys(kept, KEPT), **(document.get("secrets") or {})}
    return [told(error) for error in troubles_of(manifest, settings, secrets)]


def document_of(row: Row[Any]) -> dict[str, Any]:
    """A stored connection as a document, without its secrets."""
    return {part: getattr(row, part) for part in PARTS}


def save(
    store: Store,
    name: str,
    document: Mapping[str, Any],
    *,
    revision: int | None,
    actor: str,
    note: str = "",
    action: str = "changed",
) -> int:
    """Save a document as a new revision; returns its number.

    `revision` is the one that was looked at, None for a new connection. ChangedError when somebody
    changed it meanwhile, ConfigError when the document is wrong.
    """
    with store.database.write() as db:
        row = find_row(db, name)
        if (row.revision if row is not None else None) != revision:
            raise ChangedError
        kept = store.vault.open(row.secrets) if row is not None else {}
        check(name, document, kept)
        connections.save(db, store.vault, name, document, author=actor, note=note)
        details = {"note": note, "revision": (revision or 0) + 1}
        audit.record(db, actor, action, "connection", name, details)
    store.catalog.forget()
    return (revision or 0) + 1


def remove_unused(store: Store, name: str, actor: str) -> None:
    """Remove a connection that nothing came through yet. Rejected when something did."""
    with store.database.write() as db:
        row = find_row(db, name)
        if row is None:
            raise Rejected(f"there is no connection «{name}»")
        if _is_used(db, row.id):
            raise Rejected("data came through this connection: pause it instead")
        try:
            for table in (cursors, connection_revisions):
                db.execute(delete(table).where(table.c.connection_id == row.id))
            db.execute(delete(connections_table).where(connections_table.c.id == row.id))
            db.execute(delete(facts_table).where(facts_table.c.name == f"connection_file:{name}"))
        except IntegrityError as error:
            raise Rejected("data came through this connection: pause it instead") from error
        facts.bump_config(db)
        audit.record(db, actor, "removed", "connection", name)
    store.catalog.forget()


def _is_used(db: Connection, connection_id: int) -> bool:
    tables = (events, sync_runs)
    return any(
        db.scalar(select(func.min(table.c.id)).where(table.c.connection_id == connection_id))
        for table in tables
    )


def is_used(store: Store, connection_id: int) -> bool:
    """Whether anything came through the connection, so that it can only be paused."""
    with store.database.read() as db:
        return _is_used(db, connection_id)
