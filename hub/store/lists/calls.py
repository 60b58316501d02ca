"""The list of calls, and whoever was not called back.

Not called back is asked, not kept: a missed call after which neither its caller rang again nor
anybody rang them. Both questions are one look into an index by number and time, and only missed
calls of the last weeks are asked about, so it costs the same with a million calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    exists,
    false,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy import Connection as Db

from hub.store.database import Database
from hub.store.lists.among import among
from hub.store.lists.in_use import values_in_use
from hub.store.lists.paging import (
    MAX_LIMIT,
    ListPage,
    Order,
    Row,
    as_dicts,
    connection_id_of,
    encode_cursor,
    fetch_page,
)
from hub.store.lists.record_filters import RecordFilters, conditions, e164, seen
from hub.store.models import call_marks, calls, connections, contacts

#: A missed call older than this waits for nobody any more.
UNRETURNED_DAYS: Final = 30
#: Clients whose calls a search shows.
MOST_CONTACTS: Final = 200
#: Lines that the filter offers.
MOST_LINES: Final = 200
#: Digits from which on a number is looked for as it is, and fewer than which it is an extension.
WHOLE_NUMBER: Final = 10
SHORTEST_PART: Final = 4
_COLUMNS: Final = (
    "id", "contact_id", "connection_id", "direction", "status", "from_number", "to_number",
    "line_number", "extension", "started_at", "answered_at", "ended_at", "wait_seconds",
    "talk_seconds", "recording_id", "recording_url", "manager", "created_at",
)  # fmt: skip


@dataclass(frozen=True)
class CallFilters:
    """Which calls to list. An empty field does not filter.

    `manager`, `line`, `direction`, `status` as stored; `unreturned`: missed and not called back,
    of the last UNRETURNED_DAYS days.
    """

    q: str = ""
    manager: str = ""
    line: str = ""
    direction: str = ""
    status: str = ""
    connection: str = ""
    contact_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    #: Only missed calls that nobody returned, of those that began after this moment.
    unreturned_since: datetime | None = None
    #: Only what this manager may see: calls of their own clients and of nobody's.
    seen_by: str = ""
    phone_region: str = "RU"


def list_calls(
    database: Database, filters: CallFilters, limit: int = 50, cursor: str | None = None
) -> ListPage:
    """Calls, the last first, with `contact_name`, `connection` and their marks."""
    order = Order(calls.c.id, calls.c.started_at, "calls")
    with database.read() as db:
        wanted = _conditions(db, filters)
        if filters.unreturned_since is not None:
            return _unreturned_page(db, wanted, order, limit, cursor)
        return fetch_page(db, _select().where(*wanted), order, limit, cursor)


def unreturned(
    database: Database,
    since: datetime,
    *,
    manager: str | None = None,
    limit: int = 50,
) -> list[Row]:
    """Missed calls that nobody returned, one per caller, the last first: with `times` they tried.

    Calls marked as done are left out. `manager`: only this user's, and those that are nobody's.
    """
    wanted = [_is_missed(since), calls.c.deleted_at.is_(None)]
    if manager is not None:
        wanted.append(or_(calls.c.manager == manager, calls.c.manager.is_(None)))
    order = Order(calls.c.id, calls.c.started_at, "calls")
    with database.read() as db:
        rows = _unreturned_page(db, wanted, order, limit, None).items
        _add_times(db, rows, since)
    return rows


def add_times(database: Database, rows: Sequence[Row], since: datetime) -> None:
    """Add to unreturned calls how many times their callers tried in vain."""
    with database.read() as db:
        _add_times(db, rows, since)


def lines(database: Database) -> list[str]:
    """The company's lines that calls came over."""
    with database.read() as db:
        return values_in_use(db, calls.c.line_number, MOST_LINES)


def _select() -> Select[Any]:
    marks = [call_marks.c[name] for name in ("done_at", "done_by", "note", "note_by")]
    source = (
        calls.outerjoin(contacts, contacts.c.id == calls.c.contact_id)
        .outerjoin(connections, connections.c.id == calls.c.connection_id)
        .outerjoin(call_marks, call_marks.c.call_id == calls.c.id)
    )
    return select(
        *(calls.c[name] for name in _COLUMNS),
        *marks,
        contacts.c.name.label("contact_name"),
        connections.c.name.label("connection"),
    ).select_from(source)


def _conditions(db: Db, filters: CallFilters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [calls.c.deleted_at.is_(None)]
    pairs = (
        (calls.c.manager, filters.manager),
        (calls.c.line_number, filters.line),
        (calls.c.direction, filters.direction),
        (calls.c.status, filters.status),
    )
    found += [column == value for column, value in pairs if value]
    if filters.connection:
        found.append(calls.c.connection_id == connection_id_of(db, filters.connection))
    if filters.contact_id is not None:
        found.append(calls.c.contact_id == filters.contact_id)
    if filters.since:
        found.append(calls.c.started_at >= filters.since)
    if filters.until:
        found.append(calls.c.started_at < filters.until)
    if filters.unreturned_since:
        found.append(_is_missed(filters.unreturned_since))
    if filters.seen_by:
        found.append(seen(calls, filters.seen_by))
    if filters.q:
        found.append(_matches(db, filters))
    return found


def _unreturned_page(
    db: Db, wanted: Sequence[ColumnElement[bool]], order: Order, limit: int, cursor: str | None
) -> ListPage:
    """The next missed calls, piece by piece, without those that were returned.

    Asked for in one query, a database that thinks little of the filters looks at the whole month.
    """
    missed = select(calls.c.id, calls.c.started_at).where(*wanted)
    marked = select(calls.c.id).outerjoin(call_marks, call_marks.c.call_id == calls.c.id)
    found: list[Row] = []
    while len(found) <= limit:
        piece = fetch_page(db, missed, order, MAX_LIMIT, cursor)
        keys = [row["id"] for row in piece.items]
        still = set(db.scalars(marked.where(among(db, calls.c.id, keys), _is_unreturned())))
        found += [row for row in piece.items if row["id"] in still]
        cursor = piece.next_cursor
        if cursor is None:
            break
    shown = [row["id"] for row in found[:limit]]
    query = _select().where(among(db, calls.c.id, shown))
    whole = {row["id"]: row for row in as_dicts(db.execute(query).mappings())}
    rows = [whole[key] for key in shown if key in whole]
    if len(found) <= limit:
        return ListPage(rows)
    last = found[limit - 1]
    return ListPage(rows, encode_cursor(order.name, last["started_at"], last["id"]))


def _is_missed(since: datetime) -> ColumnElement[bool]:
    return and_(
        calls.c.status == "missed",
        calls.c.direction == "in",
        calls.c.started_at >= since,
        # A hidden number or an extension cannot be called back.
        calls.c.from_number.like("+%"),
    )


def _is_unreturned() -> ColumnElement[bool]:
    later, called = calls.alias("later"), calls.alias("called")
    rang_again = exists().where(
        later.c.from_number == calls.c.from_number,
        tuple_(later.c.started_at, later.c.id) > tuple_(calls.c.started_at, calls.c.id),
        later.c.direction == "in",
        later.c.deleted_at.is_(None),
    )
    was_called = exists().where(
        called.c.to_number == calls.c.from_number,
        called.c.started_at >= calls.c.started_at,
        called.c.direction == "out",
        called.c.deleted_at.is_(None),
    )
    return and_(call_marks.c.done_at.is_(None), ~rang_again, ~was_called)


def _add_times(db: Db, rows: Sequence[Row], since: datetime) -> None:
    numbers = [row["from_number"] for row in rows]
    if not numbers:
        return
    columns = (calls.c.from_number, calls.c.to_number, calls.c.direction, calls.c.status)
    recent = (calls.c.started_at >= since, calls.c.deleted_at.is_(None))
    query = union_all(
        select(*columns, calls.c.started_at, calls.c.id).where(
            among(db, calls.c.from_number, numbers), calls.c.direction == "in", *recent
        ),
        select(*columns, calls.c.started_at, calls.c.id).where(
            among(db, calls.c.to_number, numbers), calls.c.direction == "out", *recent
        ),
    )
    times = dict.fromkeys(numbers, 0)
    for one in sorted(db.execute(query), key=lambda one: (one.started_at, one.id)):
        number = one.from_number if one.direction == "in" else one.to_number
        missed = one.direction == "in" and one.status == "missed"
        times[number] = times[number] + 1 if missed else 0
    for row in rows:
        row["times"] = max(1, times[row["from_number"]])


def _matches(db: Db, filters: CallFilters) -> ColumnElement[bool]:
    """A whole number by the indexes alone; else by the client's name or part of a phone."""
    digits = sum(map(str.isdigit, filters.q))
    if digits and all(sign in "0123456789 ()+.-" for sign in filters.q):
        number = e164(filters.q, filters.phone_region)
        sides = [
            select(calls.c.id).where(column == number)
            for column in (calls.c.from_number, calls.c.to_number)
        ]
        if digits >= WHOLE_NUMBER or digits < SHORTEST_PART:
            return calls.c.id.in_(union_all(*sides))
    people = contact_ids(db, filters.q, filters.phone_region)
    return calls.c.contact_id.in_(people) if people else false()


def contact_ids(db: Db, q: str, region: str) -> Sequence[int]:
    """The clients that a search finds, the most active first, at most MOST_CONTACTS."""
    wanted = conditions(db, "contact", contacts, RecordFilters(q=q, phone_region=region))
    query = select(contacts.c.id).where(*wanted).order_by(contacts.c.last_activity_at.desc())
    return list(db.scalars(query.limit(MOST_CONTACTS)))


def of_calls(database: Database, ids: Iterable[int]) -> list[Row]:
    """These calls with what their parts said, for the card of who is calling."""
    query = _select().add_columns(calls.c.parts).where(calls.c.id.in_(list(ids)))
    with database.read() as db:
        return as_dicts(db.execute(query).mappings())


def going_on(database: Database, since: datetime, limit: int = 200) -> list[Row]:
    """Calls that began after a moment and have not ended, the last first, with their parts."""
    query = (
        _select()
        .add_columns(calls.c.parts)
        .where(
            calls.c.started_at >= since,
            calls.c.ended_at.is_(None),
            calls.c.deleted_at.is_(None),
        )
        .order_by(calls.c.started_at.desc(), calls.c.id.desc())
        .limit(limit)
    )
    with database.read() as db:
        return as_dicts(db.execute(query).mappings())
