"""The pages of tasks, Today and letters look up and never walk through the history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from hub.store.database import Database, utc_now
from hub.store.lists import tasks, today
from hub.store.lists.record_filters import RecordFilters
from hub.store.lists.tasks import TaskFilters
from hub.store.store import Store
from tests.store.test_history_plans import SCAN, plans

NOW = utc_now()
SINCE = NOW - timedelta(days=2)
WHO = "vera@example.ru"
#: A partial index holds what is open only.
OPEN_ONLY = ("ix_tasks_open", "ix_messages_awaiting")
ASKED: dict[str, Callable[[Database], Any]] = {
    "mine": lambda db: tasks.list_tasks(db, TaskFilters(managers=(WHO,))),
    "free": lambda db: tasks.list_tasks(db, TaskFilters(managers=())),
    "overdue": lambda db: tasks.list_tasks(db, TaskFilters(due_before=NOW)),
    "done": lambda db: tasks.list_tasks(db, TaskFilters(done=True)),
    "about": lambda db: tasks.list_tasks(db, TaskFilters(about=("order", 1))),
    "badge": lambda db: tasks.overdue_count(db, WHO, NOW),
    "reminders": lambda db: tasks.to_remind(db, WHO, NOW, timedelta(minutes=10)),
    "team": lambda db: tasks.by_manager(db, NOW, SINCE),
    "calls of a number": lambda db: tasks.number_calls(db, "+79161234567", SINCE),
    "new orders": lambda db: today.new_records(db, "order", SINCE, WHO, 8),
    "new leads": lambda db: today.new_records(db, "lead", SINCE, WHO, 8),
    "waiting": lambda db: today.waiting_letters(db, WHO, 8),
    "how many wait": lambda db: today.waiting_count(db, WHO),
    "letters": lambda db: today.letters(db, RecordFilters(), False, None, 50, None),
    "letters that wait": lambda db: today.letters(db, RecordFilters(), True, WHO, 50, None),
    "conversation": lambda db: today.conversation(db, "<a@example.ru>"),
    "numbers": lambda db: today.day_numbers(db, SINCE, NOW),
}


@pytest.mark.parametrize("name", ASKED)
def test_no_list_walks(sqlite_store: Store, name: str) -> None:
    with plans(sqlite_store) as found:
        ASKED[name](sqlite_store.database)
    assert found
    for statement, plan in found:
        walks = [
            line
            for line in plan
            if (SCAN.search(line) or "SCAN tasks" in line)
            and not any(index in line for index in OPEN_ONLY)
            # In the order of an index, to the page's end.
            and not ("ORDER BY" in statement and "LIMIT" in statement and "USING INDEX" in line)
        ]
        assert not walks, statement
