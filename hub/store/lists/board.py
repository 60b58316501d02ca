"""Boards: how much stands in each stage, which stages there are, what happened to a record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Numeric,
    Select,
    Table,
    cast,
    func,
    select,
    union_all,
)

from hub.store.database import Database
from hub.store.lists.in_use import values_in_use
from hub.store.lists.paging import ListPage, Order, Row, cut
from hub.store.lists.record_filters import WORTH, RecordFilters, conditions, seen
from hub.store.lists.records import order_of, rows_of
from hub.store.models import ENTITY_TABLES, changes, users

#: A column counts no further: what is finished only grows.
BOUND: Final = 1000
MAX_STAGES: Final = 40


@dataclass(frozen=True)
class Size:
    """How many records stand in a stage, and what they are worth by currency; `is_more`: the
    bound was reached, and the sums are of so many."""

    count: int = 0
    is_more: bool = False
    sums: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """One stage of a board: its size and the first of its cards."""

    stage: str
    size: Size
    page: ListPage


def stage_filter(filters: RecordFilters, stage: str) -> RecordFilters:
    """The filters of one column; an empty stage is «without one»."""
    kept = tuple(pair for pair in filters.equal if pair[0] != "stage")
    return replace(filters, equal=(*kept, ("stage", stage or None)))


def columns(
    database: Database,
    entity: str,
    filters: RecordFilters,
    stages: Sequence[str],
    cards: int,
    order: str,
) -> list[Column]:
    """Every column of a board. All are asked for at once, what was typed is looked up once."""
    if not stages:
        return []
    table, sort = ENTITY_TABLES[entity], order_of(entity, order)
    kept = tuple(pair for pair in filters.equal if pair[0] != "stage")
    with database.read() as db:
        where = conditions(db, entity, table, replace(filters, equal=kept))
        sizes = _sizes(db, entity, where, stages)
        found = db.scalars(_first_ids(table, where, stages, sort, cards + 1)).all()
        rows = rows_of(db, entity, found)
    by_stage: dict[str, list[Row]] = defaultdict(list)
    for row in sort.sorted(rows):
        by_stage[row["stage"]].append(row)
    return [Column(one, sizes[one], cut(by_stage[one], sort, cards)) for one in stages]


def _first_ids(
    table: Table,
    where: Sequence[ColumnElement[bool]],
    stages: Sequence[str],
    sort: Order,
    wanted: int,
) -> CompoundSelect[int]:
    """The first records of each column, every part of it by its index."""
    parts: list[Select[Any]] = []
    for stage in stages:
        parts += sort.parts(select(table.c.id).where(*where, table.c.stage == stage))
    return union_all(*(select(part.limit(wanted).subquery().c.id) for part in parts))


def _sizes(
    db: Connection, entity: str, where: Sequence[ColumnElement[bool]], stages: Sequence[str]
) -> dict[str, Size]:
    table = ENTITY_TABLES[entity]
    # SQLite keeps exact numbers as text.
    worth = cast(table.c[WORTH[entity]], Numeric).label("worth")
    # In the order of the stage's index: else PostgreSQL gathers the whole stage first.
    place = [table.c.placed_at.desc()] if "placed_at" in table.c else []
    rows = select(table.c.stage, table.c.currency, worth).where(*where)
    rows = rows.order_by(*place, table.c.id.desc()).limit(BOUND + 1)
    inner = union_all(
        *(select(rows.where(table.c.stage == stage).subquery()) for stage in stages)
    ).subquery()
    by = (inner.c.stage, inner.c.currency)
    query = select(*by, func.count(), func.sum(inner.c.worth)).group_by(*by)
    told: dict[str, list[tuple[str, int, Any]]] = defaultdict(list)
    for stage, currency, count, total in db.execute(query):
        told[stage].append((currency or "", count, total))
    return {stage: _size(told[stage]) for stage in stages}


def _size(told: Sequence[tuple[str, int, Any]]) -> Size:
    count = sum(one for _currency, one, _total in told)
    sums = {currency: Decimal(str(total)) for currency, _count, total in told if total}
    return Size(min(count, BOUND), count > BOUND, sums)


def stages_in_use(database: Database, entity: str) -> list[str]:
    """Every stage that a record of this entity is in, by name."""
    with database.read() as db:
        return values_in_use(db, ENTITY_TABLES[entity].c.stage, MAX_STAGES)


def record_changes(database: Database, entity: str, record_id: int, limit: int = 50) -> list[Row]:
    """What changed a record and how, the newest first; with the `user_name` of a person."""
    query = (
        select(changes, users.c.name.label("user_name"))
        .outerjoin(users, users.c.id == changes.c.user_id)
        .where(changes.c.entity == entity, changes.c.record_id == record_id)
        .order_by(changes.c.id.desc())
        .limit(limit)
    )
    with database.read() as db:
        return [dict(row) for row in db.execute(query).mappings()]


def brief(
    database: Database, entity: str, ids: Iterable[int], seen_by: str = ""
) -> dict[int, Mapping[Any, Any]]:
    """Whose these records are: {id: {id, manager, connection_id, stage}}; without those that the
    manager `seen_by` may not see."""
    table = ENTITY_TABLES[entity]
    names = ("id", "manager", "connection_id", "stage")
    query = select(*(table.c[name] for name in names)).where(table.c.id.in_(list(ids)))
    if seen_by:
        query = query.where(seen(table, seen_by))
    with database.read() as db:
        return {row["id"]: row for row in db.execute(query).mappings()}
