"""Rows put aside on disk while a stream is read: sums, names, what was seen last time.

A stream of 300,000 rows must not stand in memory. Numbers are kept as whole millionths, so sums
are exact. A shelf without a name is gone with the run; a named one is what the cursor tells of.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from hub.sdk.errors import PayloadError

_SCALE: Final = Decimal(10) ** 6
_LARGEST: Final = Decimal(10) ** 12
_BATCH: Final = 2000
_LEFT_SECONDS: Final = 86400.0


class Shelf:
    """Tables of one run in a file of its own."""

    def __init__(self, folder: str, name: str = "") -> None:
        place = Path(folder) if folder else Path(tempfile.gettempdir())
        place.mkdir(parents=True, exist_ok=True)
        self._temporary = not (folder and name)
        if folder and name:
            self.path = place / name
            self.path.unlink(missing_ok=True)
        else:
            _sweep(place)
            with tempfile.NamedTemporaryFile(dir=place, prefix="shelf-", delete=False) as file:
                self.path = Path(file.name)
        self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        for pragma in (
            "journal_mode=OFF",
            "synchronous=OFF",
            "cache_size=-4000",
            "locking_mode=EXCLUSIVE",
        ):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(
            "CREATE TABLE sums (product TEXT, variant TEXT, warehouse TEXT, quantity INTEGER,"
            " reserved INTEGER, available INTEGER, PRIMARY KEY (product, variant, warehouse))"
            " WITHOUT ROWID;"
            "CREATE TABLE names (kind TEXT, key TEXT, value TEXT, PRIMARY KEY (kind, key))"
            " WITHOUT ROWID;"
            "CREATE TABLE seen (id TEXT PRIMARY KEY, mark BLOB) WITHOUT ROWID;"
        )
        self._db.execute("BEGIN")

    def __enter__(self) -> Shelf:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def seal(self) -> None:
        """Put everything on disk: a cursor is about to name this shelf."""
        self._db.execute("COMMIT")
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Keep a named shelf as it is; remove one without a name."""
        with suppress(sqlite3.Error):
            self._db.execute("COMMIT")
        self._db.close()
        if self._temporary:
            self.path.unlink(missing_ok=True)

    # Sums.

    def add(self, rows: Iterable[tuple[str, str, str, Sequence[Decimal | None]]]) -> int:
        """Add measures (quantity, reserved, available) to their keys; returns how many rows.

        Two rows of one key add up; None adds nothing and alone stays None.
        """
        count = 0
        batch: list[tuple[Any, ...]] = []
        for product, variant, warehouse, measures in rows:
            batch.append((product, variant, warehouse, *map(_millionths, measures)))
            count += 1
            if len(batch) == _BATCH:
                self._add(batch)
                batch = []
        self._add(batch)
        return count

    def _add(self, batch: list[tuple[Any, ...]]) -> None:
        self._db.executemany(_ADD, batch)

    def sums(self) -> Iterator[tuple[str, str, str, list[Decimal | None]]]:
        """Every key with its measures, in order of the keys."""
        for row in self._db.execute("SELECT * FROM sums ORDER BY product, variant, warehouse"):
            yield row[0], row[1], row[2], [_decimal(value) for value in row[3:]]

    # Names.

    def learn(self, kind: str, pairs: Iterable[tuple[str, str]]) -> None:
        """Keep values by key; the first value of a key stays."""
        given = ((kind, key, value) for key, value in pairs)
        self._db.executemany("INSERT OR IGNORE INTO names VALUES (?, ?, ?)", given)

    def name(self, kind: str, key: str) -> str:
        """The value of a key; empty when none is known."""
        found = self._db.execute(
            "SELECT value FROM names WHERE kind = ? AND key = ?", (kind, key)
        ).fetchone()
        return str(found[0]) if found else ""

    def knows(self, kind: str) -> bool:
        """Whether any value of this kind is kept."""
        query = "SELECT 1 FROM names WHERE kind = ? LIMIT 1"
        return self._db.execute(query, (kind,)).fetchone() is not None

    # What was seen.

    def see(self, key: str, mark: bytes) -> None:
        """Remember an object's mark in this run."""
        self._db.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (key, mark))

    def mark_of(self, key: str) -> bytes | None:
        """An object's mark, None when it was not seen."""
        found = self._db.execute("SELECT mark FROM seen WHERE id = ?", (key,)).fetchone()
        return bytes(found[0]) if found else None


_ADD: Final = """INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
 quantity = CASE WHEN quantity IS NULL THEN excluded.quantity
   ELSE quantity + coalesce(excluded.quantity, 0) END,
 reserved = CASE WHEN reserved IS NULL THEN excluded.reserved
   ELSE reserved + coalesce(excluded.reserved, 0) END,
 available = CASE WHEN available IS NULL THEN excluded.available
   ELSE available + coalesce(excluded.available, 0) END"""


class Kept:
    """A named shelf of an earlier run, read only; one that is gone or broken knows nothing."""

    def __init__(self, folder: str, name: str) -> None:
        path = Path(folder) / name
        self._db: sqlite3.Connection | None = None
        if folder and name and path.is_file():
            found = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
            try:
                found.execute("PRAGMA quick_check").fetchone()
                found.execute("SELECT count(*) FROM seen, names, sums WHERE 0").fetchone()
            except sqlite3.Error:
                found.close()
            else:
                self._db = found

    def __bool__(self) -> bool:
        return self._db is not None

    def mark_of(self, key: str) -> bytes | None:
        """An object's mark then; None when it was not seen."""
        if self._db is None:
            return None
        found = self._db.execute("SELECT mark FROM seen WHERE id = ?", (key,)).fetchone()
        return bytes(found[0]) if found else None

    def name(self, kind: str, key: str) -> str:
        """A name kept then; empty when none is known."""
        if self._db is None:
            return ""
        query = "SELECT value FROM names WHERE kind = ? AND key = ?"
        found = self._db.execute(query, (kind, key)).fetchone()
        return str(found[0]) if found else ""

    def count(self) -> int:
        """How many objects were seen then."""
        if self._db is None:
            return 0
        return int(self._db.execute("SELECT count(*) FROM seen").fetchone()[0])

    def gone(self, now: Shelf) -> Iterator[str]:
        """What was seen then and not now."""
        if self._db is None:
            return
        for row in self._db.execute("SELECT id FROM seen ORDER BY id"):
            if now.mark_of(str(row[0])) is None:
                yield str(row[0])

    def close(self) -> None:
        """Let the file go."""
        if self._db is not None:
            self._db.close()


def _sweep(place: Path) -> None:
    """Remove what killed runs left behind."""
    for path in place.glob("shelf-*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _LEFT_SECONDS:
                path.unlink()


def _millionths(value: Decimal | None) -> int | None:
    if value is None:
        return None
    scaled = value * _SCALE
    if abs(value) > _LARGEST or scaled != scaled.to_integral_value():
        raise PayloadError(f"количество {value} не бывает: больше {_LARGEST} или точнее миллионной")
    return int(scaled)


def _decimal(value: int | None) -> Decimal | None:
    return None if value is None else _shortest(Decimal(value) / _SCALE)


def _shortest(value: Decimal) -> Decimal:
    found = value.normalize()
    return found.quantize(Decimal(1)) if found == found.to_integral_value() else found
