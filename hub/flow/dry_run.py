"""What a replay would do, tried without writing: parsed, mapped and laid over what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.flow import resolve, stock
from hub.flow.drain import policy_of
from hub.flow.parse import StoredEvent, load_events
from hub.flow.prepare import Prepared, prepare
from hub.flow.retry import decide
from hub.flow.sinks import sinks_for
from hub.flow.upsert import Upsert
from hub.store.connections import Configured
from hub.store.database import utc_now
from hub.store.store import Store
from hub.store.working_set import WorkingSet

CHANGED, UNCHANGED, FAILED, IGNORED = "changed", "unchanged", "failed", "ignored"


@dataclass(frozen=True)
class Tried:
    """What would become of one event: the records it would change, or why it would fail."""

    event_id: int
    outcome: str
    code: str = ""
    message: str = ""
    changes: Sequence[Mapping[str, Any]] = field(default=())
    stock_rows: int = 0


def try_events(store: Store, ids: Sequence[int]) -> list[Tried]:
    """Try these events in order; nothing is written."""
    with store.database.read() as db:
        loaded = load_events(db, ids)
    groups: dict[int, list[StoredEvent]] = defaultdict(list)
    for one in loaded:
        groups[one.connection_id].append(one)
    found: list[Tried] = []
    for connection_id, group in groups.items():
        configured = store.catalog.by_id(connection_id)
        if configured is None:
            found += [
                Tried(one.id, FAILED, "config", "the connection cannot be used") for one in group
            ]
        else:
            found += _try_group(store, configured, group)
    return sorted(found, key=lambda one: one.event_id)


def _try_group(store: Store, configured: Configured, group: Sequence[StoredEvent]) -> list[Tried]:
    prepared = prepare(configured, group)
    # A transaction that is never committed; the working set writes at its flush, which never comes.
    with store.database.read(streaming=True) as db:
        ws = WorkingSet(db, utc_now())
        upsert = Upsert(ws, configured, sinks_for(configured, store.catalog.all()))
        items = [
            (record, one.stamp, one.stored.key)
            for one in prepared
            if one.error is None
            for record in one.records
        ]
        ws.preload(*resolve.lookups(items))
        return [_try_one(store, upsert, one) for one in prepared]


def _try_one(store: Store, upsert: Upsert, one: Prepared) -> Tried:
    mark, told, held = upsert.ws.mark(), len(upsert.ws.logged), len(upsert.stock)
    error = one.error
    if error is None:
        try:
            for place, record in enumerate(one.records):
                fallback = one.stored.key if place == 0 else f"{one.stored.key}#{place}"
                upsert.apply(record, one.stamp, fallback)
                stock.check_webhook_row(record)
        except Exception as caught:
            error = caught
    if error is not None:
        upsert.ws.rollback(mark)
        del upsert.stock[held:]
        decision = decide(error, 1, utc_now(), policy_of(store))
        outcome = IGNORED if decision.status == "ignored" else FAILED
        return Tried(one.stored.id, outcome, decision.code, decision.message)
    changes = [dict(entry) for entry in upsert.ws.logged[told:]]
    rows = len(upsert.stock) - held
    return Tried(
        one.stored.id,
        CHANGED if changes or rows or one.wanted else UNCHANGED,
        changes=changes,
        stock_rows=rows,
    )
