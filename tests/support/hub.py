"""A hub driven in this process: requests come in, the work is done when the test says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, select, update
from sqlalchemy.event import listens_for

from connectors.standard_webhook import emulator as site
from hub.flow import drain, poll, receive
from hub.registry import connector
from hub.sdk.request import RawRequest
from hub.store import connections
from hub.store.connections import Configured
from hub.store.database import utc_now
from hub.store.models import connections as connections_table
from hub.store.models import deliveries, events, stock_levels, sync_runs
from hub.store.store import Store

NOW = datetime(2026, 1, 12, 15, 21, 12, tzinfo=UTC)
Row = dict[str, Any]
#: What no two stores or orders of events need agree on.
BOOKKEEPING = frozenset(
    {
        "id",
        "created_at",
        "updated_at",
        "origins",
        "parts",
        "external_id",
        "deleted_at",
        "is_settled",
    }
)


class Hub:
    """A store and what one does with it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def connect(self, name: str, document: Mapping[str, Any]) -> Configured:
        """Add or change a connection."""
        with self.store.database.write() as db:
            connections.save(db, self.store.vault, name, document, author="test")
        self.store.catalog.forget()
        return self.store.catalog.require(name)

    def site(self, name: str = "site", **changes: Any) -> Configured:
        """A site with lead forms; `changes` replace keys of its connection file."""
        return self.connect(name, {**site.Emulator().connection(), **changes})

    def set_state(self, name: str, state: str) -> None:
        """Pause or resume a connection."""
        with self.store.database.write() as db:
            connections.set_state(db, self.store.catalog.require(name).id, state)
        self.store.catalog.forget()

    def post(self, name: str, request: RawRequest, at: datetime = NOW) -> receive.Received:
        """A request comes in."""
        return receive.receive(self.store, self.store.catalog.require(name), request, at)

    def drain(self, name: str = "site") -> int:
        """Work off what waits; returns how many events were taken up."""
        return drain.drain(self.store, self.store.catalog.require(name).id, max_seconds=30)

    def sync(self, name: str, stream: str) -> Row:
        """Run a stream; returns the run."""
        run_id = poll.request_run(self.store, name, stream, "person")
        poll.run_sync(self.store, run_id)
        self.store.catalog.forget()
        return self.run(run_id)

    def run(self, run_id: int) -> Row:
        """A sync run as it stands."""
        return self.one(sync_runs, id=run_id)

    def option(self, path: str, value: Any) -> None:
        """Set a value of hub.yml by dotted path."""
        node: Any = self.store.settings.file
        *groups, name = path.split(".")
        for group in groups:
            node = node.setdefault(group, {})
        node[name] = value

    def rows(self, table: Table, **where: Any) -> list[Row]:
        """The rows of a table with these values, by id where there is one."""
        query = select(table).where(*(table.c[name] == value for name, value in where.items()))
        order = [table.c.id] if "id" in table.c else list(table.primary_key)
        with self.store.database.read() as db:
            return [dict(row) for row in db.execute(query.order_by(*order)).mappings()]

    def one(self, table: Table, **where: Any) -> Row:
        """The only row of a table with these values."""
        found = self.rows(table, **where)
        assert len(found) == 1, f"{len(found)} rows of {table.name} instead of one"
        return found[0]

    def levels(self, **where: Any) -> list[Row]:
        """The stock levels that are there, not those that their source no longer has."""
        return self.rows(stock_levels, **{"removed_at": None, **where})

    def statuses(self) -> dict[str, int]:
        """How many events have each status."""
        counts: dict[str, int] = {}
        for row in self.rows(events):
            counts[row["status"]] = counts.get(row["status"], 0) + 1
        return counts

    def make_due(self, table: Table = events) -> None:
        """Let the waiting time of events (or deliveries) be over."""
        column = "due_at" if table is deliveries else "retry_at"
        with self.store.database.write() as db:
            past = utc_now() - timedelta(seconds=1)
            db.execute(update(table).where(table.c.status == "waiting").values({column: past}))

    def state(self, name: str) -> str:
        """A connection's state."""
        return str(self.one(connections_table, name=name)["state"])


def hasten(store: Store) -> Store:
    """The store without waits for the disk, for tests that pull no plug."""
    if store.database.is_sqlite:
        store.database.dispose()

        @listens_for(store.database.engine, "connect")
        def _quick(raw: Any, _record: Any) -> None:
            raw.execute("PRAGMA synchronous=OFF")

    return store


def shown(row: Mapping[str, Any]) -> Row:
    """A record's columns that the API shows, without what differs by birth."""
    return {name: value for name, value in row.items() if name not in BOOKKEEPING}


def patch_parse(monkeypatch: pytest.MonkeyPatch, parse: Any, name: str = "standard_webhook") -> Any:
    """Replace a connector's `parse`; returns the real one."""
    real = connector(name).parse
    monkeypatch.setitem(connector(name).__dict__, "parse", parse)
    return real


def lead(number: int, **changes: Any) -> RawRequest:
    """A signed lead of one person per number; `changes` replace its fields."""
    body = {
        "id": f"L-{number}",
        "subject": f"Заявка {number}",
        "name": f"Клиент {number}",
        "phone": f"+7916{number:07}",
        "email": f"client{number}@example.ru",
        "utm": {"source": "direct"},
    }
    event_id = changes.pop("event_id", f"evt-{number}")
    return site.signed({"id": event_id, "type": "lead", "lead": {**body, **changes}})
