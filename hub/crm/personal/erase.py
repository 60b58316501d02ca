"""The job that erases a person: small transactions, each moving its place with its work, so that a
process that dies leaves the next one to go on (P7). Driven by the scheduler's chores.

records → contacts → events → deliveries → raw requests → every table; then, should anything
have been found or written meanwhile, all over again; once a whole pass finds nothing, the proof.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from hub.crm.personal import events as raw
from hub.crm.personal import needles, proof, records, sent, sweep
from hub.crm.personal.person import records_of
from hub.crm.personal.request import DONE, RUNNING, Work, counted
from hub.store.database import utc_now
from hub.store.models import erasures
from hub.store.store import Store

RECORDS_BATCH: Final = 100
EVENTS_BATCH: Final = 200
#: Batches without a find that one note of the place covers: a death makes them be read again.
QUIET_BATCHES: Final = 10
#: Whole passes; one that still finds something after so many is told in the proof.
MAX_PASSES: Final = 5
#: The step that searches a table; its name follows.
TEXTS_OF: Final = "texts of "
#: Counts that are no deeds: how many passes were made, and what the present one has found.
PASSES, FOUND, SEARCHED = "_passes", "_found", "_searched"
log = logging.getLogger("hub.personal")


def work(store: Store, seconds: float) -> bool:
    """Go on with the oldest erasure for so long; whether one is left to go on with."""
    until = time.monotonic() + seconds
    while True:
        with store.database.read() as db:
            query = select(erasures).where(erasures.c.status == RUNNING)
            row = db.execute(query.order_by(erasures.c.id).limit(1)).first()
        if row is None:
            return False
        job = _Job(store, row)
        while job.step() and time.monotonic() < until:
            pass
        if time.monotonic() >= until:
            return True


class _Job:
    """One erasure under way, at the place that its row tells."""

    def __init__(self, store: Store, row: Row[Any]) -> None:
        self.store, self.row = store, row
        self.load(Work.of(store.vault.open(row.sealed)))
        self.place, self.position = row.step, row.position
        self.counts: dict[str, int] = dict(row.counts)

    def load(self, work: Work) -> None:
        """Take up what is to be done."""
        self.work, person = work, work.person
        self.pointers, self.everything = needles.pointers(person), needles.everything(person)
        self.quick = needles.Quick(person)
        self.records = [
            (entity, ids[start : start + RECORDS_BATCH])
            for entity, ids in sorted(work.records.items())
            for start in range(0, len(ids), RECORDS_BATCH)
        ]

    def step(self) -> bool:
        """One small transaction; whether there is a next one."""
        steps: Mapping[str, Callable[[], bool]] = {
            "records": self._records,
            "contacts": self._contacts,
            "events": self._events,
            "deliveries": self._deliveries,
            "sweep": self._sweep,
            "finish": self._finish,
        }
        return steps.get(self.place, self._texts)()

    def _records(self) -> bool:
        if self.position >= len(self.records):
            return self._go_to("contacts")
        entity, ids = self.records[self.position]
        with self.store.database.write() as db:
            done = records.erase_records(db, self.work.person, entity, ids, utc_now())
            self._moved(db, self.position + 1, done)
        return True

    def _contacts(self) -> bool:
        with self.store.database.write() as db:
            done = records.erase_contacts(db, self.work.person, utc_now())
            self._moved(db, 0, done, "events")
        return True

    def _events(self) -> bool:
        ids = self.work.events[self.position : self.position + EVENTS_BATCH]
        if not ids:
            return self._go_to("deliveries")
        self._redact(ids, self.position + len(ids))
        return True

    def _deliveries(self) -> bool:
        with self.store.database.write() as db:
            count, last = sent.silence(db, self.work.theirs(), self.position)
            after = "sweep" if self.pointers else "finish"
            self._moved(db, last, {"attempts": count}, "deliveries" if last else after)
        return True

    def _redact(self, ids: list[int], position: int, searched: int = 0) -> None:
        with self.store.database.write() as db:
            done: Mapping[str, int] = {}
            if ids:
                theirs, key = self.work.theirs(), self.row.id
                done = raw.redact(db, ids, theirs, self.everything, utc_now(), key)
            # What a sweep finds is a find of its pass; what was listed beforehand is none.
            found = sum(done.values()) if self.place == "sweep" else 0
            self._moved(db, position, {**done, FOUND: found, SEARCHED: searched})

    def _sweep(self) -> bool:
        """Raw requests: several batches to one note of the place while they hold nothing."""
        assert self.pointers is not None
        searched, position = 0, self.position
        found: list[int] = []
        for _ in range(QUIET_BATCHES):
            with self.store.database.read() as db:
                rows = sweep.next_bodies(db, position, self.work.last_event)
            if not rows:
                break
            searched, position = searched + len(rows), rows[-1].event_id
            found = sweep.that_tell(rows, self.quick, self.pointers)
            if found:
                break
        if not searched:
            return self._go_to(TEXTS_OF + next(iter(sweep.texts())))
        self._redact(found, position, searched)
        return True

    def _texts(self) -> bool:
        """Free texts of the table whose name the place is."""
        assert self.pointers is not None
        table, last = self.place.removeprefix(TEXTS_OF), self.position
        found: list[int] = []
        for _ in range(QUIET_BATCHES):
            with self.store.database.read() as db:
                found, last = sweep.rows_that_tell(db, table, last, self.quick, self.pointers)
            if found or not last:
                break
        after = table if last else sweep.following(table)
        place = TEXTS_OF + after if after else "finish"
        with self.store.database.write() as db:
            count = sweep.mask_rows(db, table, found, self.pointers) if found else 0
            self._moved(db, last, {f"texts_{table}": count, FOUND: count}, place)
        return True

    def _finish(self) -> bool:
        """The proof, when this pass found nothing and nothing was written meanwhile."""
        person = self.work.person
        with self.store.database.write() as db:
            passes = self.counts.get(PASSES, 0) + 1
            left = records.leftovers(db, person)
            clean = not left and not self.counts.get(FOUND)
            self.counts[PASSES] = passes
            if clean or passes >= MAX_PASSES:
                contacts = person.contact_ids
                told = sent.tell(db, self.store, contacts, self.work.theirs(), utc_now())
                self.counts = counted(self.counts, {"destinations_told": told})
                proof.complete(self.store, db, self.row, self.work, self.counts, left)
                log.info("a person is erased", extra={"erasure": self.row.id, "passes": passes})
                return False
            self.load(self.work.again(records_of(db, person)))
            self.counts = {**self.counts, FOUND: 0, SEARCHED: 0}
            sealed = self.store.vault.seal(self.work.as_dict())
            db.execute(update(erasures).where(self._mine()).values(sealed=sealed))
            self._moved(db, 0, {}, "records")
        return True

    def _go_to(self, place: str) -> bool:
        with self.store.database.write() as db:
            self._moved(db, 0, {}, place)
        return True

    def _moved(
        self, db: Connection, position: int, done: Mapping[str, int], place: str = ""
    ) -> None:
        """Note the place in the transaction that did the work."""
        self.place, self.position = place or self.place, position
        self.counts = counted(self.counts, done)
        values = {"step": self.place, "position": position, "counts": self.counts}
        db.execute(update(erasures).where(self._mine()).values(values))

    def _mine(self) -> Any:
        return erasures.c.id == self.row.id


__all__ = ["DONE", "RUNNING", "work"]
