"""Bring the store's schema to this version of the hub."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from hub.store.database import Database

SCRIPTS = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config


def upgrade(database: Database) -> None:
    """Apply every migration that is missing; safe to run at the same time in many processes."""
    if database.is_sqlite:
        path = Path(str(database.engine.url.database))
        path.parent.mkdir(parents=True, exist_ok=True)
        with database.engine.connect() as connection:
            # Once, here: switching the journal races when every worker does it at start.
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.exec_driver_sql("BEGIN")
        path.chmod(0o600)
    config = _config()
    with database.write() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7243091)")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(database: Database) -> bool:
    """Whether the schema is the one this code expects."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head
