"""Parse to upsert for the waiting events of one connection, a batch in one transaction.

The lease makes one worker the only one; its token is proved inside the transaction, so a worker
that slept past its lease writes nothing. Parse and map run outside the transaction: on SQLite the
gateway must not wait for them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from hub.flow import call_backs, journal, looks, stock, tell, wanted
from hub.flow.hold import hold
from hub.flow.parse import StoredEvent
from hub.flow.prepare import Prepared, prepare
from hub.flow.retry import Policy
from hub.flow.sinks import sinks_for
from hub.flow.upsert import Upsert
from hub.sdk.errors import PayloadError, RetryLater
from hub.store import bulk, connections, leases, trips
from hub.store.connections import Configured
from hub.store.database import is_away, is_refused_value, utc_now
from hub.store.models import events
from hub.store.store import Store
from hub.store.working_set import WorkingSet

CONFLICT_TRIES = 3
DEFAULT_DEATHS = 5

log = logging.getLogger(__name__)


def policy_of(store: Store) -> Policy:
    """The retry policy of this hub."""
    policy = Policy()
    return Policy(
        tuple(store.settings.option("events.retry_schedule", policy.schedule)),
        int(store.settings.option("events.bug_tries", policy.bug_tries)),
    )


@dataclass(frozen=True)
class Drained:
    """How many events were finished or put off, and whether some may be left for another turn."""

    done: int
    more: bool


def drain(store: Store, connection_id: int, max_seconds: float = 5.0) -> int:
    """Work off the waiting events of a connection; returns how many were finished or put off."""
    return work_off(store, connection_id, max_seconds).done


def work_off(store: Store, connection_id: int, max_seconds: float = 5.0) -> Drained:
    """Work off the waiting events of a connection.

    Nothing happens while the connection is paused or another worker holds the lease. Having given
    the lease back it looks once more, for what came while its last batch was under way.
    """
    until = time.monotonic() + max_seconds
    done, (seen, lease) = 0, looks.first(store, connection_id)
    while seen:
        if done and time.monotonic() >= until:
            return Drained(done, more=True)
        turn = _turn(store, connection_id, until, seen, lease)
        done += turn
        if not turn:
            break
        # Most likely nothing is left: only looked at, for on SQLite a lease takes the write lock.
        seen, lease = looks.again(store, connection_id), None
    return Drained(done, more=False)


def _turn(
    store: Store,
    connection_id: int,
    until: float,
    seen: Sequence[StoredEvent],
    lease: leases.Lease | None,
) -> int:
    """Batches under one lease, until nothing is left or the time is over; how many events. `seen`
    is what was open before the lease was ours: the first batch, whose events prove in their
    transaction that nobody has done them since."""
    lease = lease or looks.acquire(store, connection_id)
    if lease is None:
        return 0
    batch_size = looks.batch_size(store)
    careful = batch_size if lease.deaths else 0
    ready: Sequence[StoredEvent] = [] if careful else seen
    done, is_calm, is_held = 0, False, True
    try:
        while is_held and (not done or time.monotonic() < until):
            configured = looks.active(store, connection_id)
            if configured is None:
                break
            size = 1 if careful else batch_size
            if ready:
                batch, ready, size = ready, [], min(looks.LOOK, batch_size)
            else:
                batch = looks.claim(store, connection_id, size)
            if not batch:
                # Nothing is left that could have killed the holder before us.
                is_calm = True
                break
            if careful and not _survives(store, lease, batch[0].id):
                continue
            careful = max(0, careful - 1)
            # A batch that is not full is likely the last: the lease is given back with it.
            last = not careful and len(batch) < size
            is_held = _batch(store, configured, lease, batch, healthy=careful == 0, last=last)
            done += len(batch)
    except leases.LeaseLostError:
        is_held = False
        log.warning("lease lost", extra={"connection": configured.name if configured else ""})
    finally:
        if is_held:
            leases.release(store.database, lease, healthy=is_calm)
    return done


def _survives(store: Store, lease: leases.Lease, event_id: int) -> bool:
    """Count that this event is held by a worker; park it once it has killed too many."""
    limit = int(store.settings.option("events.poison_deaths", DEFAULT_DEATHS))
    with store.database.write() as db:
        leases.fence(db, lease)
        deaths = db.scalar(select(events.c.deaths).where(events.c.id == event_id)) or 0
        # Holders that died in a row, too: a store that went away under a living one is no death.
        if deaths >= limit and lease.deaths >= limit:
            message = f"a worker died {deaths} times while it worked on this event"
            db.execute(
                update(events)
                .where(events.c.id == event_id)
                .values(
                    status="dead",
                    error_code="poison",
                    error_message=message,
                    deaths=0,
                    finished_at=utc_now(),
                )
            )
            return False
        db.execute(update(events).where(events.c.id == event_id).values(deaths=deaths + 1))
    return True


def _batch(
    store: Store,
    configured: Configured,
    lease: leases.Lease,
    stored: Sequence[StoredEvent],
    *,
    healthy: bool,
    last: bool,
) -> bool:
    """Do a batch; whether the lease is still held: `last` gives it back with the batch."""
    prepared = prepare(configured, stored)
    for attempt in range(CONFLICT_TRIES):
        try:
            with store.database.write() as db:
                proof = leases.proof(lease, healthy=healthy, last=last)
                logged = _apply(store, configured, db, prepared, lease, proof)
            tell.batch(store, configured.id, logged)
            wanted.ring(store, configured.id, prepared)
            return not last
        except connections.ChangedError:
            # Its mapping, perhaps: what was prepared by the old one is prepared anew.
            store.catalog.forget()
            return True
        except IntegrityError as error:
            log.info("another transaction was quicker (%s), attempt %d", error.orig, attempt + 1)
        except Exception as error:
            if is_away(error) or isinstance(error, leases.LeaseLostError):
                raise
            # A value that the database or its driver refuses: find whose it is.
            log.info("the batch is written one by one (%s)", type(error).__name__)
            break
    try:
        for one in prepared:
            tell.batch(store, configured.id, _alone(store, configured, lease, one))
    except connections.ChangedError:
        store.catalog.forget()
    return True


def _apply(
    store: Store,
    configured: Configured,
    db: Connection,
    prepared: Sequence[Prepared],
    lease: leases.Lease,
    proof: bulk.Question,
) -> Sequence[Mapping[str, Any]]:
    """Write what was prepared; returns the journal entries it made."""
    now = utc_now()
    ws = WorkingSet(db, now)
    prepared = hold(ws, configured, prepared, lease, proof)
    if not prepared:
        return ()
    upsert = Upsert(ws, configured, sinks_for(configured, store.catalog.all()))
    results = [(one, _apply_one(upsert, one)) for one in prepared]
    upsert.finish()
    wanted.want(db, configured.id, prepared, now)
    asks_more = call_backs.concern(upsert) or upsert.stock
    if asks_more:
        with trips.one_way(db):
            ws.flush()
        call_backs.settle(store, upsert)
        stock.apply_webhook_rows(db, configured, upsert.stock, now)
    if not db.in_nested_transaction():
        trips.to_the_end(db)
    if not asks_more:
        ws.flush()
    journal.record(db, configured, results, policy_of(store), now)
    return ws.logged


def _apply_one(upsert: Upsert, one: Prepared) -> BaseException | None:
    if one.error is not None:
        return one.error
    mark, held = upsert.ws.mark(), len(upsert.stock)
    try:
        for place, record in enumerate(one.records):
            fallback = one.stored.key if place == 0 else f"{one.stored.key}#{place}"
            upsert.apply(record, one.stamp, fallback)
            stock.check_webhook_row(record)
    except Exception as error:
        upsert.ws.rollback(mark)
        del upsert.stock[held:]
        return error
    return None


def _alone(
    store: Store, configured: Configured, lease: leases.Lease, one: Prepared
) -> Sequence[Mapping[str, Any]]:
    """One event in a transaction of its own, its changes behind a savepoint; what it changed."""
    with store.database.write() as db:
        leases.fence(db, lease)
        try:
            with db.begin_nested():
                return _apply(store, configured, db, [one], lease, leases.proof(lease))
        except Exception as error:
            if is_away(error) or isinstance(error, connections.ChangedError):
                raise
            one.error, one.step = _blame(error), "upsert"
            journal.record(db, configured, [(one, one.error)], policy_of(store), utc_now())
            return ()


def _blame(error: Exception) -> Exception:
    """Whose fault it is that the store did not take an event's records."""
    if isinstance(error, IntegrityError):
        return RetryLater("another transaction made the same record at the same moment")
    if is_refused_value(error):
        cause = getattr(error, "orig", None) or error
        return PayloadError(f"the store cannot hold a value of this event: {cause}")
    return error
