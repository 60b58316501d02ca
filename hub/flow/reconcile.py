"""Step reconcile: «they say» against «we have» for a period; what is missing is fetched.

A ledger row per connection and day: theirs, ours, recovered, unexplained.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, tuple_

from hub.crm.fold import Stamp
from hub.flow import call_backs
from hub.flow.map import Mappings
from hub.flow.sinks import sinks_for
from hub.flow.upsert import Upsert
from hub.mapping.model import MappedRecord
from hub.sdk.errors import ConfigError, HubError
from hub.sdk.traffic import Urgency
from hub.store.connections import Configured
from hub.store.database import insert_for, utc_now
from hub.store.models import bindings, reconciliations
from hub.store.store import Store
from hub.store.threads import short_ref
from hub.store.working_set import WorkingSet

CHUNK = 200
MAX_NAMED = 50


@dataclass(frozen=True)
class Told:
    """What the vendor tells of one day; a part adds to a record told before (a recording)."""

    day: str
    record: MappedRecord
    is_part: bool


@dataclass
class Day:
    """One day of the ledger."""

    theirs: int = 0
    ours: int = 0
    recovered: int = 0
    unexplained: int = 0
    missing: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def reconcile(
    store: Store, connection_name: str, since: datetime, until: datetime
) -> dict[str, dict[str, Any]]:
    """Compare a period (aware times) with the vendor's history; returns {day: counts}.

    ConfigError when the connection has no history to compare with.
    """
    configured = store.catalog.require(connection_name)
    history = configured.connector.history
    if history is None:
        raise ConfigError(
            f"{configured.connection.connector} has no history to compare with; "
            "a full sync run is its reconciliation"
        )
    days: dict[str, Day] = defaultdict(Day)
    mappings = Mappings(configured)
    chunk: list[Told] = []
    heads: set[tuple[str, str]] = set()
    for source in history(configured.connection.at(Urgency.BULK), since, until):
        at = source.occurred_at or since
        day = at.astimezone(configured.connection.timezone).date().isoformat()
        head = (source.entity, source.external_id)
        is_part = head in heads
        heads.add(head)
        days[day].theirs += not is_part
        # Parts of one record stay together: what is known is looked up once for a chunk.
        if len(chunk) >= CHUNK and not is_part:
            _compare(store, configured, chunk, days)
            chunk = []
        try:
            chunk.append(Told(day, mappings.apply(source), is_part))
        except HubError as error:
            _unexplained(days[day], source.external_id, error.message, is_part=is_part)
    _compare(store, configured, chunk, days)
    with store.database.write() as db:
        _write_ledger(db, configured, days)
    return {day: _counts(row) for day, row in sorted(days.items())}


def _compare(
    store: Store,
    configured: Configured,
    chunk: list[Told],
    days: dict[str, Day],
) -> None:
    """Count what is bound already; upsert what is not."""
    if not chunk:
        return
    with store.database.write() as db:
        known = _known(db, configured.id, (told.record for told in chunk))
        now = utc_now()
        ws = WorkingSet(db, now)
        upsert = Upsert(ws, configured, sinks_for(configured, store.catalog.all()))
        stamp = Stamp(now.isoformat(), now, configured.id)
        for told in chunk:
            day, record = days[told.day], told.record
            if (record.entity, short_ref(record.external_id)) in known:
                day.ours += not told.is_part
                continue
            mark = ws.mark()
            try:
                upsert.apply(record, stamp)
            except HubError as error:
                ws.rollback(mark)
                _unexplained(day, record.external_id, error.message, is_part=told.is_part)
                continue
            day.recovered += not told.is_part
            if not told.is_part and len(day.missing) < MAX_NAMED:
                day.missing.append(record.external_id)
        upsert.finish()
        ws.flush()
        call_backs.settle(store, upsert)


def _known(
    db: Connection, connection_id: int, records: Iterable[MappedRecord]
) -> set[tuple[str, str]]:
    keys = [(record.entity, short_ref(record.external_id)) for record in records]
    columns = (bindings.c.entity, bindings.c.external_id)
    query = select(*columns).where(
        bindings.c.connection_id == connection_id, tuple_(*columns).in_(keys)
    )
    return {(row.entity, row.external_id) for row in db.execute(query)}


def _unexplained(day: Day, external_id: str, reason: str, *, is_part: bool) -> None:
    day.unexplained += not is_part
    if len(day.reasons) < MAX_NAMED:
        day.reasons.append(f"{external_id}: {reason}"[:300])


def _counts(day: Day) -> dict[str, Any]:
    return {
        "theirs": day.theirs,
        "ours": day.ours,
        "recovered": day.recovered,
        "unexplained": day.unexplained,
    }


def _write_ledger(db: Connection, configured: Configured, days: dict[str, Day]) -> None:
    for day, row in sorted(days.items()):
        values = {
            **_counts(row),
            "details": {"missing": row.missing, "reasons": row.reasons},
            "created_at": utc_now(),
        }
        statement = insert_for(db, reconciliations).values(
            connection_id=configured.id, day=day, **values
        )
        db.execute(
            statement.on_conflict_do_update(index_elements=["connection_id", "day"], set_=values)
        )
