"""The different values of a column whose index begins with it, found without reading the rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, ScalarSelect, select

#: A filter or a board offers no more.
MOST_VALUES = 300


def values_in_use(db: Connection, column: Column[Any], most: int = MOST_VALUES) -> list[Any]:
    """The different values of a column, in their order, without NULL and the empty text; at most
    so many.

    Each is one jump in the index, all in one query: a table may have a million rows and few values.
    """
    found = select(_next(column, "").label("value")).cte("found", recursive=True)
    following = select(_next(column, found.c.value)).where(found.c.value.is_not(None))
    found = found.union_all(following)
    return list(db.scalars(select(found.c.value).where(found.c.value.is_not(None)).limit(most)))


def _next(column: Column[Any], last: ColumnElement[Any] | str) -> ScalarSelect[Any]:
    return select(column).where(column > last).order_by(column).limit(1).scalar_subquery()
