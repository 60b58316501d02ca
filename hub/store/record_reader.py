"""Reading set-wise what a batch will need: bindings, contact points, rows; each asked for once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from hub.store import bulk
from hub.store.models import ENTITY_TABLES

BindingKey = tuple[int, str, str]
Point = tuple[str, str]
RowKey = tuple[str, int]
_BOUND = (
    "SELECT external_id, record_id FROM bindings"
    " WHERE connection_id = ? AND entity = ? AND external_id "
)
_HELD = "SELECT value, contact_id FROM contact_points WHERE kind = ? AND value "


class RecordReader:
    """What one transaction has read so far; rows are locked for it on PostgreSQL."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._rows: dict[RowKey, dict[str, Any]] = {}
        self._bindings: dict[BindingKey, int | None] = {}
        self._points: dict[Point, set[int]] = {}

    def preload(
        self,
        keys: Iterable[BindingKey],
        points: Iterable[Point],
        before: Sequence[bulk.Question] = (),
    ) -> list[list[Any]]:
        """Fetch bindings, contact points and the rows behind them in a few statements.

        `before` is asked with the first of them; its answers are returned.
        """
        wanted = [key for key in dict.fromkeys(keys) if key not in self._bindings]
        missing = [point for point in dict.fromkeys(points) if point not in self._points]
        answers = self._load(wanted, missing, before)
        rows: dict[str, set[int]] = defaultdict(set)
        for key in wanted:
            if (found := self._bindings[key]) is not None:
                rows[key[1]].add(found)
        for point in missing:
            rows["contact"] |= self._points[point]
        for entity, ids in rows.items():
            self._load_rows(entity, ids)
        owners = {
            row["contact_id"]
            for (entity, _), row in self._rows.items()
            if entity != "contact" and row.get("contact_id")
        }
        self._load_rows("contact", owners)
        return answers

    def _load(
        self,
        keys: Iterable[BindingKey] = (),
        points: Iterable[Point] = (),
        before: Sequence[bulk.Question] = (),
    ) -> list[list[Any]]:
        """Look up bindings and contact points, all in one go; the answers to `before`."""
        bound: dict[tuple[int, str], list[str]] = defaultdict(list)
        held: dict[str, list[str]] = defaultdict(list)
        for key in keys:
            self._bindings[key] = None
            bound[key[:2]].append(key[2])
        for point in points:
            self._points[point] = set()
            held[point[0]].append(point[1])
        db = self.connection
        texts = bulk.among(db, "text")
        questions = [
            *before,
            *((_BOUND + texts, (*group, bulk.as_list(db, ids))) for group, ids in bound.items()),
        ]
        questions += [
            (_HELD + texts, (kind, bulk.as_list(db, values))) for kind, values in held.items()
        ]
        answers = iter(bulk.ask(db, questions))
        asked_before = [next(answers) for _ in before]
        for group in bound:
            for external_id, record_id in next(answers):
                self._bindings[(*group, external_id)] = record_id
        for kind in held:
            for value, contact_id in next(answers):
                self._points[(kind, value)].add(contact_id)
        return asked_before

    def _load_rows(self, entity: str, ids: Iterable[int]) -> None:
        missing = {key for key in ids if (entity, key) not in self._rows}
        if missing:
            # In order of id, so that two workers lock the same rows the same way round.
            for row in bulk.rows_by_id(self.connection, ENTITY_TABLES[entity], missing):
                self._rows[(entity, row["id"])] = row

    def preload_rows(self, entity: str, ids: Iterable[int]) -> None:
        """Fetch these records in one statement."""
        self._load_rows(entity, ids)

    def bound(self, connection_id: int, entity: str, external_id: str) -> int | None:
        """The record that this connection's external id is bound to."""
        key = (connection_id, entity, external_id)
        if key not in self._bindings:
            self._load(keys=[key])
        return self._bindings[key]

    def row(self, entity: str, record_id: int) -> Mapping[str, Any]:
        """A record's present values. KeyError when there is none."""
        if (entity, record_id) not in self._rows:
            self._load_rows(entity, [record_id])
        return self._rows[(entity, record_id)]

    def contacts_with(self, kind: str, value: str) -> set[int]:
        """The contacts that have this phone or e-mail."""
        point = (kind, value)
        if point not in self._points:
            self._load(points=[point])
        return self._points[point]

    def with_value(self, entity: str, name: str, value: str) -> list[int]:
        """The records whose column has this value now, this transaction's own among them."""
        table = ENTITY_TABLES[entity]
        self._load_rows(
            entity,
            list(self.connection.scalars(select(table.c.id).where(table.c[name] == value))),
        )
        return sorted(
            key for (kind, key), row in self._rows.items() if kind == entity and row[name] == value
        )
