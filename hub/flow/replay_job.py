"""Replays of many events: a selection or a whole filter, in small batches, at a bounded speed.

The job's row is the truth. Whoever holds its lease opens a batch again and waits until the drain
has settled it before taking the next; each batch moves the job's position in the transaction that
opens it, so another worker goes on exactly there. A dry run tries the batches and writes nothing
but its findings.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from hub.flow import dry_run, find_events
from hub.flow.replay import STEPS, note, reopen, ring
from hub.queues import queues_for
from hub.sdk.errors import HubError, Rejected
from hub.store import audit, leases, replay_jobs
from hub.store.database import utc_now
from hub.store.kept_answers import Also
from hub.store.lists import event_pages
from hub.store.replay_jobs import Selection, selection_of
from hub.store.store import Store

RUN, DRY = "run", "dry"
BATCH = 200
LEASE_SECONDS = 60.0
#: How long a batch is waited for before the thread is given back; the sweep rings again.
PATIENCE_SECONDS = 1.0
LOOK_SECONDS = 0.05
MAX_SAMPLES, MAX_CAUSES, MAX_FIELD_CHARACTERS = 30, 50, 500
log = logging.getLogger("hub.replay")


def request(
    store: Store,
    selection: Selection,
    *,
    mode: str,
    step: str,
    actor: str,
    reason: str,
    per_second: int = 0,
    most: int = 0,
    also: Also | None = None,
) -> int:
    """Ask for a replay of many events or its dry run; returns the job's id. `also` is done in the
    same transaction.

    Rejected for a wrong step, an empty selection, or a path that cannot be read.
    """
    if step not in STEPS:
        raise Rejected(f"there is no step «{step}»; there are: {', '.join(STEPS)}")
    if selection.filters is not None:
        find_events.tester(selection.filters)
    values = {
        "mode": mode,
        "step": step,
        "actor": actor,
        "reason": reason,
        "per_second": max(0, per_second),
        "most": max(0, most),
    }
    with store.database.write() as db:
        job_id = replay_jobs.add(db, selection, values)
        job = replay_jobs.get(db, job_id)
        if job is None or job.total == 0:
            raise Rejected("no event fits this selection")
        details = {"reason": reason, "step": step, "selection": selection.as_json()}
        action = "replay many" if mode == RUN else "try a replay"
        audit.record(db, actor, action, "replay job", job_id, details)
        if also is not None:
            also(db, job_id)
    queues_for(store.settings).ring_replay(job_id)
    return job_id


def cancel(store: Store, job_id: int, actor: str) -> None:
    """End a job where it is; what it has opened already runs on. Rejected when it is at its end."""
    with store.database.write() as db:
        done = replay_jobs.save(db, job_id, status="cancelled", finished_at=utc_now())
        if not done:
            raise Rejected("this replay has ended already")
        audit.record(db, actor, "cancel replay", "replay job", job_id)


def turn(
    store: Store, job_id: int, max_seconds: float, is_stopping: Callable[[], bool] = lambda: False
) -> bool:
    """Work on a job for a while; whether it wants another turn at once.

    False too when another worker has it, it is at its end, or its batch waits for long.
    """
    lease = leases.acquire(store.database, f"replay-{job_id}", leases.owner_name(), LEASE_SECONDS)
    if lease is None:
        return False
    until, waited = time.monotonic() + max_seconds, 0.0
    try:
        while time.monotonic() < until and not is_stopping():
            wait = _Walk(store, job_id, lease).step()
            if wait is None:
                return False
            waited = waited + wait if wait else 0.0
            if waited > PATIENCE_SECONDS:
                return False
            time.sleep(wait)
    except leases.LeaseLostError:
        return False
    except Exception as error:
        leases.raise_unless_a_row(error)
        log.exception("replay job failed", extra={"job": job_id})
        _fail(store, job_id, error)
        return False
    finally:
        leases.release(store.database, lease, healthy=True)
    return True


def _fail(store: Store, job_id: int, error: Exception) -> None:
    message = error.message if isinstance(error, HubError) else f"{type(error).__name__}: {error}"
    with store.database.write() as db:
        replay_jobs.save(
            db, job_id, status="failed", error_message=message[:2000], finished_at=utc_now()
        )


class _Walk:
    """One step of a job under its lease."""

    def __init__(self, store: Store, job_id: int, lease: leases.Lease) -> None:
        self.store, self.lease = store, lease
        with store.database.read() as db:
            self.job = replay_jobs.get(db, job_id)

    def step(self) -> float | None:
        """Seconds to wait before the next step; None when there is none."""
        job = self.job
        if job is None or job.status not in replay_jobs.OPEN:
            return None
        if job.in_flight:
            return self._settle(job)
        ids, place = self._next(job)
        if not ids and place >= job.last_id:
            self._end(job)
            return None
        if job.mode == DRY:
            self._try(job, ids, place)
        else:
            self._open(job, ids, place)
        return self._pause(job, len(ids))

    def _next(self, job: Row[Any]) -> tuple[list[int], int]:
        """The next events, and up to which id they are all that there are."""
        size = min(BATCH, job.per_second or BATCH)
        if job.most:
            size = min(size, job.most - job.taken)
        if size <= 0:
            return [], job.last_id
        chosen = selection_of(job.selection)
        with self.store.database.read() as db:
            if chosen.filters is None:
                ids = [one for one in chosen.ids if one > job.position][:size]
                return ids, ids[-1] if ids else job.last_id
            ids, place = event_pages.next_ids(db, chosen.filters, job.position, job.last_id, size)
            return find_events.matching(db, ids, chosen.filters), place

    def _open(self, job: Row[Any], ids: Sequence[int], place: int) -> None:
        touched: set[int] = set()
        with self.store.database.write() as db:
            leases.fence(db, self.lease, healthy=True)
            replay_id = job.replay_id or note(
                db, 0, job.step, job.actor, job.reason, f"job {job.id}"
            )
            if ids:
                touched = reopen(db, ids, job.step)
                replay_jobs.note_events(db, replay_id, ids)
                replay_jobs.grow_replay(db, replay_id, len(ids))
            is_sent = job.step == "deliver"
            counts = _added(job.counts, {"done": len(ids)}) if is_sent else job.counts
            self._save(
                db,
                job,
                replay_id=replay_id,
                position=place,
                taken=job.taken + len(ids),
                in_flight=[] if is_sent else list(ids),
                counts=counts,
            )
        if ids:
            ring(self.store, ids, job.step, touched)

    def _settle(self, job: Row[Any]) -> float:
        """Count what the drain has settled of the batch; how long to wait for the rest."""
        with self.store.database.read() as db:
            rows = replay_jobs.outcomes(db, job.in_flight)
        settled = [row for row in rows if row.status != "received"]
        if not settled and rows:
            return LOOK_SECONDS
        left = [row.id for row in rows if row.status == "received"]
        causes = [
            (row.id, row.error_code or "", row.error_message or "")
            for row in settled
            if row.status in ("dead", "waiting")
        ]
        with self.store.database.write() as db:
            leases.fence(db, self.lease, healthy=True)
            self._save(
                db,
                job,
                in_flight=left,
                counts=_added(job.counts, Counter(row.status for row in settled)),
                findings=_with_causes(job.findings, causes),
            )
        return LOOK_SECONDS if left else 0.0

    def _try(self, job: Row[Any], ids: Sequence[int], place: int) -> None:
        tried = dry_run.try_events(self.store, ids)
        findings = _with_causes(
            job.findings,
            [(one.event_id, one.code, one.message) for one in tried if one.outcome == "failed"],
        )
        with self.store.database.write(durable=False) as db:
            leases.fence(db, self.lease, healthy=True)
            self._save(
                db,
                job,
                position=place,
                taken=job.taken + len(ids),
                counts=_added(job.counts, Counter(one.outcome for one in tried)),
                findings=_with_samples(findings, tried),
            )

    def _save(self, db: Any, job: Row[Any], **values: Any) -> None:
        started = job.started_at or utc_now()
        if not replay_jobs.save(db, job.id, status="running", started_at=started, **values):
            raise leases.LeaseLostError("cancelled")

    def _pause(self, job: Row[Any], taken: int) -> float:
        """How long to wait so that no more than the wanted number goes a second."""
        return taken / job.per_second if job.per_second and taken else 0.0

    def _end(self, job: Row[Any]) -> None:
        with self.store.database.write() as db:
            leases.fence(db, self.lease, healthy=True)
            replay_jobs.save(db, job.id, status="done", finished_at=utc_now())


def _added(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(counts) + Counter(more)).items()))


def _with_causes(
    findings: Mapping[str, Any], failed: Iterable[tuple[int, str, str]]
) -> dict[str, Any]:
    """The findings with these failures counted by cause, an event of each kept to look at."""
    causes = {(one["code"], one["message"]): dict(one) for one in findings.get("causes", ())}
    for event_id, code, message in failed:
        key = (code, message[:MAX_FIELD_CHARACTERS])
        if key not in causes and len(causes) >= MAX_CAUSES:
            continue
        one = causes.setdefault(
            key, {"code": key[0], "message": key[1], "count": 0, "event_id": event_id}
        )
        one["count"] += 1
    return {**findings, "causes": list(causes.values())}


def _with_samples(findings: Mapping[str, Any], tried: Iterable[dry_run.Tried]) -> dict[str, Any]:
    """The findings with a few of the changes that would be made, and how many there would be."""
    samples = list(findings.get("samples", ()))
    actions = Counter(findings.get("actions", {}))
    stock_rows = int(findings.get("stock_rows", 0))
    for one in tried:
        stock_rows += one.stock_rows
        for change in one.changes:
            actions[f"{change['entity']}.{change['action']}"] += 1
            if len(samples) < MAX_SAMPLES:
                samples.append(
                    {
                        "event_id": one.event_id,
                        "entity": change["entity"],
                        "record_id": change["record_id"],
                        "action": change["action"],
                        "fields": {name: _short(pair) for name, pair in change["fields"].items()},
                    }
                )
    return {**findings, "samples": samples, "actions": dict(actions), "stock_rows": stock_rows}


def _short(pair: Any) -> list[Any]:
    cut = []
    for value in pair:
        text = value if isinstance(value, str | int | float | bool | None) else str(value)
        cut.append(text[:MAX_FIELD_CHARACTERS] if isinstance(text, str) else text)
    return cut
