"""Keyset paging: a page and an opaque cursor that says where the next one begins."""

from __future__ import annotations

import base64
import binascii
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, String, asc, desc, literal, select, tuple_

from hub.sdk.errors import ConfigError
from hub.store.models import connections

#: A page of the API is no longer; whoever reads a whole list asks for more at once.
MAX_LIMIT = 200
MAX_STEP = 1000
MAX_ID = 2**63 - 1
MAX_CURSOR_CHARACTERS = 4000
Row = dict[str, Any]


class CursorError(ConfigError):
    """The cursor was not given out by this list."""

    code = "cursor"


@dataclass(frozen=True)
class ListPage:
    """Rows of one page, newest first; `next_cursor` is None on the last page."""

    items: list[Row]
    next_cursor: str | None = None


@dataclass(frozen=True)
class Order:
    """What a list is sorted by, descending, the id settling ties. None: by the id alone.

    `ascending`: the other way round, as names are.
    """

    key: ColumnElement[int]
    by: ColumnElement[Any] | None = None
    name: str = "id"
    ascending: bool = False

    def parts(self, query: Select[Any]) -> list[Select[Any]]:
        """The query as parts that follow each other: rows with a sort value, rows without one.
        Each is in the order of its index; databases disagree on where NULL sorts."""
        key, by = self.key, self.by
        way: Callable[[ColumnElement[Any]], ColumnElement[Any]] = asc if self.ascending else desc
        if by is None:
            return [query.order_by(way(key))]
        valued = query.where(by.is_not(None)).order_by(way(by), way(key))
        if not getattr(by, "nullable", True):
            return [valued]
        return [valued, query.where(by.is_(None)).order_by(way(key))]

    def sorted(self, rows: Iterable[Row]) -> list[Row]:
        """Rows of several such queries in this order."""
        by = (self.by.key or "") if self.by is not None else "id"
        valued: list[Row] = []
        without: list[Row] = []
        for row in rows:
            (without if row[by] is None else valued).append(row)
        down = not self.ascending
        valued.sort(key=itemgetter(by, "id"), reverse=down)
        without.sort(key=itemgetter("id"), reverse=down)
        return valued + without


def encode_cursor(order: str, value: datetime | str | None, row_id: int) -> str:
    """Where a page ended, as text for a URL."""
    stamp = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(orjson.dumps([order, stamp, row_id])).decode().rstrip("=")


def decode_cursor(text: str, order: str, *, is_text: bool = False) -> tuple[Any, int]:
    """The (sort value, id) a cursor stands for; CursorError for anything not made by us."""
    try:
        if len(text) > MAX_CURSOR_CHARACTERS:
            raise ValueError
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        name, stamp, row_id = orjson.loads(raw)
        value = stamp if is_text or stamp is None else datetime.fromisoformat(stamp)
        if name != order or type(row_id) is not int or not 0 <= row_id <= MAX_ID:
            raise ValueError
        if isinstance(value, datetime) and value.tzinfo is None:
            raise ValueError
        if is_text and not isinstance(value, str | None):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, OverflowError):
        raise CursorError(place="cursor") from None
    return value, row_id


def fetch_page(
    db: Connection, query: Select[Any], order: Order, limit: int, cursor: str | None
) -> ListPage:
    """One page of the query. Rows without a sort value come after all that have one.

    `limit` is cut to 1…1000. CursorError when the cursor is not this list's.
    """
    limit = max(1, min(limit, MAX_STEP))
    is_text = order.by is not None and isinstance(order.by.type, String)
    after = decode_cursor(cursor, order.name, is_text=is_text) if cursor else None
    return cut(_fetch(db, query, order, limit + 1, after), order, limit)


def cut(rows: list[Row], order: Order, limit: int) -> ListPage:
    """The first rows of a list as a page; there is a next one where more were read."""
    if len(rows) <= limit:
        return ListPage(rows)
    rows = rows[:limit]
    value = rows[-1][order.by.key or ""] if order.by is not None else None
    return ListPage(rows, encode_cursor(order.name, value, rows[-1]["id"]))


def _fetch(
    db: Connection,
    query: Select[Any],
    order: Order,
    wanted: int,
    after: tuple[Any, int] | None,
) -> list[Row]:
    key, by = order.key, order.by
    past = operator.gt if order.ascending else operator.lt
    valued, *without = order.parts(query)
    rows: list[Row] = []
    if by is None or after is None or after[0] is not None:
        if after:
            place: tuple[Any, Any] = (key, after[1])
            if by is not None:
                place = (tuple_(by, key), tuple_(literal(after[0], by.type), after[1]))
            valued = valued.where(past(*place))
        rows = as_dicts(db.execute(valued.limit(wanted)).mappings())
    for part in without:
        if len(rows) < wanted:
            if after and after[0] is None:
                part = part.where(past(key, after[1]))  # the rest of it
            rows += as_dicts(db.execute(part.limit(wanted - len(rows))).mappings())
    return rows


def as_dicts(rows: Iterable[Mapping[Any, Any]]) -> list[Row]:
    """Database rows as plain dictionaries."""
    return [dict(row) for row in rows]


def connection_id_of(db: Connection, name: str) -> int:
    """The key of the connection of this name; 0, which no row has, when there is none."""
    return db.scalar(select(connections.c.id).where(connections.c.name == name)) or 0


def like(text: str) -> str:
    """A LIKE pattern for «contains», its wildcards escaped by a backslash."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def spellings(text: str) -> Sequence[str]:
    """The text as people write it: a database may not fold the case of Cyrillic letters."""
    return tuple(dict.fromkeys((text, text.lower(), text.upper(), text.capitalize())))
