"""Many ids in a question, and many in an answer, each as one value: by the hundred, parameters and
rows cost more than what is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Select,
    Table,
    any_,
    bindparam,
    false,
    func,
    select,
)

from hub.store.database import to_json


def among(db: Connection, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """That a column's value is one of these, given as one parameter."""
    if not values:
        return false()
    if db.dialect.name == "sqlite":
        given = func.json_each(to_json(list(values))).table_valued("value")
        return column.in_(select(given.c.value))
    listed = bindparam(None, list(values), type_=ARRAY(column.type), unique=True)
    return column == any_(listed)


def id_among(db: Connection, table: Table, ids: Sequence[int]) -> ColumnElement[bool]:
    """That a row's id is one of these."""
    if len(ids) == 1:
        # The usual case of a look by something unique; a list is twice as long in the making.
        return table.c.id == ids[0]
    return among(db, table.c.id, ids)


def together(db: Connection, query: Select[Any]) -> list[int]:
    """The ids that a query finds, in one row."""
    rows = query.subquery("found")
    if db.dialect.name != "sqlite":
        return db.scalar(select(func.array_agg(rows.c[0]))) or []
    return list(orjson.loads(db.scalar(select(func.json_group_array(rows.c[0]))) or "[]"))
