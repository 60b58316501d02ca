"""Every number of a report is what a plain recount finds, and lists exactly its records."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from hub.crm import reports
from hub.crm.merges import merge
from hub.crm.periods import between
from hub.crm.report_model import Figure
from hub.flow.report_keeper import keep, rebuild
from hub.store import report_days
from hub.store.database import utc_now
from hub.store.lists.report_records import Wanted, list_counted
from hub.store.models import calls, changes, leads, messages, orders
from hub.store.store import Store
from tests.crm import recount
from tests.support.people import IRINA, PAVEL, STRANGER
from tests.support.rows import Rows

ZONE = ZoneInfo("Asia/Kolkata")
TODAY = date(2026, 3, 20)
FIRST, LAST = date(2026, 1, 30), date(2026, 3, 4)
MANAGERS = ("vera@example.ru", "gleb@example.ru", None)


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted is not looked at again for a while."""
    monkeypatch.setattr(report_days, "GRACE", timedelta())


@pytest.fixture
def people(rows: Rows) -> list[int]:
    """Three clients."""
    return [rows.contact(one) for one in (IRINA, PAVEL, STRANGER)]


def chance(seed: int) -> random.Random:
    """The same dice each time."""
    return random.Random(seed)  # noqa: S311  # chance, not secrecy


def moment(dice: random.Random) -> datetime:
    """Any minute around the period, round ones too often: midnights, equal times."""
    minutes = dice.choice((dice.randrange(40 * 1440), dice.randrange(40) * 1440 + 1110))
    return datetime(2026, 1, 28, tzinfo=UTC) + timedelta(minutes=minutes)


def fill(store: Store, people: list[int], dice: random.Random, count: int = 40) -> None:
    """Records of every kind at random."""
    now = utc_now()
    shared = {"created_at": now, "updated_at": now, "extra": {}, "origins": {}}
    numbers = ("+79161234567", "+79031112233", "")
    for _ in range(count):
        inward = dice.random() < 0.6
        number, line = dice.choice(numbers), dice.choice(("+74951234567", None))
        values: dict[str, Any] = {
            "direction": "in" if inward else dice.choice(("out", "internal")),
            "status": dice.choice(("answered", "missed", "busy")),
            "from_number": number if inward else "101",
            "to_number": "101" if inward else number,
            "line_number": line,
            "started_at": moment(dice),
            "wait_seconds": dice.choice((None, 3, 7, 40)),
            "talk_seconds": dice.choice((None, 0, 65)),
            "manager": dice.choice(MANAGERS),
        }
        add(store, calls, {**shared, **values, "parts": {}})
        who = dice.choice((*people, None))
        received = dice.choice((moment(dice), None))
        add(store, leads, {
            **shared, "created_at": moment(dice), "received_at": received, "contact_id": who,
            "channel": dice.choice(("site", "Авито", None)), "manager": dice.choice(MANAGERS),
            "campaign": dice.choice(("весна", None)),
        })  # fmt: skip
        add(store, orders, {
            **shared, "placed_at": moment(dice), "contact_id": who, "lines": [],
            "status": dice.choice(("completed", "processing", "cancelled", None)),
            "erp_cancelled": dice.choice((None, False, True)),
            "paid_at": dice.choice((None, now)), "currency": dice.choice(("RUB", "USD", None)),
            "total": dice.choice((None, Decimal("0.1"), Decimal("1234.05"))),
            "channel": dice.choice(("site", None)), "manager": dice.choice(MANAGERS),
        })  # fmt: skip
        add(store, messages, {
            **shared, "sent_at": moment(dice), "contact_id": who,
            "direction": dice.choice(("in", "out")), "thread_key": dice.choice(("a", "b", None)),
            "kind": dice.choice(("mail", "mail", "bulk")), "manager": dice.choice(MANAGERS),
        })  # fmt: skip


def add(store: Store, table: Any, values: dict[str, Any]) -> None:
    with store.database.write() as db:
        db.execute(insert(table).values(values))


def figures(report: reports.Report) -> Iterator[tuple[str, Figure]]:
    """Every number of a report, with its place."""
    for figure in report.figures:
        yield figure.name, figure
    for table in report.tables:
        for key, row in table.rows:
            for figure in row.values():
                yield f"{table.name} {key} {figure.name}", figure


def build(store: Store, name: str, manager: str = "") -> reports.Report:
    return reports.build(store.database, name, between(FIRST, LAST), ZONE, TODAY, manager)


def check(store: Store, manager: str = "") -> None:
    """Every report agrees with the recount, and each number with the list behind it."""
    period = between(FIRST, LAST)
    for name in reports.NAMES:
        report = build(store, name, manager)
        assert report.pending == 0
        expected = recount.RECOUNTS[name](recount.rows(store, name, period, ZONE, manager))
        told = {figure.name: figure.value for figure in report.figures}
        assert {key: told[key] for key in expected} == expected, name
        for place, figure in figures(report):
            if figure.records is None or (figure.unit != "count" and "goal" not in figure.name):
                continue
            listed = count(store, figure.records)
            if figure.unit == "count":
                assert listed == figure.value, f"{name}: {place}"


def count(store: Store, records: Any) -> int:
    exact = {key: value for key, value in records.items() if key not in ("kind", "since", "until")}
    wanted = Wanted(records["kind"], FIRST, LAST, exact)
    found, cursor = 0, None
    while True:
        page = list_counted(store.database, wanted, ZONE, 200, cursor)
        found, cursor = found + len(page.items), page.next_cursor
        if cursor is None:
            return found


@pytest.fixture
def store(store: Store) -> Store:
    """A company half an hour off the full hours."""
    return Store(
        settings=store.settings.__class__(**{**vars_of(store), "timezone": ZONE.key}),
        database=store.database,
        vault=store.vault,
    )


def vars_of(store: Store) -> dict[str, Any]:
    names = store.settings.__dataclass_fields__
    return {name: getattr(store.settings, name) for name in names}


def test_numbers_are_those_of_a_recount(store: Store, people: list[int]) -> None:
    fill(store, people, chance(1))
    rebuild(store)
    check(store)
    check(store, "vera@example.ru")


def has_months(store: Store) -> bool:
    """Whether February is read as one sum, not day by day."""
    kept = report_days.read(store.database, "orders", "*", FIRST, LAST, ZONE)
    days = [day for day in kept.parts if day.startswith("2026-02-")]
    assert bool(days) != ("2026-02" in kept.parts)
    return not days


def test_late_changes_moves_deletions_and_merges(store: Store, people: list[int]) -> None:
    fill(store, people, chance(3), 20)
    rebuild(store)
    assert has_months(store)
    later = utc_now()
    with store.database.write() as db:
        for table, entity, name in ((calls, "call", "started_at"), (orders, "order", "placed_at")):
            row = db.execute(select(table).order_by(table.c.id).limit(1)).one()
            db.execute(
                update(table)
                .where(table.c.id == row.id)
                .values({name: datetime(2026, 2, 20, 12, tzinfo=UTC), "updated_at": later})
            )
            before = [getattr(row, name).isoformat(), "2026-02-20T12:00:00Z"]
            db.execute(insert(changes).values(
                entity=entity, record_id=row.id, action="updated", fields={name: before}, at=later,
            ))  # fmt: skip
            db.execute(
                update(table)
                .where(table.c.id == row.id + 1)
                .values(deleted_at=later, updated_at=later)
            )
    merge(store, people[0], people[1], "test")
    assert not has_months(store)
    while keep(store):
        pass
    assert has_months(store)
    check(store)


def test_a_reader_is_not_behind_the_records(store: Store, people: list[int]) -> None:
    rebuild(store)
    fill(store, people, chance(4), 1)
    # Nobody has counted since: the few new days are counted by the reader.
    report = build(store, "messages")
    assert report.pending == 0
    check(store)


def test_nothing_is_counted_twice_when_a_day_is_marked_meanwhile(
    store: Store, people: list[int]
) -> None:
    fill(store, people, chance(7), 5)
    report_days.mark_changes(store.database, ZONE)
    kind, day, mark = report_days.marked(store.database)[0]
    with store.database.write() as db:
        report_days.mark(db, kind, [day])
    report_days.recount(store.database, kind, day, mark, ZONE)
    assert (kind, day, mark + 1) in report_days.marked(store.database)
