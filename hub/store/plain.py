"""Statements straight to the driver, inside a transaction of SQLAlchemy's.

A batch of one event makes two dozen short statements, and SQLAlchemy's results cost each of them
more than the database does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError


def run_plain(connection: Connection, statement: str, given: Sequence[Any]) -> int:
    """One statement, `?` for each value; how many rows it touched. Moments are kept as UtcTime
    does. Raises SQLAlchemy's errors."""
    return run_driver(connection, *_worded(connection, statement, given))


def ask_plain(connection: Connection, statement: str, given: Sequence[Any]) -> list[Any]:
    """The rows that a statement gives, as tuples; otherwise as `run_plain`."""
    return ask_driver(connection, *_worded(connection, statement, given))


def run_many(connection: Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """One statement for each row of values, as `run_plain` does one."""
    if connection.dialect.name == "sqlite":
        run_driver(connection, statement, list(map(for_sqlite, rows)))
    else:
        run_driver(connection, statement.replace("?", "%s"), list(map(tuple, rows)))


def run_driver(connection: Connection, statement: str, given: Any) -> int:
    """One statement in the driver's own words; a list of tuples as values runs it for each."""
    with _cursor(connection) as cursor:
        if cursor is None:
            return connection.exec_driver_sql(statement, given).rowcount
        if isinstance(given, list):
            cursor.executemany(statement, given)
        else:
            cursor.execute(statement, given)
        return int(cursor.rowcount)


def ask_driver(connection: Connection, statement: str, given: Any) -> list[Any]:
    """The rows that a statement in the driver's own words gives, as tuples."""
    with _cursor(connection) as cursor:
        if cursor is None:
            return list(map(tuple, connection.exec_driver_sql(statement, given)))
        return list(cursor.execute(statement, given).fetchall())


@contextmanager
def _cursor(connection: Connection) -> Iterator[Any]:
    """The driver's cursor; None where somebody listens to what is asked, as tests do that look at
    plans: they hear only what goes through SQLAlchemy."""
    if connection.dispatch.before_cursor_execute:
        yield None
        return
    if not connection.in_transaction():
        connection.begin()
    cursor = connection.connection.cursor()
    try:
        yield cursor
    except connection.dialect.loaded_dbapi.Error as error:
        gone = connection.dialect.is_disconnect(error, connection.connection, cursor)
        if gone:
            connection.invalidate(error)
        raise translated(connection.dialect, error, gone=gone) from error
    finally:
        cursor.close()


def translated(dialect: Dialect, error: Exception, *, gone: bool = False) -> BaseException:
    """A driver's error as SQLAlchemy's; `gone`: the connection died of it."""
    base: Any = dialect.loaded_dbapi.Error
    return DBAPIError.instance(
        None, None, error, base, connection_invalidated=gone, dialect=dialect
    )


def sqlite_time(moment: datetime | None) -> str | None:
    """A moment as SQLite keeps it: fixed-width text in UTC."""
    if moment is None:
        return None
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.isoformat(timespec='microseconds')[:26]}Z"


def for_sqlite(values: Sequence[Any]) -> tuple[Any, ...]:
    """Values as SQLite keeps them: moments as text."""
    return tuple([sqlite_time(one) if isinstance(one, datetime) else one for one in values])


def _worded(
    connection: Connection, statement: str, given: Sequence[Any]
) -> tuple[str, tuple[Any, ...]]:
    if connection.dialect.name == "sqlite":
        return statement, for_sqlite(given)
    return statement.replace("?", "%s"), tuple(given)
