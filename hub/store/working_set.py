"""The records one transaction works on: read set-wise, changed in memory, written set-wise.

`mark()` and `rollback(mark)` are savepoints without a round trip: a failing event undoes its own
changes and leaves the rest of the batch alone. `flush()` writes everything; a row that another
transaction made meanwhile surfaces there as IntegrityError, and the batch is done anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, delete, tuple_
from sqlalchemy.sql.schema import Table

from hub.store import bulk, outbox, threads
from hub.store.drawn_ids import drawn_id
from hub.store.models import (
    ENTITY_TABLES,
    bindings,
    changes,
    company_claims,
    contact_points,
    identity_claims,
    possible_duplicates,
    timeline,
)
from hub.store.plain import ask_plain, run_plain
from hub.store.record_reader import BindingKey, Point, RecordReader, RowKey


@cache
def _defaults(table: Table) -> tuple[tuple[str, Any, bool], ...]:
    """(column, default, whether it is made anew for each row) of every column."""
    made = []
    for column in table.columns:
        default = column.default
        value = getattr(default, "arg", None) if default is not None else None
        made.append((column.name, value, callable(value)))
    return tuple(made)


class WorkingSet(RecordReader):
    """Records of one transaction on `connection`, all changes stamped `now`."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        super().__init__(connection)
        self.now = now
        self._new: dict[RowKey, None] = {}
        self._dirty: dict[RowKey, None] = {}
        self._new_bindings: dict[BindingKey, int] = {}
        self._new_points: dict[tuple[int, str, str], None] = {}
        self._claims: dict[Point, int] = {}
        self._company_claims: dict[tuple[str, str], int] = {}
        self._timeline: dict[RowKey, dict[str, Any] | None] = {}
        self._changes: list[dict[str, Any]] = []
        self._duties: list[outbox.Duty] = []
        self._duplicates: dict[tuple[int, int], dict[str, Any]] = {}
        self._ids: dict[str, list[int]] = defaultdict(list)
        self._undo: list[Callable[[], object]] = []
        self.threads = threads.Threads(connection, self._undo)

    # Savepoints in memory.

    def mark(self) -> int:
        """A point to roll back to."""
        return len(self._undo)

    def rollback(self, mark: int) -> None:
        """Undo everything since the mark."""
        while len(self._undo) > mark:
            self._undo.pop()()

    def _put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        if key in table:
            before = table[key]
            self._undo.append(lambda: table.__setitem__(key, before))
        else:
            self._undo.append(lambda: table.pop(key, None))
        table[key] = value

    def _append(self, items: list[Any], item: Any) -> None:
        items.append(item)
        self._undo.append(items.pop)

    # Changing.

    def create(self, entity: str, values: Mapping[str, Any]) -> int:
        """Add a record; returns its key."""
        table = ENTITY_TABLES[entity]
        record_id = self._next_id(table)
        row = {name: value(None) if is_made else value for name, value, is_made in _defaults(table)}
        row |= {"created_at": self.now, "updated_at": self.now, **values, "id": record_id}
        self._put(self._rows, (entity, record_id), row)
        self._put(self._new, (entity, record_id), None)
        return record_id

    def change(self, entity: str, record_id: int, values: Mapping[str, Any]) -> None:
        """Set columns of a record."""
        row = {**self.row(entity, record_id), **values}
        self._put(self._rows, (entity, record_id), row)
        if (entity, record_id) not in self._new:
            self._put(self._dirty, (entity, record_id), None)

    def bind(self, connection_id: int, entity: str, external_id: str, record_id: int) -> None:
        """Remember whose external id this is."""
        key = (connection_id, entity, external_id)
        if self.bound(*key) is None:
            self._put(self._bindings, key, record_id)
            self._put(self._new_bindings, key, record_id)

    def add_point(self, contact_id: int, kind: str, value: str) -> None:
        """Give a contact a phone or e-mail; the first to have it claims it."""
        holders = self.contacts_with(kind, value)
        if contact_id in holders:
            return
        if not holders:
            self._put(self._claims, (kind, value), contact_id)
        self._put(self._points, (kind, value), holders | {contact_id})
        self._put(self._new_points, (contact_id, kind, value), None)

    def claim_company(self, inn: str, place: str, company_id: int) -> None:
        """Let nobody else make this company; see `company_claims`."""
        self._put(self._company_claims, (inn, place), company_id)

    def suspect(self, one: int, other: int, reason: str, event_id: int | None) -> None:
        """Enter a possible duplicate."""
        pair = (min(one, other), max(one, other))
        if one != other and pair not in self._duplicates:
            entry = {"reason": reason, "event_id": event_id, "status": "open"}
            self._put(self._duplicates, pair, entry)

    def log_change(self, entry: dict[str, Any]) -> None:
        """Add an entry to the journal of changes."""
        self._append(self._changes, {**_CHANGE, **entry, "at": self.now})

    def touched(self, entity: str) -> list[int]:
        """The records of this kind that the batch made or changed."""
        keys = {**self._new, **self._dirty}
        return [record_id for name, record_id in keys if name == entity]

    @property
    def logged(self) -> Sequence[Mapping[str, Any]]:
        """The journal entries of this batch."""
        return self._changes

    def join_log(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Name in this journal what another working set of the transaction wrote; after `flush`."""
        self._changes += [dict(entry) for entry in entries]

    def enter(self, kind: str, record_id: int, entry: dict[str, Any]) -> None:
        """Put a record on its contact's timeline, or renew its entry."""
        self._put(self._timeline, (kind, record_id), entry)

    def leave(self, kind: str, record_id: int) -> None:
        """Take a record off its contact's timeline: it turned out to be nobody's."""
        self._put(self._timeline, (kind, record_id), None)

    def owe(self, duty: outbox.Duty) -> None:
        """Owe a destination this change."""
        self._append(self._duties, duty)

    def _next_id(self, table: Table) -> int:
        if self.connection.dialect.name != "sqlite":
            return drawn_id(self.connection, table.name)
        pool = self._ids[table.name]
        if not pool:
            # Nobody else writes while this transaction holds the write lock.
            query = f"SELECT max(id) FROM {table.name}"  # noqa: S608  # a table of our own
            top = ask_plain(self.connection, query, ())[0][0] or 0
            used = [key for name, key in self._new if ENTITY_TABLES[name] is table]
            start = max([top, *used]) + 1
            pool.extend(range(start + 499, start - 1, -1))
        return pool.pop()

    # Writing.

    def flush(self) -> None:
        """Write everything; IntegrityError when another transaction was quicker."""
        self._flush_rows()
        self._flush_keys()
        bulk.insert_rows(
            self.connection,
            possible_duplicates,
            ("contact_id", "other_id", "reason", "event_id", "status", "created_at"),
            [
                {"contact_id": one, "other_id": other, "created_at": self.now, **entry}
                for (one, other), entry in sorted(self._duplicates.items())
            ],
            "ON CONFLICT DO NOTHING",
        )
        self._flush_timeline()
        self.threads.flush()
        bulk.insert_rows(self.connection, changes, _CHANGE_COLUMNS, self._changes)
        outbox.add(self.connection, self._duties, self.now)

    def _flush_rows(self) -> None:
        fresh: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entity, record_id in self._new:
            fresh[entity].append(self._rows[(entity, record_id)])
        for entity in sorted(fresh, key=lambda name: name != "contact"):
            names = list(ENTITY_TABLES[entity].c.keys())
            bulk.insert_rows(self.connection, ENTITY_TABLES[entity], names, fresh[entity])
        changed: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entity, record_id in sorted(self._dirty):
            changed[entity].append({**self._rows[(entity, record_id)], "updated_at": self.now})
        for entity, rows in changed.items():
            table = ENTITY_TABLES[entity]
            names = [column.name for column in table.c if column.name != "id"]
            bulk.update_rows(self.connection, table, names, rows)

    def _flush_keys(self) -> None:
        """What no two records may share, in order of the keys: so that two workers do not cross."""
        names: tuple[str, ...] = ("contact_id", "kind", "value")
        points = [dict(zip(names, key, strict=True)) for key in sorted(self._new_points)]
        bulk.insert_rows(self.connection, contact_points, names, points)
        claims = [
            {"kind": kind, "value": value, "contact_id": contact_id}
            for (kind, value), contact_id in sorted(self._claims.items())
        ]
        bulk.insert_rows(self.connection, identity_claims, names, claims)
        names = ("connection_id", "entity", "external_id", "record_id")
        bound = [
            dict(zip(names, (*key, record_id), strict=True))
            for key, record_id in sorted(self._new_bindings.items())
        ]
        bulk.insert_rows(self.connection, bindings, names, bound)

        self._flush_company_claims()

    def _flush_company_claims(self) -> None:
        if not self._company_claims:
            return
        inns = sorted({inn for inn, _ in self._company_claims})
        # A company that was given another INN or KPP since does not keep others from the old one.
        run_plain(
            self.connection,
            _STALE_CLAIMS + bulk.among(self.connection, "text"),
            (bulk.as_list(self.connection, inns),),
        )
        claims = [
            {"inn": inn, "place": place, "company_id": company_id}
            for (inn, place), company_id in sorted(self._company_claims.items())
        ]
        names = ("inn", "place", "company_id")
        bulk.insert_rows(self.connection, company_claims, names, claims)

    def _flush_timeline(self) -> None:
        gone = sorted(key for key, entry in self._timeline.items() if entry is None)
        if gone:
            place = tuple_(timeline.c.kind, timeline.c.record_id)
            self.connection.execute(delete(timeline).where(place.in_(gone)))
        entries = [
            {"kind": kind, "record_id": record_id, **entry}
            for (kind, record_id), entry in sorted(self._timeline.items(), key=lambda item: item[0])
            if entry is not None
        ]
        names = ("kind", "record_id", *_TIMELINE_COLUMNS)
        bulk.insert_rows(self.connection, timeline, names, entries, _TIMELINE_CLASH)


_CHANGE: dict[str, Any] = {"event_id": None, "run_id": None, "user_id": None}
_CHANGE_COLUMNS = (
    "entity", "record_id", "event_id", "run_id", "user_id", "action", "fields", "at",
)  # fmt: skip
_STALE_CLAIMS = (
    "DELETE FROM company_claims WHERE NOT EXISTS (SELECT 1 FROM companies AS c"
    " WHERE c.id = company_id AND c.inn = company_claims.inn"
    " AND (place = '*' OR coalesce(c.kpp, '') = place)) AND inn "
)
_TIMELINE_COLUMNS = ("contact_id", "occurred_at", "connection_id", "event_id", "summary")
_TIMELINE_CLASH = "ON CONFLICT (kind, record_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in _TIMELINE_COLUMNS
)
