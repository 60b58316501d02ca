"""The sweep: every raw event that was there when the erasure was asked for is searched for the
person, and so is every free text of every table: others' letters and notes quote phones too.
A pass that finds nothing is the proof that nothing is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Integer,
    Row,
    String,
    Table,
    Text,
    cast,
    delete,
    or_,
    select,
)
from sqlalchemy import update as update_rows
from sqlalchemy.dialects.postgresql import JSONB

from hub.crm.personal.needles import Pattern, Quick, mask_text
from hub.store.models import event_bodies, events, metadata, rejections

BATCH: Final = 500
MAX_BYTES: Final = 8 * 1024 * 1024
#: Tables without a word about clients, and those that have a step of their own.
PASSED_OVER: Final = frozenset(
    {"connections", "connection_revisions", "users", "tokens", "sign_ins", "invitations", "totp",
     "recovery_codes", "erasures", "erased_marks", "exchange_sessions", "uploads", "cursors",
     "leases", "facts", "event_bodies", "products", "stock_levels", "stock_history", "stock_sent",
     "stock_thresholds", "possible_products", "sync_runs", "reconciliations", "replays"}
)  # fmt: skip
#: Columns that name employees, or are keys by which repeats are known.
KEYS: Final = frozenset(
    {
        "type",
        "event_type",
        "manager",
        "actor",
        "external_id",
        "event_key",
        "ordering_key",
        "delivery_key",
        "thread_key",
    }
)
#: A firm's own phone, mail and INN are the firm's, whoever answers there.
OF_FIRMS: Final = frozenset({"phone", "email", "inn", "search_text"})


def next_bodies(db: Connection, after: int, last: int) -> Sequence[Row[Any]]:
    """The next raw requests in order of id, at most BATCH and not many more than MAX_BYTES."""
    sizes = (
        select(events.c.id, events.c.size_bytes)
        .where(events.c.id > after, events.c.id <= last)
        .order_by(events.c.id)
        .limit(BATCH)
    )
    total = 0
    chosen: list[int] = []
    for row in db.execute(sizes):
        if chosen and total + row.size_bytes > MAX_BYTES:
            break
        chosen.append(row.id)
        total += row.size_bytes
    query = select(event_bodies).where(event_bodies.c.event_id.in_(chosen))
    return db.execute(query.order_by(event_bodies.c.event_id)).all() if chosen else []


def that_tell(rows: Sequence[Row[Any]], quick: Quick, pattern: Pattern) -> list[int]:
    """The events among them that tell of the person."""
    return [row.event_id for row in rows if _tells(row, quick, pattern)]


def _tells(row: Row[Any], quick: Quick, pattern: Pattern) -> bool:
    body = bytes(row.body)
    if quick.may_hold(body) and pattern.search(body):
        return True
    return _holds([row.path, row.query, *(value for _, value in row.headers)], quick, pattern)


def _holds(words: Sequence[str], quick: Quick, pattern: Pattern) -> bool:
    text = "\n".join(words).encode("utf-8", "surrogatepass")
    return quick.may_hold(text) and pattern.search(text) is not None


@cache
def texts() -> Mapping[str, tuple[Table, tuple[Column[Any], ...]]]:
    """{table: its free texts}, of every table that has a number to go by, also of later ones."""
    found = {}
    for table in metadata.sorted_tables:
        keys = list(table.primary_key)
        is_numbered = len(keys) == 1 and isinstance(keys[0].type, Integer)
        if table.name in PASSED_OVER or not is_numbered:
            continue
        firms = OF_FIRMS if table.name == "companies" else frozenset()
        columns = tuple(
            column
            for column in table.c
            if _is_text(column) and column.name not in KEYS and column.name not in firms
        )
        if columns:
            found[table.name] = (table, columns)
    return found


def following(name: str) -> str:
    """The table after this one; empty after the last."""
    names = list(texts())
    return "".join(names[names.index(name) + 1 :][:1])


def rows_that_tell(
    db: Connection, name: str, after: int, quick: Quick, pattern: Pattern
) -> tuple[list[int], int]:
    """Ids among the next rows of a table whose texts tell of the person, and the last id looked at,
    0 when there are no more."""
    table, columns = texts()[name]
    said = [
        cast(column, Text).label(f"text_{place}") if _is_json(column) else column
        for place, column in enumerate(columns)
    ]
    key = _key(table)
    query = (
        select(key, *said)
        .where(key > after, or_(*(column.is_not(None) for column in columns)))
        .order_by(key)
        .limit(BATCH)
    )
    rows = db.execute(query).all()
    found = [row[0] for row in rows if _holds([str(one or "") for one in row[1:]], quick, pattern)]
    return found, rows[-1][0] if len(rows) == BATCH else 0


def mask_rows(db: Connection, name: str, ids: Sequence[int], pattern: Pattern) -> int:
    """Mask the person in the texts of these rows; returns in how many."""
    table, columns = texts()[name]
    key, count = _key(table), 0
    query = select(key.label("key"), *columns).where(key.in_(ids)).with_for_update()
    for row in db.execute(query).mappings().all():
        values = {}
        for column in columns:
            masked, finds = _masked(row[column.name], pattern)
            if finds:
                values[column.name] = masked
        if not values:
            continue
        count += 1
        if table is rejections and "message" in values:
            # Refusals are told apart by their message: a masked one could be another's.
            db.execute(delete(table).where(key == row["key"]))
        else:
            db.execute(update_rows(table).where(key == row["key"]).values(values))
    return count


def _key(table: Table) -> Column[Any]:
    return next(iter(table.primary_key))


def _masked(value: Any, pattern: Pattern) -> tuple[Any, int]:
    """A value with the person masked, however deep it stands, and how often it did."""
    if isinstance(value, str):
        return mask_text(value, pattern)
    if isinstance(value, dict):
        parts = {name: _masked(one, pattern) for name, one in value.items()}
        return {name: one for name, (one, _) in parts.items()}, sum(n for _, n in parts.values())
    if isinstance(value, list):
        several = [_masked(one, pattern) for one in value]
        return [one for one, _ in several], sum(count for _, count in several)
    if isinstance(value, int) and not isinstance(value, bool):
        count = mask_text(str(value), pattern)[1]
        return (None, count) if count else (value, 0)
    return value, 0


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON | JSONB)


def _is_text(column: Column[Any]) -> bool:
    if _is_json(column):
        return True
    return isinstance(column.type, String) and column.type.length is None
