"""The opened store: what every process of one hub shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hub.settings import Settings
from hub.store.connections import Catalog
from hub.store.database import Database
from hub.store.inbox import Inbox
from hub.store.secrets import Vault, load_key


@dataclass(frozen=True)
class Store:
    """The database, the vault and the connections of one hub."""

    settings: Settings
    database: Database
    vault: Vault

    @classmethod
    def open(cls, settings: Settings, *, migrate: bool = False) -> Store:
        """Open the store of this hub; `migrate` brings its schema up first."""
        settings.home.mkdir(parents=True, exist_ok=True)
        database = Database(settings.store_url)
        if migrate:
            # Imported here: no process but the first of a start has use for migrations.
            from hub.store.migrate import upgrade

            upgrade(database)
        return cls(settings, database, Vault(load_key(settings.home, settings.secret_key)))

    @cached_property
    def catalog(self) -> Catalog:
        """Every configured connection."""
        return Catalog(self.database, self.vault, self.settings)

    @cached_property
    def inbox(self) -> Inbox:
        """The durable way in for events of this process."""
        return Inbox(self.database)
