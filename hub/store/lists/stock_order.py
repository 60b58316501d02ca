"""The order of the stock page: by a column, and by name what begins with the words comes first."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, Select, and_, not_, tuple_

from hub.store.lists import search
from hub.store.lists.paging import MAX_CURSOR_CHARACTERS, CursorError, Row
from hub.store.lists.query import words_of
from hub.store.models import stock_items
from hub.store.spelling import plain_letters

#: What the table can be sorted by: (column, descending).
SORTS: Final[dict[str, tuple[ColumnElement[Any], bool]]] = {
    "name": (stock_items.c.sort_name, False),
    "sku": (stock_items.c.sku, False),
    "free": (stock_items.c.free, True),
    "least": (stock_items.c.free, False),
}


@dataclass(frozen=True)
class After:
    """The last row of the former page: what it is sorted by, its id, and whether its name begins
    with what was typed."""

    value: Any
    row_id: int
    begins: bool = False


def next_rows(
    db: Connection, query: Select[Any], q: str, sort: str, after: After | None, limit: int
) -> tuple[list[Row], str | None]:
    """The next `limit` rows with these words, and the cursor of those that follow.

    By name, those whose name begins with what was typed come first: an index has them at hand,
    however many more have the words elsewhere.
    """
    first: list[Row] = []
    words = words_of(q)
    if words and sort == "name":
        name, beginning = stock_items.c.sort_name, plain_letters(" ".join(q.split()))
        begins = and_(name >= beginning, name < beginning + search.LAST)
        if after is None or after.begins:
            found = query.where(begins, search.contains(db, stock_items, words))
            first, after = _next(db, found, "", sort, after, limit + 1), None
        query = query.where(not_(begins))
    rest: list[Row] = []
    if len(first) <= limit:
        rest = _next(db, query, q, sort, after, limit + 1 - len(first))
    rows = [*first, *rest]
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], _encode(sort, rows[limit - 1], begins=limit <= len(first))


def _next(
    db: Connection, query: Select[Any], q: str, sort: str, after: After | None, limit: int
) -> list[Row]:
    column, down = SORTS[sort]
    place = (column, stock_items.c.id)
    if after is not None:
        edge = tuple_(after.value, after.row_id)
        query = query.where(tuple_(*place) < edge if down else tuple_(*place) > edge)
    words = search.first_condition(db, query, stock_items, q, (place, down), limit)
    if words is not None:
        query = query.where(words)
    order = [one.desc() if down else one for one in place]
    return [dict(row) for row in db.execute(query.order_by(*order).limit(limit)).mappings()]


def _encode(sort: str, row: Row, *, begins: bool) -> str:
    column, _ = SORTS[sort]
    kept = orjson.dumps([sort, row[column.key or ""], row["id"], begins])
    return base64.urlsafe_b64encode(kept).decode().rstrip("=")


def decode(cursor: str, sort: str) -> After:
    """Where a cursor stands. CursorError for one that is none of this order."""
    try:
        if len(cursor) > MAX_CURSOR_CHARACTERS * 2:
            raise ValueError
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        name, value, row_id, begins = orjson.loads(raw)
        kind = float if SORTS[sort][0] is stock_items.c.free else str
        known = (type(value), type(row_id), type(begins)) == (kind, int, bool)
        if name != sort or not known:
            raise ValueError
    except (ValueError, TypeError, binascii.Error):
        raise CursorError(place="cursor") from None
    return After(value, row_id, begins)
