"""One sync run: pages in, rows written set-wise, the cursor moved in the rows' own transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.crm.fold import Stamp
from hub.flow import call_backs, resolve, stock, uploads
from hub.flow.map import Mappings
from hub.flow.sinks import sinks_for
from hub.flow.stock_out import StockOut
from hub.flow.stock_run import StockRun
from hub.flow.upsert import Upsert
from hub.mapping.model import MappedRecord
from hub.sdk.errors import ConfigError, HubError
from hub.sdk.records import Page, SourceRecord
from hub.store import leases
from hub.store.connections import Configured, set_state
from hub.store.cursors import freshen, move_cursor
from hub.store.database import to_json, utc_now
from hub.store.models import cursors, row_issues, sync_runs
from hub.store.stock_rows import Written
from hub.store.store import Store
from hub.store.working_set import WorkingSet

#: Issues listed per run; the rest is counted.
MAX_ISSUES = 1000
MAX_WARNINGS = 200
MAX_MESSAGE_CHARACTERS = 2000
MAX_ROW_CHARACTERS = 4000
#: How often a run that has no issues says how far it is, and proves that it holds its lease.
NOTE_SECONDS = 2.0
CONFLICT_TRIES = 3
log = logging.getLogger("hub.sync")
Issue = dict[str, Any]


class SyncRun:
    """Carries out one run that holds its stream's lease."""

    def __init__(
        self, store: Store, configured: Configured, run: Row[Any], lease: leases.Lease
    ) -> None:
        self.store, self.configured, self.run, self.lease = store, configured, run, lease
        self.stream = configured.stream(run.stream)
        self.started_at = utc_now()
        self.counts = {"rows_read": 0, "rows_created": 0, "rows_changed": 0, "rows_removed": 0,
                       "rows_rejected": 0, "rows_warned": 0}  # fmt: skip
        self.mappings = Mappings(configured)
        self._issues: list[Issue] = []
        self._noted_at, self.is_fresh = time.monotonic(), True
        self.cursor: Mapping[str, Any] = {}
        #: Under which name the cursor is kept: all uploads of a connection share what they tell.
        self.memory = uploads.MEMORY if run.upload else run.stream
        #: What uploads leave to be remembered may be large, and is seldom news.
        self._kept: Mapping[str, Any] | None = None

    def carry_out(self) -> str:
        """Read and write the whole stream; returns succeeded or held. Raises on failure."""
        if self.run.upload:
            return self._uploaded()
        if self.stream.direction == "out":
            self.cursor = self._begin()
            StockOut(self).carry_out()
            return self._finish("succeeded")
        read = self.configured.connector.read
        if read is None:
            raise ConfigError(f"{self.configured.connection.connector} has nothing to poll")
        self.cursor = self._begin()
        pages = read(self.configured.connection, self.run.stream, self.cursor)
        if self.stream.entity != "stock":
            for page in pages:
                self._page(page)
            return self._finish("succeeded")
        levels = StockRun(self)
        if self.stream.mode == "full":
            doubt = levels.snapshot(pages)
            return (
                self._finish("held", doubt) if doubt else self._finish("succeeded", levels=levels)
            )
        for page in pages:
            self.cursor = page.cursor
            levels.changes(page)
        return self._finish("succeeded")

    def _uploaded(self) -> str:
        """Read an uploaded file, of whatever entities; stock is fresh only if some came."""
        self.cursor = self._kept = self._begin()
        levels, entities = StockRun(self), set[str]()
        for page in uploads.pages_of(self.store, self.configured, self.run, self.cursor):
            entities.add(page.entity)
            if page.entity == "stock":
                self.cursor = page.cursor
                levels.changes(page)
            else:
                self._page(page)
        self.is_fresh = self.stream.entity != "stock" or "stock" in entities
        return self._finish("succeeded")

    def _begin(self) -> Mapping[str, Any]:
        with self.store.database.write() as db:
            leases.fence(db, self.lease)
            cursor = db.scalar(
                select(cursors.c.cursor).where(
                    cursors.c.connection_id == self.configured.id,
                    cursors.c.stream == self.memory,
                )
            )
            db.execute(
                update(sync_runs)
                .where(sync_runs.c.id == self.run.id)
                .values(
                    status="running",
                    started_at=self.started_at,
                    cursor_before={} if self.run.upload else cursor or {},
                )
            )
        found: Mapping[str, Any] = cursor or {}
        return found

    # Records.

    def _page(self, page: Page) -> None:
        mapped = self._mapped(page)
        self.cursor = page.cursor
        for _ in range(CONFLICT_TRIES):
            try:
                self._write_page(mapped)
                break
            except IntegrityError:
                log.info("another transaction was quicker", extra={"run": self.run.id})
            except Exception as error:
                leases.raise_unless_a_row(error)
                # Hundreds of times slower: whose fault it is must be found by somebody.
                log.warning("the page is written row by row: %s", error, extra={"run": self.run.id})
                self._write_singly(mapped)
                break
        else:
            self._write_singly(mapped)
        self.note_issues()

    def _write_page(self, mapped: Sequence[tuple[str, MappedRecord]], *, move: bool = True) -> None:
        with self.store.database.write() as db:
            leases.fence(db, self.lease)
            issues, upsert = self._upsert(db, mapped)
            if move:
                self.move_cursor(db)
        for issue in issues:
            self.add_issue(*issue)
        self.add_written(Written(upsert.created, upsert.changed))

    def _write_singly(self, mapped: Sequence[tuple[str, MappedRecord]]) -> None:
        """A row that the database refuses becomes an issue; the others are stored."""
        for place, record in mapped:
            try:
                self._write_page([(place, record)], move=False)
            except Exception as error:
                leases.raise_unless_a_row(error)
                said = getattr(error, "orig", None) or error
                self.add_issue(place, f"the store refused the row: {said}", record.fields)
        self._write_page([])

    def _upsert(
        self, db: Connection, mapped: Sequence[tuple[str, MappedRecord]]
    ) -> tuple[list[tuple[str, str, Mapping[str, Any]]], Upsert]:
        ws = WorkingSet(db, utc_now())
        upsert = Upsert(ws, self.configured, sinks_for(self.configured, self.store.catalog.all()))
        stamp = Stamp(
            self.started_at.isoformat(), self.started_at, self.configured.id, run_id=self.run.id
        )
        ws.preload(*resolve.lookups([(record, stamp, "") for _, record in mapped]))
        upsert.prepare([record for _, record in mapped])
        issues: list[tuple[str, str, Mapping[str, Any]]] = []
        for place, record in mapped:
            mark = ws.mark()
            try:
                upsert.apply(record, stamp)
            except HubError as error:
                ws.rollback(mark)
                issues.append((place, error.message, record.fields))
        upsert.finish()
        ws.flush()
        call_backs.settle(self.store, upsert)
        stock.apply_webhook_rows(db, self.configured, upsert.stock, ws.now)
        return issues, upsert

    # What both share.

    def _mapped(self, page: Page) -> list[tuple[str, MappedRecord]]:
        mapped = []
        for place, reason in page.rejected:
            self.add_issue(place, reason, {})
        for record in page.sources():
            self.counts["rows_read"] += 1
            place = record.external_id or f"row {self.counts['rows_read']}"
            found = self.map_record(record, place)
            if found is not None:
                self.add_warnings(place, found.warnings, record.data)
                mapped.append((place, found))
        return mapped

    def map_record(self, record: SourceRecord, place: str) -> MappedRecord | None:
        """Map a record; None when it became an issue."""
        try:
            return self.mappings.apply(record)
        except HubError as error:
            self.add_issue(place, error.message, record.data)
            return None

    def add_warnings(self, place: str, warnings: Sequence[str], row: Mapping[str, Any]) -> None:
        """List fields of a stored row that could not be read, while there are not too many."""
        if warnings:
            self.counts["rows_warned"] += 1
            if self.counts["rows_warned"] <= MAX_WARNINGS:
                self._list("warning", place, "; ".join(warnings), row)

    def add_issue(self, place: str, message: str, row: Mapping[str, Any]) -> None:
        """Count a row that is not stored, and list it while there are not too many."""
        self.counts["rows_rejected"] += 1
        if self.counts["rows_rejected"] <= MAX_ISSUES:
            self._list("rejected", place, message, row)

    def _list(self, kind: str, place: str, message: str, row: Mapping[str, Any]) -> None:
        self._issues.append(
            {
                "run_id": self.run.id,
                "kind": kind,
                "place": place,
                "message": message[:MAX_MESSAGE_CHARACTERS],
                "row": to_json(dict(row))[:MAX_ROW_CHARACTERS],
            }
        )

    def note_issues(self) -> None:
        """Write the listed issues and the counts so far, when it is time to."""
        issues, self._issues = self._issues, []
        if not issues and time.monotonic() - self._noted_at < NOTE_SECONDS:
            return
        self._noted_at = time.monotonic()
        with self.store.database.write() as db:
            leases.fence(db, self.lease)
            if issues:
                db.execute(insert(row_issues), issues)
            db.execute(update(sync_runs).where(sync_runs.c.id == self.run.id).values(self.counts))

    def add_written(self, written: Written) -> None:
        """Count what was written."""
        self.counts["rows_created"] += written.created
        self.counts["rows_changed"] += written.changed
        self.counts["rows_removed"] += written.removed

    def move_cursor(self, db: Connection) -> None:
        """Move the stream's cursor, in the transaction of the rows that it covers."""
        if self.cursor is not self._kept:
            move_cursor(db, self.configured.id, self.memory, self.cursor)
            self._kept = self.cursor if self.run.upload else None

    def _finish(self, status: str, held_reason: str = "", levels: StockRun | None = None) -> str:
        now = utc_now()
        with self.store.database.write() as db:
            leases.fence(db, self.lease, healthy=True)
            db.execute(
                update(sync_runs)
                .where(sync_runs.c.id == self.run.id)
                .values(
                    status=status,
                    finished_at=now,
                    cursor_after={} if self.run.upload else dict(self.cursor),
                    held_reason=held_reason or None,
                    **self.counts,
                )
            )
            if status == "succeeded" and self.is_fresh:
                rows = self.counts["rows_read"]
                freshen(db, self.configured.id, self.run.stream, self.started_at, rows)
                if levels is not None:
                    levels.remember(db)
                if self.configured.state == "needs_attention":
                    set_state(db, self.configured.id, "active")
        log.info(
            "sync %s",
            status,
            extra={
                "run": self.run.id,
                "connection": self.configured.name,
                "stream": self.run.stream,
                "duration_ms": int((now - self.started_at).total_seconds() * 1000),
                **self.counts,
            },
        )
        return status
