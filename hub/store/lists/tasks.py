"""Tasks on pages: lists by deadline, who has how many overdue, what is to be reminded of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, tuple_

from hub.store.database import Database
from hub.store.lists.paging import (
    MAX_LIMIT,
    ListPage,
    Order,
    Row,
    as_dicts,
    decode_cursor,
    encode_cursor,
    fetch_page,
)
from hub.store.lists.record_filters import seen
from hub.store.models import calls, contacts, tasks

OPEN = and_(tasks.c.done_at.is_(None), tasks.c.deleted_at.is_(None))
#: A badge that says more than this says nothing more.
MOST = 100
_LEFT_OUT = frozenset({"origins", "extra"})


@dataclass(frozen=True)
class TaskFilters:
    """Which tasks. `managers`: those of these people; with `free` also those of nobody.

    `due_before`, `due_after`: by deadline; `done`: those that are done, the last one first.
    """

    managers: tuple[str, ...] | None = None
    free: bool = True
    kind: str | None = None
    due_before: datetime | None = None
    due_after: datetime | None = None
    done: bool = False
    done_since: datetime | None = None
    contact_id: int | None = None
    number: str = ""
    about: tuple[str, int] | None = None
    #: Only what this manager may see: their own tasks, and those of clients they may see.
    seen_by: str = ""


def list_tasks(
    database: Database, filters: TaskFilters, limit: int = 50, cursor: str | None = None
) -> ListPage:
    """Open tasks, the most urgent first, those without a deadline last; or done ones.

    Rows have `contact_name`, `contact_phone`.
    """
    query = _select().where(*_conditions(filters))
    with database.read() as db:
        if filters.done:
            return fetch_page(db, query, Order(tasks.c.id, tasks.c.done_at, "done"), limit, cursor)
        limit = max(1, min(limit, MAX_LIMIT))
        after = decode_cursor(cursor, "due") if cursor else None
        rows: list[Row] = []
        if after is None or after[0] is not None:
            dated = query.where(tasks.c.due_at.is_not(None))
            if after:
                place = tuple_(literal(after[0], tasks.c.due_at.type), after[1])
                dated = dated.where(tuple_(tasks.c.due_at, tasks.c.id) > place)
            dated = dated.order_by(tasks.c.due_at, tasks.c.id).limit(limit + 1)
            rows = as_dicts(db.execute(dated).mappings())
        if len(rows) <= limit and not filters.due_before:
            undated = query.where(tasks.c.due_at.is_(None))
            if after and after[0] is None:
                undated = undated.where(tasks.c.id > after[1])
            undated = undated.order_by(tasks.c.id).limit(limit + 1 - len(rows))
            rows += as_dicts(db.execute(undated).mappings())
    if len(rows) <= limit:
        return ListPage(rows)
    rows = rows[:limit]
    return ListPage(rows, encode_cursor("due", rows[-1]["due_at"], rows[-1]["id"]))


def one_task(database: Database, task_id: int) -> Row | None:
    """A task with `contact_name`, `contact_phone` and its origins."""
    with database.read() as db:
        query = _select(whole=True).where(tasks.c.id == task_id)
        row = db.execute(query).mappings().first()
    return dict(row) if row else None


def number_calls(database: Database, number: str, since: datetime, limit: int = 20) -> list[Row]:
    """Calls from and to a number since a moment, the newest first."""
    names = ("id", "direction", "status", "started_at", "manager", "talk_seconds", "wait_seconds")
    columns = [calls.c[name] for name in names]
    parts = (
        select(*columns).where(side == number, calls.c.started_at >= since)
        for side in (calls.c.from_number, calls.c.to_number)
    )
    with database.read() as db:
        found = [row for part in parts for row in as_dicts(db.execute(part.limit(200)).mappings())]
    found.sort(key=lambda row: (row["started_at"], row["id"]), reverse=True)
    return found[:limit]


def call_back_of(database: Database, number: str) -> Row | None:
    """The latest call-back of a number, done or not."""
    query = (
        select(tasks)
        .where(tasks.c.number == number, tasks.c.deleted_at.is_(None))
        .order_by(tasks.c.last_missed_at.desc(), tasks.c.id.desc())
        .limit(1)
    )
    with database.read() as db:
        row = db.execute(query).mappings().first()
    return dict(row) if row else None


def last_missed_call(database: Database, task: Row) -> int | None:
    """The latest missed call of a call-back."""
    query = select(calls.c.id).where(
        calls.c.from_number == task["number"], calls.c.started_at == task["last_missed_at"]
    )
    with database.read() as db:
        return db.scalar(query.limit(1))


def overdue_count(database: Database, manager: str | None, now: datetime) -> int:
    """How many open tasks of one manager (None: of everybody) are late; at most MOST."""
    query = select(tasks.c.id).where(OPEN, tasks.c.due_at < now)
    if manager is not None:
        query = query.where(tasks.c.manager == manager)
    with database.read() as db:
        return int(db.scalar(select(func.count()).select_from(query.limit(MOST).subquery())) or 0)


def by_manager(database: Database, now: datetime, day: datetime) -> dict[str, Row]:
    """Per manager («» is nobody): open, overdue, call_backs (open ones), done since `day`."""
    nothing = {"open": 0, "overdue": 0, "call_backs": 0, "done": 0}
    found: dict[str, Row] = {}
    late = func.sum(case((tasks.c.due_at < now, 1), else_=0))
    missed = func.sum(case((tasks.c.number.is_not(None), 1), else_=0))
    opened = select(tasks.c.manager, func.count(), late, missed).where(OPEN)
    # Counted here: grouped, SQLite would walk all tasks by their manager.
    done = select(tasks.c.manager).where(tasks.c.done_at >= day, tasks.c.deleted_at.is_(None))
    with database.read() as db:
        for name, count, overdue, call_backs in db.execute(opened.group_by(tasks.c.manager)):
            own = found.setdefault(name or "", dict(nothing))
            own["open"] += count
            own["overdue"] += int(overdue or 0)
            own["call_backs"] += int(call_backs or 0)
        for name in db.scalars(done):
            found.setdefault(name or "", dict(nothing))["done"] += 1
    return found


def to_remind(
    database: Database, manager: str, now: datetime, span: timedelta, limit: int = 5
) -> list[Row]:
    """Open tasks of a manager whose time of reminding has come, the most urgent first.

    A task may name its own minutes; of the others `span` before the deadline. What is late for
    more than a day is reminded of by the counter only.
    """
    longest = timedelta(days=1)
    query = (
        _select()
        .where(OPEN, tasks.c.manager == manager)
        .where(tasks.c.due_at > now - longest, tasks.c.due_at <= now + longest)
        .order_by(tasks.c.due_at, tasks.c.id)
        .limit(50)
    )
    with database.read() as db:
        rows = as_dicts(db.execute(query).mappings())
    return [row for row in rows if row["due_at"] - own_span(row, span) <= now][:limit]


def own_span(task: Row, span: timedelta) -> timedelta:
    """How long before its deadline this task is reminded of."""
    minutes = task["remind_minutes"]
    return span if minutes is None else timedelta(minutes=minutes)


def urgent(
    database: Database, filters: TaskFilters, call_backs: bool, limit: int
) -> tuple[list[Row], bool]:
    """The first open tasks, call-backs or others, and whether there are more."""
    wanted = replace(filters, kind="call_back" if call_backs else "")
    page = list_tasks(database, wanted, limit)
    return page.items, page.next_cursor is not None


def _conditions(filters: TaskFilters) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [tasks.c.deleted_at.is_(None)]
    found.append(tasks.c.done_at.is_not(None) if filters.done else tasks.c.done_at.is_(None))
    if filters.managers is not None:
        mine = tasks.c.manager.in_(filters.managers)
        free = tasks.c.manager.is_(None)
        found.append(or_(mine, free) if filters.free and filters.managers else mine)
        if filters.free and not filters.managers:
            found[-1] = free
    if filters.kind is not None:
        found.append(
            tasks.c.number.is_not(None) if filters.kind == "call_back" else tasks.c.number.is_(None)
        )
    if filters.due_before:
        found.append(tasks.c.due_at < filters.due_before)
    if filters.due_after:
        found.append(tasks.c.due_at >= filters.due_after)
    if filters.done_since:
        found.append(tasks.c.done_at >= filters.done_since)
    if filters.contact_id is not None:
        found.append(tasks.c.contact_id == filters.contact_id)
    if filters.number:
        found.append(tasks.c.number == filters.number)
    if filters.about:
        found += [
            tasks.c.about_entity == filters.about[0], tasks.c.about_id == filters.about[1],
        ]  # fmt: skip
    if filters.seen_by:
        found.append(or_(tasks.c.manager == filters.seen_by, seen(tasks, filters.seen_by)))
    return found


def _select(*, whole: bool = False) -> Select[Any]:
    columns = [column for column in tasks.c if whole or column.name not in _LEFT_OUT]
    return select(
        *columns, contacts.c.name.label("contact_name"), contacts.c.phone.label("contact_phone")
    ).outerjoin(contacts, contacts.c.id == tasks.c.contact_id)
