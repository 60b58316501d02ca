"""One sync run: pages in, rows written set-wise, the cursor moved in the rows' own transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.crm.fold import Stamp
from hub.flow import resolve, stock
from hub.flow.map import Mappings
from hub.flow.upsert import Upsert, sinks_for
from hub.mapping.model import MappedRecord
from hub.sdk.errors import ConfigError, HubError
from hub.sdk.records import Page
from hub.store import leases
from hub.store.connections import Configured, set_state
from hub.store.cursors import freshen, move_cursor
from hub.store.database import is_away, to_json, utc_now
from hub.store.models import cursors, row_issues, sync_runs
from hub.store.stock import StockStage, Written, stored_rows
from hub.store.store import Store
from hub.store.working_set import WorkingSet

#: Issues listed per run; the rest is counted.
MAX_ISSUES = 1000
CONFLICT_TRIES = 3
log = logging.getLogger("hub.sync")
Issue = tuple[str, str, str]


class SyncRun:
    """Carries out one run that holds its stream's lease."""

    def __init__(
        self, store: Store, configured: Configured, run: Row[Any], lease: leases.Lease
    ) -> None:
        self.store, self.configured, self.run, self.lease = store, configured, run, lease
        self.stream = configured.stream(run.stream)
        self.started_at = utc_now()
        self.counts = {"rows_read": 0, "rows_created": 0, "rows_changed": 0, "rows_removed": 0,
                       "rows_rejected": 0}  # fmt: skip
        self._mappings = Mappings(configured)
        self._complete = False
        self._issues: list[Issue] = []
        self._cursor: Mapping[str, Any] = {}
        self._before: Mapping[str, Any] = {}

    def carry_out(self) -> str:
        """Read and write the whole stream; returns succeeded or held. Raises on failure."""
        read = self.configured.connector.read
        if read is None:
            raise ConfigError(f"{self.configured.connection.connector} has nothing to poll")
        self._cursor = self._before = self._begin()
        pages = read(self.configured.connection, self.run.stream, self._cursor)
        if self.stream.entity == "stock" and self.stream.mode == "full":
            return self._full_stock(pages)
        for page in pages:
            self._complete = page.complete
            if self.stream.entity == "stock":
                self._stock_page(page)
            else:
                self._page(page)
        return self._finish("succeeded")

    def _begin(self) -> Mapping[str, Any]:
        with self.store.database.write() as db:
            leases.fence(db, self.lease)
            cursor = db.scalar(
                select(cursors.c.cursor).where(
                    cursors.c.connection_id == self.configured.id,
                    cursors.c.stream == self.run.stream,
                )
            )
            db.execute(
                update(sync_runs)
                .where(sync_runs.c.id == self.run.id)
                .values(status="running", started_at=self.started_at, cursor_before=cursor or {})
            )
        found: Mapping[str, Any] = cursor or {}
        return found

    # Stock.

    def _full_stock(self, pages: Any) -> str:
        """Stage the whole snapshot, then apply it if it is complete and plausible."""
        with self.store.database.engine.connect() as session:
            with session.begin():
                stage = StockStage(session)
            for page in pages:
                rows = self._stock_rows(page)
                with session.begin():
                    stage.add(rows)
                self._note_issues()
                self._complete = page.complete
                self._cursor = page.cursor
            with session.begin():
                staged = stage.count()
            doubt = self._doubt(staged)
            if doubt:
                self._cursor = self._before
                return self._finish("held", doubt)
            written = self._apply_staged(session, stage)
            with session.begin():
                stage.drop()
        self._add(written)
        return self._finish("succeeded")

    def _apply_staged(self, session: Connection, stage: StockStage) -> Written:
        # The staged rows live in this session, so the write happens in it, under the write lock.
        with self.store.database.write_in(session):
            leases.fence(session, self.lease)
            written = stage.apply(
                self.configured.id, self.run.stream, self.run.id, self.started_at, full=True
            )
            self._move_cursor(session)
        return written

    def _doubt(self, staged: int) -> str:
        if not self._complete:
            raise HubError("the snapshot was cut off before its end; nothing was applied")
        with self.store.database.read() as db:
            stored = stored_rows(db, self.configured.id, self.run.stream)
        share = float(
            self.store.settings.option("stock.snapshot_min_share", stock.DEFAULT_MIN_SHARE)
        )
        doubt = stock.snapshot_doubt(stored, staged, share)
        accepted = self.run.accepted_rows
        return "" if doubt and accepted is not None and staged >= accepted else doubt

    def _stock_rows(self, page: Page) -> list[dict[str, Any]]:
        rows = []
        for place, record in self._mapped(page):
            try:
                rows.append(stock.stock_row(record))
            except HubError as error:
                self._issue(place, error.message, record.fields)
        return rows

    def _stock_page(self, page: Page) -> None:
        rows = self._stock_rows(page)
        self._cursor = page.cursor
        with self.store.database.write() as db:
            leases.fence(db, self.lease)
            stage = StockStage(db)
            stage.add(rows)
            self._add(
                stage.apply(
                    self.configured.id, self.run.stream, self.run.id, self.started_at, full=False
                )
            )
            self._move_cursor(db)
        self._note_issues()

    # Records.

    def _page(self, page: Page) -> None:
        mapped = self._mapped(page)
        self._cursor = page.cursor
        for _ in range(CONFLICT_TRIES):
            try:
                self._write_page(mapped)
                break
            except IntegrityError:
                log.info("another transaction was quicker", extra={"run": self.run.id})
            except Exception as error:
                _raise_unless_a_row(error)
                self._write_singly(mapped)
                break
        else:
            self._write_singly(mapped)
        self._note_issues()

    def _write_page(self, mapped: Sequence[tuple[str, MappedRecord]], *, move: bool = True) -> None:
        with self.store.database.write() as db:
            leases.fence(db, self.lease)
            issues, upsert = self._upsert(db, mapped)
            if move:
                self._move_cursor(db)
        for issue in issues:
            self._issue(*issue)
        self._add(Written(upsert.created, upsert.changed))

    def _write_singly(self, mapped: Sequence[tuple[str, MappedRecord]]) -> None:
        """A row that the database refuses becomes an issue; the others are stored."""
        for place, record in mapped:
            try:
                self._write_page([(place, record)], move=False)
            except Exception as error:
                _raise_unless_a_row(error)
                said = getattr(error, "orig", None) or error
                self._issue(place, f"the store refused the row: {said}", record.fields)
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
        stock.apply_webhook_rows(db, self.configured, upsert.stock, ws.now)
        return issues, upsert

    # What both share.

    def _mapped(self, page: Page) -> list[tuple[str, MappedRecord]]:
        mapped = []
        for place, reason in page.rejected:
            self._issue(place, reason, {})
        for record in page.records:
            self.counts["rows_read"] += 1
            place = record.external_id or f"row {self.counts['rows_read']}"
            try:
                mapped.append((place, self._mappings.apply(record)))
            except HubError as error:
                self._issue(place, error.message, record.data)
        return mapped

    def _issue(self, place: str, message: str, row: Mapping[str, Any]) -> None:
        self.counts["rows_rejected"] += 1
        if self.counts["rows_rejected"] <= MAX_ISSUES:
            self._issues.append((place, message, to_json(dict(row))[:4000]))

    def _note_issues(self) -> None:
        issues, self._issues = self._issues, []
        with self.store.database.write() as db:
            leases.fence(db, self.lease)
            if issues:
                db.execute(
                    insert(row_issues),
                    [
                        {"run_id": self.run.id, "place": place, "message": message, "row": row}
                        for place, message, row in issues
                    ],
                )
            db.execute(update(sync_runs).where(sync_runs.c.id == self.run.id).values(self.counts))

    def _add(self, written: Written) -> None:
        self.counts["rows_created"] += written.created
        self.counts["rows_changed"] += written.changed
        self.counts["rows_removed"] += written.removed

    def _move_cursor(self, db: Connection) -> None:
        move_cursor(db, self.configured.id, self.run.stream, self._cursor)

    def _finish(self, status: str, held_reason: str = "") -> str:
        now = utc_now()
        with self.store.database.write() as db:
            leases.fence(db, self.lease, healthy=True)
            db.execute(
                update(sync_runs)
                .where(sync_runs.c.id == self.run.id)
                .values(
                    status=status,
                    finished_at=now,
                    cursor_after=dict(self._cursor),
                    held_reason=held_reason or None,
                    **self.counts,
                )
            )
            if status == "succeeded":
                rows = self.counts["rows_read"]
                freshen(db, self.configured.id, self.run.stream, self.started_at, rows)
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


def _raise_unless_a_row(error: Exception) -> None:
    """A store that is away must end the run, or the cursor would pass rows never stored."""
    if is_away(error) or isinstance(error, leases.LeaseLostError):
        raise error
