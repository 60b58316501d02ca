"""Bring the store's schema to this version of the hub, while other processes work on it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from hub.store import search_index
from hub.store.database import Database

SCRIPTS = Path(__file__).parent / "migrations"
#: One migration at a time in one PostgreSQL database.
ADVISORY_LOCK = 7243091
#: A change of a table waits this long for those who use it; whoever comes meanwhile waits behind
#: it, an accept too.
LOCK_TIMEOUT_MS = 500
AGAIN_SECONDS = 0.5
TRIES = 240
_LOCK_NOT_AVAILABLE = "55P03"
log = logging.getLogger(__name__)


def _config(more: Sequence[Path] = ()) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    places = [SCRIPTS / "versions", *more]
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(place) for place in places))
    return config


def upgrade(database: Database, more: Sequence[Path] = ()) -> None:
    """Apply every migration that is missing; safe to run at the same time in many processes.

    `more` are folders with further revisions. On PostgreSQL each revision is a transaction of its
    own that gives way to those who use its tables and tries again.
    """
    if database.is_sqlite:
        _upgrade_sqlite(database, _config(more))
        search_index.ensure(database)
    else:
        _upgrade_postgres(database, _config(more))


def _upgrade_sqlite(database: Database, config: Config) -> None:
    path = Path(str(database.engine.url.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    with database.engine.connect() as connection:
        # Once, here: switching the journal races when every worker does it at start.
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN")
    path.chmod(0o600)
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _upgrade_postgres(database: Database, config: Config) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({ADVISORY_LOCK})")
        connection.commit()
        try:
            config.attributes["connection"] = connection
            _give_way(connection, config)
            search_index.ensure(database)
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({ADVISORY_LOCK})")
            connection.exec_driver_sql("RESET lock_timeout")
            connection.commit()


def _give_way(connection: Connection, config: Config) -> None:
    """Go through the revisions, again and again while somebody holds what they need."""
    for left in reversed(range(TRIES)):
        connection.exec_driver_sql(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        connection.commit()
        try:
            command.upgrade(config, "head")
            return
        except OperationalError as error:
            connection.rollback()
            if not left or getattr(error.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                raise
            log.info("a table is in use, the migration tries again")
            time.sleep(AGAIN_SECONDS)


def add_index(name: str, table: str, columns: Sequence[str], where: str = "") -> None:
    """For a revision: an index on a table in use, of the rows `where` is true of. After it come
    only further ones, and `drop_index`.

    On PostgreSQL it is built while others write, outside any transaction; what an interrupted try
    left is dropped first.
    """
    context = op.get_context()
    chosen = text(where) if where else None
    if context.dialect.name != "postgresql":
        op.create_index(name, table, list(columns), sqlite_where=chosen)
        return
    with context.autocommit_block():
        # It waits for transactions that are open now and makes nobody else wait.
        op.execute("SET lock_timeout = 0")
        op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
        op.create_index(
            name, table, list(columns), postgresql_where=chosen, postgresql_concurrently=True
        )
        op.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")


def drop_index(name: str, table: str) -> None:
    """For a revision: take an index off a table in use. After it come only further ones."""
    context = op.get_context()
    if context.dialect.name != "postgresql":
        op.drop_index(name, table, if_exists=True)
        return
    with context.autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
        op.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")


def is_current(database: Database) -> bool:
    """Whether the schema is the one this code expects."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head
