"""P3 with everything at once: calls and orders of three connections that tell of the same people.

A state machine posts a script of events in any order, again, and in part; drains after any of
them; lets some fail and wait; replays; merges and separates contacts. Whatever it did, when all is
told and worked off the records are those of the script told once, in order, undisturbed.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connectors.mango.emulator import Emulator as Telephony
from hub.crm.fold import WHOLE
from hub.crm.merges import MergeError, merge, unmerge
from hub.flow.replay import replay_events
from hub.registry import connector
from hub.sdk.errors import RetryLater
from hub.sdk.request import Event, RawRequest
from hub.settings import Settings
from hub.store.models import calls, contact_points, contacts, events, merges, orders, timeline
from hub.store.store import Store
from tests.conftest import SECRET_KEY
from tests.flow import test_any_order_calls as any_calls
from tests.flow import test_any_order_orders as any_orders
from tests.support import servers
from tests.support.hub import Hub, Row, hasten, shown

SHOPS, PHONES = ("shop-a", "shop-b"), ("+79160000077", "+79160000078")
PATCHED = ("mango", "woocommerce")
#: (connection, request, moment of arrival)
Told = tuple[str, RawRequest, datetime]
Opener = Callable[[], Store]


def order_told(shop: str, number: int, version: any_orders.Version, name: str) -> Told:
    """One version of an order; order 1 is the first person's in every shop."""
    topic, changed, arrived, said = version
    billing = {
        **any_orders.BASE["billing"],
        "first_name": name,
        "phone": PHONES[number - 1],
        "email": f"buyer{number}@example.ru",
    }
    request, at = any_orders.request(
        (topic, changed, arrived, {**said, "billing": billing}), number
    )
    return shop, request, at


def call_told(message: any_calls.Message, number: int, repeat: int, second: int) -> Told:
    """One message about a call; its second of arrival is its own, whenever it is posted.

    A call has one client. What contradictory messages do to a call is another test's matter; a
    person once met stays met, so who is known would then depend on the order.
    """
    path, said = message
    if path != "events/recording":
        client = {"number": PHONES[number - 1].removeprefix("+")}
        said = {**said, "from": client, "to": {"extension": "101"}}
    if "call_direction" in said:
        said = {**said, "call_direction": 1}
    request = any_calls.request((path, said), f"call-{number}", repeat)
    return "pbx", request, any_calls.NOW + timedelta(seconds=second)


order_events = st.builds(
    order_told,
    st.sampled_from(SHOPS),
    st.integers(1, 2),
    any_orders.versions,
    st.sampled_from(["Анна", "Яна", "Ольга"]),
)
call_events = st.builds(
    call_told,
    any_calls.legs | any_calls.summaries | any_calls.recordings,
    st.integers(1, 2),
    st.integers(0, 1),
    st.integers(0, 5),
)


class Telling(RuleBasedStateMachine):
    """A script of events told anyhow, against the same script told well."""

    def __init__(self, fresh: Opener, plain: Opener) -> None:
        super().__init__()
        self.script: list[Told] = []
        self.hub, self.plain = Hub(fresh()), plain
        self.posted: set[int] = set()
        self.stumbling: set[bytes] = set()
        self.newest: dict[tuple[str, int], tuple[str, str]] = {}
        self.was_merged = False
        self.real = {name: connector(name).parse for name in PATCHED}
        for name in PATCHED:
            connector(name).__dict__["parse"] = partial(self._parse, name)
        connect(self.hub)

    def _parse(self, name: str, event: Event, connection: Any) -> Any:
        if event.request.body in self.stumbling:
            raise RetryLater("not yet")
        parse = self.real[name]
        assert parse
        return parse(event, connection)

    @initialize(told=st.lists(order_events | call_events, min_size=3, max_size=9))
    def write_the_script(self, told: list[Told]) -> None:
        self.script = told

    @rule(data=st.data())
    def tell(self, data: st.DataObject) -> None:
        """Any event, told before or not."""
        place = data.draw(st.integers(0, len(self.script) - 1))
        self.hub.post(*self.script[place])
        self.posted.add(place)

    @rule(data=st.data())
    def let_one_wait(self, data: st.DataObject) -> None:
        self.stumbling.add(data.draw(st.sampled_from(self.script))[1].body)

    @rule(batch=st.integers(1, 5))
    def drain(self, batch: int) -> None:
        self.hub.option("events.batch_size", batch)
        for name in (*SHOPS, "pbx"):
            self.hub.drain(name)
        # What waits is only what was made to wait: the rest of its lane and the others went on.
        assert not self.hub.rows(events, status="received")
        waiting = {row["id"] for row in self.hub.rows(events, status="waiting")}
        assert len(waiting) <= len(self.stumbling) * len(SHOPS)
        assert not self.hub.rows(events, status="dead", error_code="bug")

    @precondition(lambda self: self.stumbling)
    @rule()
    def the_wait_is_over(self) -> None:
        self.stumbling.clear()
        self.hub.make_due()

    @precondition(lambda self: self.posted)
    @rule(data=st.data(), step=st.sampled_from(["parse", "map"]))
    def replay_some(self, data: st.DataObject, step: str) -> None:
        finished = [row["id"] for row in self.hub.rows(events) if row["status"] != "received"]
        if finished:
            ids = data.draw(st.lists(st.sampled_from(finished), min_size=1, unique=True))
            replay_events(self.hub.store, ids, step, "test", "")

    @rule(back=st.booleans())
    def merge_or_separate(self, back: bool) -> None:
        with suppress(MergeError):
            if back:
                for row in self.hub.rows(merges, undone_at=None)[-1:]:
                    unmerge(self.hub.store, row["id"], "test")
            else:
                alive = [row["id"] for row in self.hub.rows(contacts, merged_into_id=None)]
                if len(alive) > 1:
                    merge(self.hub.store, alive[0], alive[1], "test")
                    self.was_merged = True

    @invariant()
    def nothing_grows_older(self) -> None:
        """What a record has seen is never replaced by something older."""
        for table in (orders, calls):
            for row in self.hub.rows(table):
                whole = (row["origins"] or {}).get(WHOLE)
                if whole:
                    said, key = (str(whole["v"]), str(whole.get("d", ""))), (table.name, row["id"])
                    assert said >= self.newest.get(key, said)
                    self.newest[key] = said

    @invariant()
    def every_record_has_one_entry_with_its_person(self) -> None:
        alive = {row["id"] for row in self.hub.rows(contacts, merged_into_id=None)}
        for kind, table in (("order", orders), ("call", calls)):
            entries = {row["record_id"]: row for row in self.hub.rows(timeline, kind=kind)}
            for row in self.hub.rows(table):
                owner = row["contact_id"]
                assert (owner is None) == (row["id"] not in entries)
                if owner is not None:
                    assert owner in alive
                    assert entries[row["id"]]["contact_id"] == owner

    def teardown(self) -> None:
        try:
            if self.script:
                self._finish()
        finally:
            for name, parse in self.real.items():
                connector(name).__dict__["parse"] = parse
            self.hub.store.database.dispose()

    def _finish(self) -> None:
        self.stumbling.clear()
        for place in range(len(self.script)):
            if place not in self.posted:
                self.hub.post(*self.script[place])
        self.hub.make_due()
        self.drain(3)
        assert not self.hub.rows(events, status="waiting")
        self.nothing_grows_older()
        self.every_record_has_one_entry_with_its_person()
        told = Hub(self.plain())
        connect(told)
        for name, request, at in self.script:
            told.post(name, request, at)
            told.drain(name)
        expected, found = outcome(told), outcome(self.hub)
        told.store.database.dispose()
        assert found["records"] == expected["records"]
        if not self.was_merged:
            # Merged in the middle, later news of one person is news of the other too.
            assert found == expected


def connect(hub: Hub) -> None:
    """Two shops and a telephony account."""
    any_orders.connect(hub, *SHOPS)
    hub.connect("pbx", Telephony(now=any_calls.NOW).connection())


def outcome(hub: Hub) -> dict[str, Any]:
    """Every record by what identifies it outside, people by their phones."""
    names = {one.id: one.name for one in hub.store.catalog.all()}
    phones = {row["id"]: row["phone"] for row in hub.rows(contacts)}
    records: dict[Any, Row] = {}
    owners: dict[Any, str | None] = {}
    for kind, table in (("order", orders), ("call", calls)):
        entries = {row["record_id"]: row for row in hub.rows(timeline, kind=kind)}
        for row in hub.rows(table):
            key = (kind, names[row["connection_id"]], row["external_id"])
            entry = entries.get(row["id"])
            records[key] = {
                **shown(row),
                "connection_id": None,
                "contact_id": None,
                "has_owner": row["contact_id"] is not None,
                "is_deleted": row["deleted_at"] is not None if "deleted_at" in row else False,
                "entry": entry and (entry["occurred_at"], entry["summary"]),
            }
            owners[key] = phones.get(row["contact_id"])
    people = {}
    for row in hub.rows(contacts):
        held = {
            (one["kind"], one["value"]) for one in hub.rows(contact_points, contact_id=row["id"])
        }
        words = sorted((row["search_text"] or "").split("\n"))
        people[row["phone"]] = {
            **shown(row),
            "connection_id": None,
            "search_text": words,
            "points": sorted(held),
        }
    return {"records": records, "owners": owners, "people": people}


def run(opener: Opener, plain: Opener, examples: int, steps: int) -> None:
    """Let the machine work."""
    run_state_machine_as_test(
        lambda: Telling(opener, plain),  # type: ignore[arg-type]  # any maker of machines will do
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def sqlite_opener(sqlite_template: Path, tmp_path: Path) -> Iterator[Opener]:
    """Opens an empty store on SQLite, another one each time."""
    numbers = itertools.count(1)
    opened: list[Store] = []

    def fresh() -> Store:
        home = tmp_path / f"home-{next(numbers)}"
        home.mkdir()
        shutil.copy(sqlite_template, home / "hub.db")
        store = Store.open(Settings(home=home, redis_url="unix:///none", secret_key=SECRET_KEY))
        opened.append(store)
        return hasten(store)

    yield fresh
    for store in opened:
        store.database.dispose()


@pytest.mark.timeout(600)
def test_calls_and_orders_told_anyhow(sqlite_opener: Opener) -> None:
    run(sqlite_opener, sqlite_opener, examples=15, steps=10)


@pytest.mark.timeout(600)
def test_calls_and_orders_told_anyhow_on_postgresql(
    sqlite_opener: Opener, postgres_cluster: servers.Postgres, tmp_path: Path
) -> None:
    """Against the outcome of SQLite: both stores end alike."""

    def fresh() -> Store:
        url = postgres_cluster.emptied()
        return Store.open(Settings(home=tmp_path, database_url=url, secret_key=SECRET_KEY))

    run(fresh, sqlite_opener, examples=3, steps=10)
