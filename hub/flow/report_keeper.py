"""Keeps the numbers of reports: notes which days changed, counts them anew, sums whole months."""

from __future__ import annotations

import logging
import time
from zoneinfo import ZoneInfo

from hub.store import leases, report_days
from hub.store.database import utc_now
from hub.store.store import Store

LEASE = "reports"
LEASE_SECONDS = 120.0
#: How long one round may count; the rest waits for the next.
ROUND_SECONDS = 20.0
log = logging.getLogger(__name__)


def keep(store: Store, round_seconds: float = ROUND_SECONDS) -> int:
    """One round. Returns how many marked days are left; 0 too when another process keeps them."""
    lease = leases.acquire(store.database, LEASE, leases.owner_name(), LEASE_SECONDS)
    if lease is None:
        return 0
    try:
        return _round(store, lease, round_seconds)
    finally:
        leases.release(store.database, lease, healthy=True)


def _round(store: Store, lease: leases.Lease, round_seconds: float) -> int:
    zone, end = ZoneInfo(store.settings.timezone), time.monotonic() + round_seconds
    report_days.mark_changes(store.database, zone)
    left = report_days.marked(store.database)
    while left and time.monotonic() < end:
        kind, day, mark = left.pop(0)
        report_days.recount(store.database, kind, day, mark, zone)
        with store.database.write(durable=False) as db:
            leases.fence(db, lease)
    if not left:
        report_days.sum_months(store.database, utc_now().astimezone(zone).date())
    return len(left)


def rebuild(store: Store) -> None:
    """Throw the kept numbers away and count every day anew."""
    report_days.forget(store.database)
    while keep(store, round_seconds=3600):
        pass
