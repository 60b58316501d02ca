"""Stock levels in bulk: rows go to a temporary table, then only what differs is written.

`ON CONFLICT DO UPDATE … WHERE` would lock and log unchanged rows on PostgreSQL (measured: 22 MB
of WAL for 100 000 unchanged rows against 0.2 MB), hence the comparison first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, text

from hub.store.models import stock_levels

COLUMNS = (
    "item_key", "variant", "warehouse", "sku", "product_external_id", "product_name", "quantity",
    "reserved", "available", "price", "currency", "as_of", "search_text",
)  # fmt: skip
KEY = ("item_key", "variant", "warehouse")
COMPARED = tuple(name for name in COLUMNS if name not in {*KEY, "search_text"})

_NAMES = ", ".join(COLUMNS)
_MATCHED = " AND ".join(f"stock_levels.{name} = i.{name}" for name in KEY)
_REMOVE = (
    "DELETE FROM stock_levels WHERE connection_id = :connection_id AND stream = :stream"  # noqa: S608  # only names from KEY, every value is a parameter
    f" AND NOT EXISTS (SELECT 1 FROM stock_incoming i WHERE {_MATCHED})"
)


@dataclass(frozen=True)
class Written:
    """How many rows a write touched."""

    created: int = 0
    changed: int = 0
    removed: int = 0


class StockStage:
    """Rows of one run, kept in the database session's temporary table until they are applied.

    The table belongs to the session: nothing of it is visible, durable or locked for others.
    """

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._sqlite = db.dialect.name == "sqlite"
        kind = "TEXT" if self._sqlite else "NUMERIC"
        moment = "TEXT" if self._sqlite else "TIMESTAMPTZ"
        db.exec_driver_sql(
            "CREATE TEMPORARY TABLE IF NOT EXISTS stock_incoming (item_key TEXT NOT NULL,"
            " variant TEXT NOT NULL, warehouse TEXT NOT NULL, sku TEXT NOT NULL,"
            " product_external_id TEXT NOT NULL, product_name TEXT NOT NULL,"
            f" quantity {kind} NOT NULL, reserved {kind}, available {kind}, price {kind},"
            f" currency TEXT, as_of {moment}, search_text TEXT NOT NULL,"
            " PRIMARY KEY (item_key, variant, warehouse))"
        )
        db.exec_driver_sql("DELETE FROM stock_incoming")

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Stage rows; of a repeated key the last one counts."""
        values = [tuple(self._plain(row[name]) for name in COLUMNS) for row in rows]
        if not values:
            return
        mark = "?" if self._sqlite else "%s"
        changes = ", ".join(f"{name} = excluded.{name}" for name in (*COMPARED, "search_text"))
        self._db.exec_driver_sql(
            f"INSERT INTO stock_incoming ({', '.join(COLUMNS)})"  # noqa: S608  # names are ours
            f" VALUES ({', '.join([mark] * len(COLUMNS))})"
            f" ON CONFLICT (item_key, variant, warehouse) DO UPDATE SET {changes}",
            values,
        )

    def count(self) -> int:
        """How many different rows are staged."""
        return int(self._db.exec_driver_sql("SELECT count(*) FROM stock_incoming").scalar_one())

    def apply(
        self, connection_id: int, stream: str, run_id: int | None, now: datetime, *, full: bool
    ) -> Written:
        """Write what differs, in the caller's transaction.

        `full`: rows of this stream that are not staged are removed. Otherwise a row whose source
        stamp is older than the stored one is left out.
        """
        given = {
            "connection_id": connection_id,
            "stream": stream,
            "run_id": run_id,
            "now": self._plain(now),
        }
        created = self._run(self._insert(), given)
        changed = self._run(self._update(check_age=not full), given)
        return Written(created, changed, self._run(_REMOVE, given) if full else 0)

    def _insert(self) -> str:
        match = " AND ".join(f"s.{name} = i.{name}" for name in KEY)
        columns = ", ".join(f"i.{name}" for name in COLUMNS)
        return (
            f"INSERT INTO stock_levels (connection_id, stream, run_id, updated_at, {_NAMES})"  # noqa: S608  # only names from COLUMNS, every value is a parameter
            f" SELECT :connection_id, :stream, :run_id, {self._moment(':now')}, {columns}"
            " FROM stock_incoming i"
            f" LEFT JOIN stock_levels s ON s.connection_id = :connection_id AND {match}"
            " WHERE s.id IS NULL"
        )

    def _update(self, *, check_age: bool) -> str:
        same = "IS" if self._sqlite else "IS NOT DISTINCT FROM"
        differs = " OR ".join(f"NOT (stock_levels.{name} {same} i.{name})" for name in COMPARED)
        age = " AND (i.as_of IS NULL OR stock_levels.as_of IS NULL"
        age += " OR i.as_of >= stock_levels.as_of)"
        assign = ", ".join(f"{name} = i.{name}" for name in (*COMPARED, "search_text"))
        return (
            f"UPDATE stock_levels SET {assign}, stream = :stream, run_id = :run_id,"  # noqa: S608  # only names from COLUMNS, every value is a parameter
            f" updated_at = {self._moment(':now')} FROM stock_incoming i"
            f" WHERE stock_levels.connection_id = :connection_id AND {_MATCHED}"
            f" AND ({differs}){age if check_age else ''}"
        )

    def _run(self, statement: str, given: Mapping[str, Any]) -> int:
        return int(self._db.execute(text(statement), given).rowcount)

    def _moment(self, name: str) -> str:
        return name if self._sqlite else f"CAST({name} AS TIMESTAMPTZ)"

    def _plain(self, value: Any) -> Any:
        if not self._sqlite:
            return value
        if isinstance(value, Decimal):
            return format(value, "f")
        if isinstance(value, datetime):
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return value

    def drop(self) -> None:
        """Forget the staged rows."""
        self._db.exec_driver_sql("DROP TABLE IF EXISTS stock_incoming")


def stored_rows(db: Connection, connection_id: int, stream: str) -> int:
    """How many rows the stream has stored."""
    return (
        db.scalar(
            select(func.count())
            .select_from(stock_levels)
            .where(stock_levels.c.connection_id == connection_id, stock_levels.c.stream == stream)
        )
        or 0
    )


def forget_item(db: Connection, connection_id: int, item_key: str, at: datetime) -> None:
    """Remove what webhooks told of a product's stock up to a moment; polled rows stay."""
    db.execute(
        delete(stock_levels)
        .where(stock_levels.c.connection_id == connection_id, stock_levels.c.stream == "")
        .where(stock_levels.c.item_key == item_key)
        .where(or_(stock_levels.c.as_of.is_(None), stock_levels.c.as_of <= at))
    )
