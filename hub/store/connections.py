"""Connections as configured: stored, revised, and cached in every process for at most a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection as DbConnection
from sqlalchemy import Row, insert, select, update

from hub.registry import Connector, connector, make_connection
from hub.sdk.connection import Connection, Secrets
from hub.sdk.errors import ConfigError, HubError
from hub.sdk.manifest import Stream
from hub.sdk.profiles import laid, profile_of
from hub.sdk.traffic import Urgency
from hub.settings import Settings
from hub.store import facts, refused
from hub.store.database import Database, utc_now
from hub.store.kin import matchers, related
from hub.store.models import connections
from hub.store.revisions import keep_revision
from hub.store.secrets import Vault, next_end, remember, resolve, stamped
from hub.traffic.roads import Road, road_for

CACHE_SECONDS = 1.0
STATES = ("active", "paused", "needs_attention")
NAME_PATTERN = r"[a-z0-9][a-z0-9_-]{0,62}"


class ChangedError(Exception):
    """The connection was changed since this process read it."""


@dataclass(frozen=True)
class Configured:
    """A connection with what the hub alone needs to know of it."""

    connection: Connection
    state: str
    state_reason: str
    schedule: Mapping[str, str]
    mappings: Mapping[str, Any]
    destinations: tuple[str, ...]
    revision: int
    #: Other connections in which one external id means the same product.
    kin: tuple[int, ...] = ()
    #: Connections whose products are matched with others' by barcode or article.
    matchers: frozenset[int] = frozenset()

    @property
    def id(self) -> int:
        """The connection's key in the store."""
        return self.connection.id

    @property
    def name(self) -> str:
        """The name in `/in/<name>`."""
        return self.connection.name

    @property
    def connector(self) -> Connector:
        """The connector's code."""
        return connector(self.connection.connector)

    def limits(self) -> dict[str, str]:
        """The limits of its calls in force, by whose they are; empty when there is none."""
        road = self.connection.traffic
        return road.shown() if isinstance(road, Road) else {}

    def at(self, urgency: Urgency) -> Configured:
        """The same connection, its calls at another urgency."""
        return replace(self, connection=self.connection.at(urgency))

    def stream(self, name: str) -> Stream:
        """A stream this connection can poll, shipped or from its settings; ConfigError if none."""
        manifest = self.connector.manifest
        declared = manifest.stream(name)
        if not manifest.streams_from_settings:
            if declared is None:
                known = ", ".join(item.name for item in manifest.streams) or "none"
                raise ConfigError(f"there is no stream «{name}»; there are: {known}")
            return declared
        given = (self.connection.settings.get("streams") or {}).get(name)
        if given is None:
            known = ", ".join(self.connection.settings.get("streams") or {}) or "none"
            raise ConfigError(f"there is no stream «{name}»; there are: {known}")
        entity = given.get("entity") or (declared.entity if declared else name)
        title = declared.title if declared else {"ru": name, "en": name}
        mode, part_of = str(given.get("mode") or "delta"), str(given.get("part_of") or "")
        return Stream(name, str(entity), title, "", mode, part_of=part_of)

    def stream_title(self, name: str) -> Mapping[str, str]:
        """What a stream is called, by language; one that is no more by its own name."""
        try:
            return self.stream(name).title
        except ConfigError:
            return {"ru": name, "en": name}

    def stream_names(self) -> list[str]:
        """Every stream this connection can poll."""
        manifest = self.connector.manifest
        if manifest.streams_from_settings:
            return list(self.connection.settings.get("streams") or {})
        return [stream.name for stream in manifest.streams]


def find_row(db: DbConnection, name: str) -> Row[Any] | None:
    """The stored row of a connection."""
    return db.execute(select(connections).where(connections.c.name == name)).first()


def save(
    db: DbConnection,
    vault: Vault,
    name: str,
    document: Mapping[str, Any],
    *,
    author: str,
    note: str = "",
) -> int:
    """Add or replace a connection from its checked document; returns its id.

    Secrets that the document leaves out keep their stored values.
    """
    before = find_row(db, name)
    if before is not None and before.connector != document["connector"]:
        raise ConfigError(
            f"«{name}» is a {before.connector} connection; give the new one another name",
            place="connector",
        )
    kept = {
        **(vault.open(before.secrets) if before is not None else {}),
        **stamped(remember(document.get("secrets") or {}), author),
    }
    values = {
        "connector": document["connector"],
        "title": str(document.get("title") or name),
        "settings": dict(document.get("settings") or {}),
        "secrets": vault.seal(kept) if kept else None,
        "schedule": dict(document.get("schedule") or {}),
        "mappings": dict(document.get("mappings") or {}),
        "destinations": list(document.get("destinations") or []),
        "revision": 1 if before is None else before.revision + 1,
        "updated_at": utc_now(),
    }
    if before is None:
        statement = insert(connections).values(
            name=name, state="active", created_at=utc_now(), **values
        )
        key = int(db.execute(statement.returning(connections.c.id)).scalar_one())
    else:
        key = before.id
        # New settings are the remedy an admin was asked for; a pause is left to a person.
        state = {} if before.state == "paused" else {"state": "active", "state_reason": ""}
        db.execute(update(connections).where(connections.c.id == key).values(**values, **state))
        refused.release(db, key, utc_now())
    keep_revision(db, key, document, int(values["revision"]), author, note)
    facts.bump_config(db)
    return key


def set_state(db: DbConnection, connection_id: int, state: str, reason: str = "") -> None:
    """Pause, resume or mark a connection as needing an admin."""
    db.execute(
        update(connections)
        .where(connections.c.id == connection_id)
        .values(state=state, state_reason=reason, updated_at=utc_now())
    )
    if state == "active":
        refused.release(db, connection_id, utc_now())
    facts.bump_config(db)


class Catalog:
    """Every connection, decrypted, as of at most a second ago."""

    def __init__(self, database: Database, vault: Vault, settings: Settings) -> None:
        self._database, self._vault, self._settings = database, vault, settings
        self._lock = threading.Lock()
        self._by_name: dict[str, Configured] = {}
        self._by_id: dict[int, Configured] = {}
        self._broken: dict[str, str] = {}
        self._version: str | None = ""
        #: When a secret that is on its way out stops being valid.
        self._next_end: datetime | None = None
        self._looked_at = float("-inf")

    def get(self, name: str) -> Configured | None:
        """The connection of this name."""
        self._refresh()
        return self._by_name.get(name)

    def require(self, name: str) -> Configured:
        """The connection of this name; ConfigError lists the known ones."""
        found = self.get(name)
        if found is None:
            if name in self._broken:
                raise ConfigError(self._broken[name], place=name)
            known = ", ".join(sorted(self._by_name)) or "none yet"
            raise ConfigError(f"there is no connection «{name}»; there are: {known}")
        return found

    def by_id(self, connection_id: int) -> Configured | None:
        """The connection with this key."""
        self._refresh()
        return self._by_id.get(connection_id)

    def all(self) -> list[Configured]:
        """Every usable connection, by name."""
        self._refresh()
        return [self._by_name[name] for name in sorted(self._by_name)]

    def broken(self) -> dict[str, str]:
        """Connections that cannot be used, each with the reason."""
        self._refresh()
        return dict(self._broken)

    def forget(self) -> None:
        """Look again at the next question."""
        self._looked_at = float("-inf")

    def _refresh(self) -> None:
        if time.monotonic() - self._looked_at < CACHE_SECONDS:
            return
        with self._lock:
            if time.monotonic() - self._looked_at < CACHE_SECONDS:
                return
            with self._database.read() as db:
                version = facts.get_fact(db, facts.CONFIG_VERSION)
                if version != self._version or (self._next_end and self._next_end <= utc_now()):
                    self._load(db)
                    self._version = version
            self._looked_at = time.monotonic()

    def _load(self, db: DbConnection) -> None:
        by_name: dict[str, Configured] = {}
        broken: dict[str, str] = {}
        self._next_end = None
        for row in db.execute(select(connections)):
            try:
                by_name[row.name] = self._build(row)
            except HubError as error:
                broken[row.name] = error.message
        known = [item.connection for item in by_name.values()]
        kin, asking = related(known), matchers(known)
        by_name = {
            name: replace(item, kin=kin[item.id], matchers=asking) for name, item in by_name.items()
        }
        self._by_name, self._broken = by_name, broken
        self._by_id = {item.id: item for item in by_name.values()}

    def _build(self, row: Row[Any]) -> Configured:
        kept = self._vault.open(row.secrets)
        secrets, ends = resolve(kept), next_end(kept)
        if ends is not None:
            self._next_end = min(ends, self._next_end or ends)
        document = {
            "connector": row.connector,
            "title": row.title,
            "settings": row.settings,
            "secrets": secrets,
        }
        connection = make_connection(
            document,
            row.name,
            id=row.id,
            company_timezone=self._settings.timezone,
            phone_region=self._settings.phone_region,
            allowed_networks=self._settings.allowed_networks,
            cache_dir=str(Path(self._settings.home) / "cache" / row.name),
        )
        manifest = connector(connection.connector).manifest
        own = connection.settings.get("limits") or {}
        road = road_for(self._settings, manifest, row.id, own)
        assert isinstance(connection.secrets, Secrets)
        return Configured(
            replace(connection, traffic=road),
            row.state,
            row.state_reason,
            row.schedule,
            laid(profile_of(manifest.folder, row.settings).get("mappings"), row.mappings),
            tuple(row.destinations),
            row.revision,
        )
