"""The driver itself, for the one transaction that every accepted event waits for.

SQLAlchemy's pool, its ping, its events and its results cost a commit more than its rows do. So one
connection is kept open for it, and a thread at a time works on the driver's own cursor.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any, TypeVar

from sqlalchemy import Engine

from hub.store.plain import translated

Answer = TypeVar("Answer")
Work = Callable[[Any], Answer]


class RawWriter:
    """Short write transactions on a connection of their own."""

    def __init__(
        self,
        engine: Engine,
        lock: Callable[[], AbstractContextManager[None]] | None,
        *,
        durable: bool = True,
    ) -> None:
        """`durable`: SQLite waits for the disk. PostgreSQL does as the statement says."""
        self._engine = engine
        self._synchronous = "FULL" if durable else "NORMAL"
        self._lock = lock or nullcontext
        self._begins = lock is not None
        self._threads = threading.Lock()
        self._connection: Any = None
        self._inherited: Any = None
        self._process = 0

    def run(self, work: Work[Answer]) -> Answer:
        """What `work` answers with a cursor inside one transaction, committed when this returns.

        On PostgreSQL the transaction is the one statement that `work` sends: a round trip and no
        more. `work` may run twice, when the connection turns out to have died since it was last
        used, so it must do nothing new the second time. Raises SQLAlchemy's errors.
        """
        return self._twice(self._write, work)

    def look(self, work: Work[Answer]) -> Answer:
        """What `work` finds by reading, under no lock and in no transaction; otherwise as `run`."""
        return self._twice(self._read, work)

    def _twice(self, way: Callable[[Work[Answer]], Answer], work: Work[Answer]) -> Answer:
        with self._threads:
            is_kept = self._connection is not None and self._process == os.getpid()
            try:
                return way(work)
            except self._driver.Error as error:
                if not self._is_gone(error):
                    raise translated(self._engine.dialect, error) from error
                self._drop()
                if not is_kept:
                    raise translated(self._engine.dialect, error, gone=True) from error
            try:
                return way(work)
            except self._driver.Error as error:
                raise translated(self._engine.dialect, error) from error

    def close(self) -> None:
        """Close the connection; the next `run` opens another."""
        with self._threads:
            self._drop()

    def _read(self, work: Work[Answer]) -> Answer:
        with closing(self._opened().cursor()) as cursor:
            return work(cursor)

    def _write(self, work: Work[Answer]) -> Answer:
        connection = self._opened()
        with self._lock():
            cursor = connection.cursor()
            try:
                if not self._begins:
                    return work(cursor)
                cursor.execute("BEGIN IMMEDIATE")
                answer = work(cursor)
                cursor.execute("COMMIT")
                return answer
            except BaseException:
                if self._begins and connection.in_transaction:
                    connection.rollback()
                raise
            finally:
                cursor.close()

    def _opened(self) -> Any:
        if self._process != os.getpid():
            # A forked child must not speak through its parent's connection, nor close it.
            self._inherited, self._connection = self._connection, None
            self._process = os.getpid()
        if self._connection is None:
            pooled = self._engine.raw_connection()
            self._connection = pooled.driver_connection
            pooled.detach()
            if self._begins:
                # Whoever had it from the pool before may have had other need of the disk.
                self._connection.execute(f"PRAGMA synchronous={self._synchronous}")
            else:
                self._connection.autocommit = True
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._process == os.getpid():
            connection.close()

    @property
    def _driver(self) -> Any:
        return self._engine.dialect.dbapi

    def _is_gone(self, error: Exception) -> bool:
        return self._engine.dialect.is_disconnect(error, self._connection, None)  # type: ignore[arg-type]  # the driver's own error class
