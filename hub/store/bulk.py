"""Many rows in one statement, on the driver: what a batch reads and writes.

SQLAlchemy compiles and converts row by row, which costs more than the rows themselves. Here the
statement of a table is written once and kept. SQLite gets executemany over tuples; PostgreSQL gets
all rows as one JSON parameter, one statement and one round trip. Values are kept exactly as the
columns' own types keep them (store/types.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import orjson
from sqlalchemy import JSON, Boolean, Connection
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.schema import Column, Table

from hub.store.database import to_json
from hub.store.plain import ask_driver, ask_plain, run_driver, sqlite_time
from hub.store.trips import pipeline
from hub.store.types import Exact, UtcTime

Row = Mapping[str, Any]
Convert = Callable[[Any], Any]
CHUNK: Final = 1000
_POSTGRES: Final = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own class


def insert_rows(
    db: Connection, table: Table, names: Sequence[str], rows: Sequence[Row], clash: str = ""
) -> None:
    """Insert these columns of the rows; `clash` is the ON CONFLICT clause, if any.

    With DO UPDATE no two rows may share the conflicting key.
    """
    if not rows:
        return
    sqlite = db.dialect.name == "sqlite"
    statement = _insert(table, tuple(names), clash, sqlite=sqlite)
    _run_many(db, statement, table, names, rows)


def update_rows(db: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]) -> None:
    """Set these columns of the rows that are there, each found by its `id`."""
    if not rows:
        return
    sqlite = db.dialect.name == "sqlite"
    statement = _update(table, tuple(names), sqlite=sqlite)
    _run_many(db, statement, table, (*names, "id"), rows)


Question = tuple[str, tuple[Any, ...]]


def ask(db: Connection, questions: Sequence[Question]) -> list[list[Any]]:
    """The rows of several queries, `?` for each value; on PostgreSQL in one round trip."""
    if db.dialect.name == "sqlite" or len(questions) < 2:
        return [ask_plain(db, statement, given) for statement, given in questions]
    with pipeline(db) as raw:
        asked = [raw.execute(statement.replace("?", "%s"), given) for statement, given in questions]
        return [cursor.fetchall() for cursor in asked]


def rows_by_id(db: Connection, table: Table, ids: Iterable[int]) -> list[dict[str, Any]]:
    """The rows of these ids, whole, in order of id, locked for the transaction on PostgreSQL."""
    wanted, found = sorted(ids), list[dict[str, Any]]()
    sqlite = db.dialect.name == "sqlite"
    statement, convert = _select(table, sqlite=sqlite)
    for start in range(0, len(wanted), CHUNK):
        given = as_list(db, wanted[start : start + CHUNK])
        found += map(convert, ask_driver(db, statement, (given,)))
    return found


def as_list(db: Connection, values: Sequence[Any]) -> Any:
    """A list as one parameter: JSON for SQLite's json_each, an array for PostgreSQL."""
    return to_json(values) if db.dialect.name == "sqlite" else list(values)


def among(db: Connection, kind: str) -> str:
    """What follows a column that must be among the values of one `as_list` parameter.

    `kind` is PostgreSQL's type of the column: text or bigint.
    """
    if db.dialect.name == "sqlite":
        return "IN (SELECT value FROM json_each(?))"
    return f"= ANY(?::{kind}[])"


def _run_many(
    db: Connection, statement: str, table: Table, names: Sequence[str], rows: Sequence[Row]
) -> None:
    if db.dialect.name != "sqlite":
        run_driver(db, statement, (to_json(rows),))
        return
    plan = _plan(table, tuple(names))
    tuples = [
        tuple([row[name] if put is None else put(row[name]) for name, put in plan]) for row in rows
    ]
    run_driver(db, statement, tuples)


@lru_cache(maxsize=512)
def _insert(table: Table, names: tuple[str, ...], clash: str, *, sqlite: bool) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    if sqlite:
        marks = ", ".join("?" * len(names))
        return f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) {clash}"  # noqa: S608  # only names of our own tables
    values = ", ".join(_given(table.c[name]) for name in names)
    # «WHERE true» keeps ON CONFLICT from being read as a join's condition.
    source = f"{_recordset(table, names)} WHERE true {clash}"
    return f"INSERT INTO {table.name} ({columns}) SELECT {values} FROM {source}"  # noqa: S608  # only names of our own tables


@lru_cache(maxsize=512)
def _update(table: Table, names: tuple[str, ...], *, sqlite: bool) -> str:
    if sqlite:
        sets = ", ".join(f'"{name}" = ?' for name in names)
        return f"UPDATE {table.name} SET {sets} WHERE id = ?"  # noqa: S608  # only names of our own tables
    sets = ", ".join(f'"{name}" = {_given(table.c[name])}' for name in names)
    source = f"{_recordset(table, (*names, 'id'))} WHERE t.id = g.id"
    return f"UPDATE {table.name} AS t SET {sets} FROM {source}"  # noqa: S608  # only names of our own tables


@lru_cache(maxsize=64)
def _select(table: Table, *, sqlite: bool) -> tuple[str, Callable[[Any], dict[str, Any]]]:
    names = tuple(column.name for column in table.columns)
    columns = ", ".join(f'"{name}"' for name in names)
    among = "IN (SELECT value FROM json_each(?))" if sqlite else "= ANY(%s::bigint[])"
    lock = "" if sqlite else "FOR UPDATE"
    source = f"{table.name} WHERE id {among} ORDER BY id {lock}"
    statement = f"SELECT {columns} FROM {source}"  # noqa: S608  # only names of our own tables
    changed = [
        (column.name, read)
        for column in table.columns
        if (read := _reader(column, sqlite=sqlite)) is not None
    ]

    def convert(values: Any) -> dict[str, Any]:
        row = dict(zip(names, values, strict=True))
        for name, read in changed:
            if row[name] is not None:
                row[name] = read(row[name])
        return row

    return statement, convert


def _given(column: Column[Any]) -> str:
    """A column of the recordset; JSON's null stays what the column's type makes of it."""
    name = f'g."{column.name}"'
    return f"coalesce({name}, 'null'::jsonb)" if _is_json(column) else name


def _recordset(table: Table, names: Sequence[str]) -> str:
    kinds = (f'"{name}" {table.c[name].type.compile(_POSTGRES)}' for name in names)
    return f"json_to_recordset(%s::json) AS g({', '.join(kinds)})"


@lru_cache(maxsize=512)
def _plan(table: Table, names: tuple[str, ...]) -> tuple[tuple[str, Convert | None], ...]:
    return tuple((name, _writer(table.c[name])) for name in names)


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON)


def _writer(column: Column[Any]) -> Convert | None:
    """How SQLite keeps a value of this column; None: as it is."""
    if _is_json(column):
        return to_json
    if isinstance(column.type, UtcTime):
        return sqlite_time
    if isinstance(column.type, Exact):
        return _sqlite_exact
    return None


def _reader(column: Column[Any], *, sqlite: bool) -> Convert | None:
    """How a value of this column comes back; None: as it is. Never called with None."""
    if isinstance(column.type, UtcTime):
        return datetime.fromisoformat if sqlite else _utc
    if not sqlite:
        return None
    if _is_json(column):
        return orjson.loads
    if isinstance(column.type, Exact):
        return Decimal
    return bool if isinstance(column.type, Boolean) else None


def _sqlite_exact(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
