"""Keeps `stock_items`, one row per product and variant, up with the levels (decision 0032).

Not in the way of those who write stock: what changed is read afterwards, by `updated_at`, and the
items it belongs to are made anew from all their levels. Where it got to is a fact in the store,
moved by compare-and-set together with the items, so that two who catch up at once do no harm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Connection, func, literal, select, tuple_, update
from sqlalchemy.sql.schema import Table

from hub.store.database import Database, insert_for, utc_now
from hub.store.facts import get_fact
from hub.store.models import facts, products, stock_levels
from hub.store.stock_item_rows import KEYED, LEVEL, Made, item_key, made_at

STATE: Final = "stock_items"
#: Levels (or products) that one step looks at.
STEP: Final = 1000
#: On PostgreSQL a row younger than this may still have elder sisters that are not committed.
_SETTLED: Final = timedelta(seconds=2)
_START: Final = (datetime(1970, 1, 1, tzinfo=UTC), 0)
Position = tuple[datetime, int]
Row = Mapping[Any, Any]


def is_begun(database: Database) -> bool:
    """Whether the items were ever made."""
    with database.read() as db:
        return get_fact(db, STATE) is not None


def is_behind(database: Database, moment: datetime) -> bool:
    """Whether levels written before this moment are in no item yet."""
    with database.read() as db:
        at = _positions(get_fact(db, STATE)).get("stock_levels", _START)
        levels = stock_levels.c
        # The next one alone, by its place in the index: a snapshot changes thousands at once, and
        # SQLite finds a place among those of one moment only when it is asked so.
        same = select(levels.updated_at).where(levels.updated_at == at[0], levels.id > at[1])
        later = select(func.min(levels.updated_at)).where(levels.updated_at > at[0])
        following = db.scalar(same.limit(1)) or db.scalar(later)
        return following is not None and following < moment


def catch_up(
    database: Database,
    priority: Sequence[int],
    *,
    since: datetime | None = None,
    steps: int | None = None,
) -> int:
    """Make the items of everything that changed anew; returns how many rows were looked at.

    `priority` is that of `stock_out.owners`. `since`: a long transaction that has just committed
    wrote from this moment on. `steps`: at most so many.
    """
    seen = 0
    # A few steps are taken every other second: not worth a session of their own.
    apart = database.session_apart() if steps is None else nullcontext(None)
    with apart as session:
        work = _Work(database, priority, since, session)
        for table in (stock_levels, products):
            while steps is None or steps > 0:
                count = work.step(table)
                seen += count
                if count < STEP:
                    break
                if steps is not None:
                    steps -= 1
    return seen


def touch(database: Database, priority: Sequence[int], level_id: int) -> None:
    """Make the item of one level anew: its threshold has changed."""
    now = utc_now()
    with database.read() as db:
        query = select(*(stock_levels.c[name] for name in LEVEL))
        rows = list(db.execute(query.where(stock_levels.c.id == level_id)).mappings())
        made = Made.of(db, rows, (), priority, now)
    with database.write() as db:
        made.write(db)


@dataclass
class _Work:
    database: Database
    priority: Sequence[int]
    since: datetime | None
    session: Connection | None = None
    #: Where this work is, ahead of what is settled for all.
    at: dict[str, Position] = field(default_factory=dict)
    #: What the items made by this work bear as their `updated_at`.
    began: datetime = field(default_factory=utc_now)
    has_made: bool = False

    def step(self, table: Table) -> int:
        """Look at the next rows of a table; returns how many there were."""
        with self._reading() as db:
            stored = get_fact(db, STATE)
            at = self._position(stored, table)
            rows = _changed(db, table, at)
            if not rows and stored is not None:
                return 0
            if table is stock_levels:
                fresh = self._without_made(db, rows)
                made = Made.of(db, fresh, (), self.priority, self.began)
            else:
                made = Made.of(db, (), {row["id"] for row in rows}, self.priority, self.began)
        with self._writing() as db:
            if not _advance(db, stored, self._state(stored, table, rows)):
                # Somebody else was quicker: the same rows again, from where they are now.
                self.at.pop(table.name, None)
                return STEP
            made.write(db)
        self.has_made = True
        if rows:
            self.at[table.name] = (rows[-1]["updated_at"], rows[-1]["id"])
        return len(rows)

    def _position(self, stored: str | None, table: Table) -> Position:
        if table.name in self.at:
            return self.at[table.name]
        found = _positions(stored).get(table.name, _START)
        if self.since is not None and table is stock_levels:
            return min(found, (self.since, 0))
        return found

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if self.session is None:
            with self.database.read() as db:
                yield db
        else:
            with self.session.begin():
                yield self.session

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self.session is None:
            with self.database.write() as db:
                yield db
        else:
            with self.database.write_in(self.session):
                yield self.session

    def _without_made(self, db: Connection, rows: Sequence[Row]) -> Sequence[Row]:
        """Levels written since the work began, or whose item it has not made yet: in a snapshot
        sorted by warehouse each item has levels all over it. Asked of the store, for the keys of a
        million items would not fit in memory."""
        if not self.has_made:
            return rows
        made = made_at(db, {item_key(row) for row in rows}, self.began)
        return [row for row in rows if row["updated_at"] > self.began or item_key(row) not in made]

    def _state(self, stored: str | None, table: Table, rows: Sequence[Row]) -> str:
        positions = _positions(stored)
        limit = utc_now() - (timedelta(0) if self.database.is_sqlite else _SETTLED)
        settled = [(row["updated_at"], row["id"]) for row in rows if row["updated_at"] <= limit]
        if settled:
            name = str(table.name)
            positions[name] = max(settled[-1], positions.get(name, _START))
        found = {name: [at.isoformat(), key] for name, (at, key) in sorted(positions.items())}
        return orjson.dumps(found).decode()


def _positions(stored: str | None) -> dict[str, Position]:
    found = orjson.loads(stored) if stored else {}
    return {name: (datetime.fromisoformat(at), int(key)) for name, (at, key) in found.items()}


def _changed(db: Connection, table: Table, at: Position) -> list[Row]:
    names = KEYED if table is stock_levels else ("id",)
    moment = literal(at[0], table.c.updated_at.type)
    query = (
        select(*(table.c[name] for name in names), table.c.updated_at)
        .where(tuple_(table.c.updated_at, table.c.id) > tuple_(moment, at[1]))
        .order_by(table.c.updated_at, table.c.id)
        .limit(STEP)
    )
    return [dict(zip((*names, "updated_at"), row, strict=True)) for row in db.execute(query).all()]


def _advance(db: Connection, former: str | None, state: str) -> bool:
    """Move the fact from what was read; False when somebody moved it meanwhile."""
    if former is None:
        insert = insert_for(db, facts).values(name=STATE, value=state, updated_at=utc_now())
        return bool(db.execute(insert.on_conflict_do_nothing()).rowcount)
    if state == former:
        return get_fact(db, STATE) == former
    done = db.execute(
        update(facts)
        .where(facts.c.name == STATE, facts.c.value == former)
        .values(value=state, updated_at=utc_now())
    )
    return done.rowcount == 1
