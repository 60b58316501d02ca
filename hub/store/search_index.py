"""The index behind «any part of a name or number»: trigrams of each record's `search_text`.

SQLite keeps an FTS5 table beside each table, in step by triggers; PostgreSQL a GIN index of the
extension pg_trgm. Neither is a must: without it the same lists read the text row by row, slower,
and `hub doctor` tells. `ensure` makes what is missing, so an extension that an admin adds later
is taken up by the next start, and a table that a migration made anew gets its triggers back.
"""

from __future__ import annotations

import logging

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from hub.store.database import Database

#: Tables whose `search_text` is looked into by any part of it, where they are.
INDEXED = ("contacts", "companies", "products", "stock_items")
#: A letter that pg_trgm must know as one, whatever the locale of the server.
_CYRILLIC = "иван"
_REMEDY = "CREATE EXTENSION pg_trgm"
log = logging.getLogger(__name__)


def shadow(table: str) -> str:
    """SQLite's FTS5 table beside a table."""
    return f"{table}_search"


def index_name(table: str) -> str:
    """PostgreSQL's trigram index of a table."""
    return f"ix_{table}_trigrams"


def ensure(database: Database) -> None:
    """Make the index where it is missing; called under the lock of the migrations.

    A database that cannot have one is left as it is.
    """
    wanted = missing(database)
    if not wanted:
        return
    if database.is_sqlite:
        with database.write() as db:
            _make_sqlite(db, [table for table in wanted if not _stands(db, table)])
    else:
        autocommit = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with autocommit.connect() as db:
            _make_postgres(db, wanted)


def is_indexed(db: Connection, table: str) -> bool:
    """Whether this table's text can be asked by trigrams."""
    return _stands(db, table) if db.dialect.name == "sqlite" else _is_valid(db, table)


def is_own(name: str | None) -> bool:
    """Whether a table or an index belongs to the search index, not to the models."""
    return any(
        name == index_name(table) or (name or "").startswith(shadow(table)) for table in INDEXED
    )


def missing(database: Database) -> list[str]:
    """Tables that are searched without an index."""
    with database.read() as db:
        there = inspect(db).get_table_names()
        return [table for table in INDEXED if table in there and not is_indexed(db, table)]


def remedy(database: Database) -> str:
    """What gives a database its index."""
    return "SQLite ≥ 3.34 + FTS5" if database.is_sqlite else _REMEDY


def _stands(db: Connection, table: str) -> bool:
    names = [shadow(table), *(name for name, _ in _triggers(table))]
    marks = ", ".join("?" * len(names))
    query = f"SELECT count(*) FROM sqlite_master WHERE name IN ({marks})"  # noqa: S608  # only marks
    return int(db.exec_driver_sql(query, tuple(names)).scalar_one()) == len(names)


def _triggers(table: str) -> list[tuple[str, str]]:
    """(name, SQL) of what keeps the shadow in step. It holds no text of its own, so what leaves
    it must be named as it was."""
    fts, key = shadow(table), "id"
    add = f"INSERT INTO {fts}(rowid, search_text) VALUES (new.{key}, new.search_text);"  # noqa: S608  # names of ours
    drop = (
        f"INSERT INTO {fts}({fts}, rowid, search_text)"  # noqa: S608  # names of ours
        f" VALUES ('delete', old.{key}, old.search_text);"
    )
    changed = f"UPDATE OF search_text ON {table} WHEN new.search_text IS NOT old.search_text"
    return [
        (f"{fts}_insert", f"AFTER INSERT ON {table} BEGIN {add} END"),
        (f"{fts}_update", f"AFTER {changed} BEGIN {drop} {add} END"),
        (f"{fts}_delete", f"AFTER DELETE ON {table} BEGIN {drop} END"),
    ]


def _make_sqlite(db: Connection, tables: list[str]) -> None:
    run = db.exec_driver_sql
    try:
        run("CREATE VIRTUAL TABLE temp.probe USING fts5(t, tokenize='trigram', detail=none)")
        run("DROP TABLE temp.probe")
    except DBAPIError as error:
        log.warning("SQLite has no trigrams, search reads row by row: %s", error.orig)
        return
    for table in tables:
        fts = shadow(table)
        run(
            # Positions are not kept: what the trigrams find is looked at again.
            f"CREATE VIRTUAL TABLE IF NOT EXISTS {fts} USING fts5(search_text,"
            f" content='{table}', content_rowid='id', detail=none,"
            " tokenize='trigram case_sensitive 1')"
        )
        for name, sql in _triggers(table):
            run(f"DROP TRIGGER IF EXISTS {name}")
            run(f"CREATE TRIGGER {name} {sql}")
        run(f"INSERT INTO {fts}({fts}) VALUES ('rebuild')")  # noqa: S608  # names of ours


def _is_valid(db: Connection, table: str) -> bool:
    query = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
    return bool(db.scalar(query, {"name": index_name(table)}))


def _make_postgres(db: Connection, tables: list[str]) -> None:
    run = db.exec_driver_sql
    try:
        run("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        known = run(f"SELECT cardinality(show_trgm('{_CYRILLIC}')) > 0").scalar()
    except DBAPIError as error:
        log.warning("pg_trgm cannot be had, search reads row by row: %s", error.orig)
        return
    if not known:
        log.warning("the locale of the database knows no Cyrillic letters: no search index")
        return
    run("SET lock_timeout = 0")
    for table in tables:
        name = index_name(table)
        # Built while others write; what an interrupted try left is dropped first.
        run(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        run(
            f"CREATE INDEX CONCURRENTLY {name} ON {table} USING gin (search_text gin_trgm_ops)"
            # What waits to be sorted in is read by every search: little of it.
            " WITH (gin_pending_list_limit = 512)"
        )
    run("RESET lock_timeout")
