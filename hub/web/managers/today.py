"""Today: what waits for the manager, and how the day goes; for a head, of all."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from flask import render_template
from flask_babel import lazy_gettext as _l

from hub.store import users
from hub.store.database import utc_now
from hub.store.lists import tasks as stored
from hub.store.lists import today as day
from hub.store.lists.reports import day_start
from hub.store.lists.tasks import TaskFilters
from hub.web import freshness, lists, menu, seeing
from hub.web.context import company_zone, local_now, people, the_store, the_user
from hub.web.managers.base import blueprint
from hub.web.managers.task_forms import may_ring

menu.add("managers", 10, "managers.home", _l("Today"), "home")

NEW_DAYS = 2
SHOWN = 8
NUMBER_SECONDS = 10.0
_kept: dict[tuple[str, datetime], tuple[float, tuple[dict[str, Any], ...]]] = {}


@blueprint.get("/")
def home() -> str:
    """Today: calls to return, what is due, what is new, letters without an answer, the numbers."""
    store, user = the_store(), the_user()
    now, local = utc_now(), local_now()
    today = day_start(local.date(), company_zone())
    evening = day_start(local.date() + timedelta(days=1), company_zone())
    is_manager = user is not None and user.role == users.MANAGER
    only = seeing.only()
    whose = _whose(is_manager)
    mine = TaskFilters(managers=None if whose is None else (whose,), seen_by=only)
    missed, more_missed = stored.urgent(store.database, mine, True, SHOWN)
    due = TaskFilters(managers=mine.managers, due_before=evening, seen_by=only)
    tasks, more_tasks = stored.urgent(store.database, due, False, SHOWN)
    new = now - timedelta(days=NEW_DAYS)
    numbers, before = _numbers(today, now)
    template = "managers/today_board.html" if lists.is_partial() else "managers/home.html"
    return render_template(
        template,
        today=local.date(),
        now=now,
        whose=whose,
        is_manager=is_manager,
        people=people(),
        missed=missed,
        more_missed=more_missed,
        tasks=tasks,
        more_tasks=more_tasks,
        leads=day.new_records(store.database, "lead", new, whose, SHOWN, only),
        orders=day.new_records(store.database, "order", new, whose, SHOWN, only),
        letters=day.waiting_letters(store.database, whose, SHOWN, only),
        waiting=day.waiting_count(store.database, whose, seen_by=only),
        numbers=_sum(numbers, whose),
        before=_sum(before, whose),
        team={} if is_manager or whose else _team(numbers, today),
        sources=freshness.stock_sources(store),
        has_phones=_has_phones(),
        callable=may_ring(),
    )


def _whose(is_manager: bool) -> str | None:
    """Whose day: a manager's own; a head looks at all, or at one manager by the address."""
    user = the_user()
    if is_manager and user:
        return user.row.email
    return lists.argument("manager") or None


def _numbers(today: datetime, now: datetime) -> tuple[dict[str, Any], ...]:
    """Today's numbers by manager and yesterday's until this hour, kept for a few seconds."""
    database = the_store().database
    key, clock = (database.url, today), time.monotonic()
    kept = _kept.get(key)
    if kept is None or clock - kept[0] > NUMBER_SECONDS:
        found = tuple(day.day_numbers(database, *span) for span in day.day_span(now, today))
        _kept.clear()
        kept = _kept[key] = (clock, found)
    return kept[1]


def _sum(numbers: dict[str, Any], whose: str | None) -> dict[str, int]:
    own = [row for name, row in numbers.items() if whose is None or name == whose]
    return {name: sum(row[name] for row in own) for name in day.NUMBERS}


def _team(numbers: dict[str, Any], today: datetime) -> dict[str, dict[str, int]]:
    """A line per manager: those with most that is late first."""
    todo = stored.by_manager(the_store().database, utc_now(), today)
    nothing = {"open": 0, "overdue": 0, "call_backs": 0, "done": 0}
    lines = {
        name: {**dict.fromkeys(day.NUMBERS, 0), **nothing, **numbers.get(name, {}),
               **todo.get(name, {})}
        for name in {*numbers, *todo}
    }  # fmt: skip
    return dict(sorted(lines.items(), key=lambda item: (-item[1]["overdue"], item[0])))


def _has_phones() -> bool:
    """Whether any telephony is connected: without it nothing is missed, and nothing found."""
    return any(one.connector.manifest.kind == "telephony" for one in the_store().catalog.all())
