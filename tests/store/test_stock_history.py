"""P: what was kept of the days, with what is stored now, gives the stock of any day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.store import stock, stock_history, stock_stage
from hub.store.lists.stock import level_days
from hub.store.models import stock_history as kept
from hub.store.models import stock_levels
from hub.store.stock_rows import Origin
from hub.store.store import Store
from tests.store.test_stock_levels import MOSCOW, level
from tests.support.hub import hasten
from tests.support.rows import Rows

#: Local midnight is 21:00 UTC of the day before.
BEGIN = datetime(2026, 1, 12, 20, 30, tzinfo=UTC)
FIRST = date(2026, 1, 12)
#: Hours until the next thing happens, what happens, and to which numbers.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(["page", "page", "page", "webhook", "gone", "replaced"]),
        st.integers(-3, 9),
        st.sampled_from([None, 0, 2]),
    ),
    min_size=1,
    max_size=9,
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the moment at which levels are written."""
    held = [BEGIN]
    for module in (stock, stock_history, stock_stage):
        monkeypatch.setattr(module, "utc_now", lambda: held[0])

    def set_to(moment: datetime) -> None:
        held[0] = moment

    return set_to


class Warehouse:
    """One level of tea in a store, and what it should be told of it."""

    def __init__(self, store: Store, connection_id: int) -> None:
        self.store, self.connection_id = store, connection_id
        self.run_id = 0

    def happen(self, what: str, quantity: int, reserved: int | None, at: datetime) -> None:
        """A page or webhook tells of tea, or of nothing but salt."""
        self.run_id += 1
        run = None if what in {"webhook", "gone"} else self.run_id
        origin = Origin(self.connection_id, "" if run is None else "stock", run, at, MOSCOW)
        free = str(quantity - (reserved or 0))
        tea = level("tea", "А", str(quantity), available=free)
        with self.store.database.write() as db:
            if what == "gone":
                stock.forget_item(db, origin, "tea", self.run_id)
            elif what == "replaced":
                rows = [level("tea", "Б", "1")]
                stock.write_rows(db, origin, rows, replaces=True)
            else:
                stock.write_rows(db, origin, [tea])

    def value(self) -> tuple[Decimal, Decimal | None] | None:
        """What the store says now."""
        with self.store.database.read() as db:
            row = db.execute(
                select(stock_levels).where(stock_levels.c.warehouse_key == "А")
            ).first()
        return None if row is None else (row.quantity, row.available)

    def days(self, first: date, last: date) -> dict[date, tuple[Decimal, Decimal | None]]:
        """What the history says of each day."""
        with self.store.database.read() as db:
            key = db.scalar(select(stock_levels.c.id).where(stock_levels.c.warehouse_key == "А"))
        found = level_days(self.store.database, key or 0, first, last, MOSCOW)
        return {day.day: (day.quantity, day.available) for day in found}


def a_warehouse(store: Store) -> Warehouse:
    with store.database.write() as db:
        for table in (kept, stock_levels):
            db.execute(table.delete())
    rows = Rows(store)
    known = store.catalog.get("onec")
    return Warehouse(store, known.id if known else rows.connection("onec"))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
def test_history_and_the_present_give_any_day(
    store: Store, clock: Callable[[datetime], None], steps: list[tuple[int, str, int, Any]]
) -> None:
    place, now = a_warehouse(hasten(store)), BEGIN
    at_end: dict[date, tuple[Decimal, Decimal | None]] = {}
    for hours, what, quantity, reserved in steps:
        before, then = place.value(), now + timedelta(hours=hours)
        day = now.astimezone(MOSCOW).date()
        while day < then.astimezone(MOSCOW).date():
            # Days that ended since the last step ended with what was then.
            if before is not None:
                at_end[day] = before
            day += timedelta(days=1)
        now = then
        clock(now)
        place.happen(what, quantity, reserved, now)
    if (last := place.value()) is not None:
        at_end[now.astimezone(MOSCOW).date()] = last
    assert place.days(FIRST, FIRST + timedelta(days=60)) == at_end


def test_a_first_load_keeps_nothing_and_a_day_is_kept_once(
    store: Store, clock: Callable[[datetime], None]
) -> None:
    place = a_warehouse(store)
    clock(BEGIN)
    place.happen("page", 5, None, BEGIN)
    with store.database.read() as db:
        assert db.execute(select(kept)).all() == []
    for quantity in (4, 3, 2):
        place.happen("page", quantity, None, BEGIN)
    with store.database.read() as db:
        (row,) = db.execute(select(kept)).all()
    # 23:30 in Moscow; the value before the day's first change, and whose it was.
    assert (row.day, row.quantity, row.run_id) == ("2026-01-12", 5, 1)
    clock(BEGIN + timedelta(hours=1))
    place.happen("page", 1, None, BEGIN + timedelta(hours=1))
    assert place.days(FIRST, FIRST + timedelta(days=1)) == {
        FIRST: (Decimal(2), Decimal(2)),
        FIRST + timedelta(days=1): (Decimal(1), Decimal(1)),
    }


def test_a_change_of_price_alone_is_no_change_of_stock(
    store: Store, clock: Callable[[datetime], None]
) -> None:
    place = a_warehouse(store)
    clock(BEGIN)
    place.happen("page", 5, None, BEGIN)
    with store.database.write() as db:
        origin = Origin(place.connection_id, "stock", 2, BEGIN, MOSCOW)
        stock.write_rows(db, origin, [level("tea", "А", "5", price="99")])
        assert db.execute(select(kept)).all() == []


def test_what_comes_back_goes_on_with_its_history(
    store: Store, clock: Callable[[datetime], None]
) -> None:
    place = a_warehouse(store)
    for days, (what, quantity) in enumerate([("webhook", 5), ("gone", 0), ("webhook", 7)]):
        at = BEGIN + timedelta(days=days)
        clock(at)
        place.happen(what, quantity, None, at)
    assert [value for value, _ in place.days(FIRST, FIRST + timedelta(days=9)).values()] == [
        5,
        0,
        7,
    ]
