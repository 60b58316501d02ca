"""The watch: the scheduler that leads looks for troubles now and then and settles the incidents."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hub.flow import checks, reconcile_jobs, tell
from hub.queues import queues_for
from hub.store import facts, incidents, leases, notice_channels
from hub.store.database import is_away, utc_now
from hub.store.incidents import Finding, Turn
from hub.store.store import Store

EVERY_SECONDS = 15.0
HEARTBEAT = "tick_at"
#: A scheduler sweeps every two seconds.
SILENT_AFTER = timedelta(minutes=1)
#: What a restart brings for a moment must last so long before it is a trouble.
PATIENT = {"workers": 40.0, "redis": 40.0, "queue_old": 20.0}
log = logging.getLogger("hub.incidents")


class Watch:
    """What one scheduler remembers between two looks."""

    def __init__(self) -> None:
        self._looked_at = float("-inf")
        self._since: dict[str, datetime] = {}

    def keep(self, store: Store, lease: leases.Lease | None) -> None:
        """Look if it is time to; a look that fails stops no sweep."""
        if time.monotonic() - self._looked_at < EVERY_SECONDS:
            return
        self._looked_at = time.monotonic()
        try:
            self.look(store, lease)
        except leases.LeaseLostError:
            raise
        except Exception as error:
            if is_away(error):
                raise
            log.exception("the watch failed")

    def look(
        self, store: Store, lease: leases.Lease | None = None, now: datetime | None = None
    ) -> list[Turn]:
        """One look; returns what became of the incidents."""
        moment = now or utc_now()
        findings = self._lasting(checks.look(store, moment), moment)
        with store.database.write() as db:
            if lease is not None:
                leases.fence(db, lease, healthy=True)
            turns = incidents.settle(db, findings, moment, ZoneInfo(store.settings.timezone))
        for turn in turns:
            extra = {"incident": turn.incident_id, "event": turn.event}
            log.warning("incident %s", turn.event, extra={**extra, "reason": turn.message[:300]})
        if turns:
            tell.topic(store, "incidents", [turn.incident_id for turn in turns])
        reconcile_jobs.plan_nightly(store, moment)
        return turns

    def _lasting(self, findings: Collection[Finding], now: datetime) -> list[Finding]:
        """Those that have been there for long enough to be told of."""
        present = {one.key for one in findings if one.kind in PATIENT}
        self._since = {key: self._since.get(key, now) for key in present}
        return [
            one
            for one in findings
            if one.kind not in PATIENT
            or (now - self._since[one.key]).total_seconds() >= PATIENT[one.kind]
        ]


def last_sweep(store: Store) -> datetime | None:
    """When a scheduler last swept; None: none ever did."""
    with store.database.read() as db:
        kept = facts.get_fact(db, HEARTBEAT)
    return datetime.fromisoformat(kept) if kept else None


def is_silent(at: datetime | None, now: datetime) -> bool:
    """Whether no scheduler is at work. It is what opens incidents, so the page says it itself."""
    return at is None or now - at > SILENT_AFTER


def ring_chores(store: Store) -> None:
    """Ring for notices and reconciliations that are due."""
    with store.database.read() as db:
        is_due = notice_channels.has_due(db, utc_now()) or reconcile_jobs.open_ids(db)
    if is_due:
        queues_for(store.settings).ring_chores()
