"""Bulk writing without indexes and triggers: they are taken away first and made once at the end.

A trigram index that every row changes by itself costs more than all the rows; made at once it is
a minute. Constraints stay: the rows are written in an order that keeps them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from hub.store import search_index
from hub.store.database import Database

_SQLITE_OWN = (
    "SELECT type, name, sql FROM sqlite_master"
    " WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND tbl_name NOT LIKE 'sqlite_%'"
)
_POSTGRES_OWN = """
    SELECT 'index', indexname, indexdef FROM pg_indexes
    WHERE schemaname = current_schema() AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


@contextmanager
def unindexed(database: Database) -> Iterator[Connection]:
    """A connection to a database without its indexes; at the end they are there again."""
    with database.engine.connect() as db:
        if db.dialect.name == "postgresql":
            db.exec_driver_sql("SET maintenance_work_mem = '1GB'")
            # Foreign keys are triggers there; the rows are right by the way they are made.
            db.exec_driver_sql("SET session_replication_role = replica")
        taken = [tuple(row) for row in db.exec_driver_sql(_owned(db))]
        for kind, name, _sql in taken:
            db.exec_driver_sql(f'DROP {kind} "{name}"')
        db.commit()
        yield db
        for _kind, _name, sql in sorted(taken):
            db.exec_driver_sql(sql)
        if db.dialect.name == "postgresql":
            db.exec_driver_sql("RESET session_replication_role")
        else:
            for table in search_index.INDEXED:
                shadow = search_index.shadow(table)
                db.exec_driver_sql(f"INSERT INTO {shadow}({shadow}) VALUES ('rebuild')")  # noqa: S608  # our own names
        db.commit()


def _owned(db: Connection) -> str:
    return _POSTGRES_OWN if db.dialect.name == "postgresql" else _SQLITE_OWN
