"""The engines of both databases: how their connections are set up, trusted and given up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

POSTGRES_POOL_SIZE = 5
POSTGRES_POOL_OVERFLOW = 20
#: A connection that was in use so lately is believed to live; asking costs a round trip.
TRUSTED_SECONDS = 1.0


def sqlite_engine(url: str, serializer: Callable[[Any], str]) -> Engine:
    """An engine on a file; its transactions begin as the connection's options say."""
    engine = create_engine(
        url,
        json_serializer=serializer,
        json_deserializer=orjson.loads,
        pool_size=5,
        max_overflow=60,
        connect_args={"timeout": 30},
    )

    @event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: Any) -> None:
        raw.isolation_level = None
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=30000",
            # Snapshots are staged in temporary tables: their size must not be memory.
            "temp_store=FILE",
            "cache_size=-32000",
            # 16 MB of log between checkpoints: hot pages are written back once, not four times.
            "wal_autocheckpoint=4000",
        ):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("uzel_write"):
            # Begins nothing yet, so it cannot fail; through SQLAlchemy it costs as much as a look.
            connection.connection.dbapi_connection.execute("BEGIN")  # type: ignore[union-attr]  # sqlite3's own
            return
        _wait_for_disk(connection, bool(options.get("uzel_durable", True)))
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _wait_for_disk(connection: Connection, durable: bool) -> None:
    """Whether the transaction about to begin waits for the disk; a connection remembers the last.

    Asked of the driver: through SQLAlchemy it would be asked inside a transaction, too late.
    """
    wanted = "FULL" if durable else "NORMAL"
    if connection.info.get("synchronous", "FULL") != wanted:
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA synchronous={wanted}")
        cursor.close()
        connection.info["synchronous"] = wanted


def postgres_engine(url: str, serializer: Callable[[Any], str]) -> Engine:
    """An engine that gives up a server which went silent, and asks what rested long."""
    engine = create_engine(
        url,
        json_serializer=serializer,
        json_deserializer=orjson.loads,
        pool_size=POSTGRES_POOL_SIZE,
        max_overflow=POSTGRES_POOL_OVERFLOW,
        connect_args={
            "connect_timeout": 5,
            # In UTC the driver gives times back as the hub wants them, without a conversion each.
            "options": "-c timezone=UTC",
            # A server that is cut off, not closed, says nothing: it is given up after this long.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
        },
    )

    @event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: Any) -> None:
        # The server gives up a machine that was cut off as soon, and with it what it had locked.
        raw.execute(
            "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2;"
            " SET tcp_keepalives_count = 3"
        )
        raw.commit()

    @event.listens_for(engine, "checkin")
    def _note(_raw: Any, record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _look(raw: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("used_at", math.inf) > TRUSTED_SECONDS:
            _ping(raw)

    return engine


def _ping(raw: Any) -> None:
    """Ask a connection that rested for a while; one that is dead is thrown away for a new one."""
    try:
        autocommit, raw.autocommit = raw.autocommit, True
        raw.execute("")
        raw.autocommit = autocommit
    except Exception as error:
        raise DisconnectionError from error
