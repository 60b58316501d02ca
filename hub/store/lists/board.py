"""Boards: how much stands in each stage, which stages there are, what happened to a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Numeric, cast, func, select, text

from hub.store.database import Database
from hub.store.lists.paging import ListPage, Row
from hub.store.lists.record_filters import WORTH, RecordFilters, conditions, seen
from hub.store.lists.records import fetch_records
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
    stages: Iterable[str],
    cards: int,
    order: str,
) -> list[Column]:
    """Every column of a board; what was typed is looked up once for all of them."""
    table = ENTITY_TABLES[entity]
    kept = tuple(pair for pair in filters.equal if pair[0] != "stage")
    found = []
    with database.read() as db:
        where = conditions(db, entity, table, replace(filters, equal=kept))
        for stage in stages:
            mine = [*where, table.c.stage == stage]
            page = fetch_records(db, entity, mine, cards, None, order)
            found.append(Column(stage, _size(db, entity, mine), page))
    return found


def _size(db: Connection, entity: str, where: Sequence[ColumnElement[bool]]) -> Size:
    table = ENTITY_TABLES[entity]
    # SQLite keeps exact numbers as text.
    worth = cast(table.c[WORTH[entity]], Numeric).label("worth")
    # In the order of the stage's index: else PostgreSQL gathers the whole stage first.
    place = [table.c.placed_at.desc()] if "placed_at" in table.c else []
    rows_in = select(table.c.currency, worth).where(*where).order_by(*place, table.c.id.desc())
    inner = rows_in.limit(BOUND + 1).subquery()
    query = select(inner.c.currency, func.count(), func.sum(inner.c.worth))
    rows = db.execute(query.group_by(inner.c.currency)).all()
    count = sum(row[1] for row in rows)
    sums = {row[0] or "": Decimal(str(row[2])) for row in rows if row[2]}
    return Size(min(count, BOUND), count > BOUND, sums)


#: Walks the index from one stage to the next.
_STAGES = """
WITH RECURSIVE found(stage) AS (
  SELECT min(stage) FROM {table} WHERE stage > ''
  UNION ALL
  SELECT (SELECT min(stage) FROM {table} WHERE stage > found.stage)
  FROM found WHERE found.stage IS NOT NULL
) SELECT stage FROM found WHERE stage IS NOT NULL LIMIT {most}
"""


def stages_in_use(database: Database, entity: str) -> list[str]:
    """Every stage that a record of this entity is in, by name."""
    query = _STAGES.format(table=ENTITY_TABLES[entity].name, most=MAX_STAGES)
    with database.read() as db:
        return list(db.scalars(text(query)))


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
