"""The stock part of a sync run: whole snapshots staged, guarded and applied; changes page by page.

See decisions/0006 (staging), 0011 (how differences are written), 0012 (answers known by digest).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Row, insert, literal, select

from hub import __version__
from hub.flow import stock
from hub.flow.map import Mappings
from hub.flow.stock_rows import StockRows
from hub.mapping.model import MappedRecord
from hub.sdk.errors import HubError
from hub.sdk.manifest import Stream
from hub.sdk.records import Page, SourceRecord
from hub.store import leases, stock_adopt
from hub.store.connections import Configured
from hub.store.cursors import last_answer, remember_answer
from hub.store.database import to_json
from hub.store.models import row_issues
from hub.store.stock import stored_rows, write_rows
from hub.store.stock_rows import Staged, Written, staged
from hub.store.stock_stage import StockStage
from hub.store.store import Store

ROOT = Path(__file__).resolve().parents[2]
#: The code that makes staged rows of an answer; a change in it may read the same answer otherwise.
SHAPING = ("connectors/_protocols", "hub/mapping", "hub/flow/stock*.py", "hub/store/stock*.py")
#: Rows read before they are staged: the database takes them while more are written to it.
STAGED_AT_ONCE = 5_000


class Run(Protocol):
    """What this part needs of the sync run that it belongs to."""

    store: Store
    configured: Configured
    run: Row[Any]
    stream: Stream
    lease: leases.Lease
    started_at: Any
    counts: dict[str, int]
    mappings: Mappings
    cursor: Mapping[str, Any]

    def map_record(self, record: SourceRecord, place: str) -> MappedRecord | None:
        """Map a record; None when it became an issue."""

    def add_issue(self, place: str, message: str, row: Mapping[str, Any]) -> None:
        """List a row that is not stored."""

    def add_warnings(self, place: str, warnings: Sequence[str], row: Mapping[str, Any]) -> None:
        """List what could not be read of a row that is stored."""

    def note_issues(self) -> None:
        """Write the listed issues and the counts so far."""

    def add_written(self, written: Written) -> None:
        """Count what was written."""

    def move_cursor(self, db: Connection) -> None:
        """Move the cursor, in the transaction of the rows it covers."""


class StockRun:
    """Reads one stream of stock."""

    def __init__(self, run: Run) -> None:
        self._run, self._database = run, run.store.database
        self._rows = StockRows(run.mappings.document("stock"), run.mappings.context)
        stream = run.stream.part_of or run.run.stream
        self._origin = stock.origin_of(run.configured, stream, run.run.id, run.started_at)
        self._digest = ""

    def changes(self, page: Page) -> None:
        """Write one page of changes, the cursor with it."""
        rows = self._staged(page)
        with self._database.write() as db:
            leases.fence(db, self._run.lease)
            written = write_rows(db, self._origin, rows, replaces=page.replaces)
            self._run.add_written(written)
            self._run.move_cursor(db)
        self._run.note_issues()

    def snapshot(self, pages: Iterable[Page]) -> str:
        """Stage a whole snapshot and apply it if it is complete and plausible.

        Returns why it must wait for a person; empty when the stock is now what the snapshot says.
        """
        complete, cursor = False, self._run.cursor
        with self._database.session_apart() as session:
            with session.begin():
                stage = StockStage(session, self._origin, full=True)
            waiting: list[Staged] = []
            for page in pages:
                if page.digest and self._is_known(page.digest):
                    return ""
                waiting += self._staged(page)
                stage.replaces = stage.replaces or page.replaces
                if len(waiting) >= STAGED_AT_ONCE:
                    _stage(session, stage, waiting)
                self._run.note_issues()
                complete, cursor = page.complete, page.cursor
            if not complete:
                raise HubError("the snapshot was cut off before its end; nothing was applied")
            _stage(session, stage, waiting)
            with session.begin():
                count = stage.settle()
                doubt = self._doubt(session, count)
            if not doubt:
                self._run.cursor = cursor
                self._apply(session, stage)
        return doubt

    def _apply(self, session: Connection, stage: StockStage) -> None:
        # The staged rows live in this session, so the writes happen in it, under the write lock.
        with session.begin():
            known_by_name = stock_adopt.find(session, self._origin.connection_id)
        if known_by_name:
            with self._database.write_in(session):
                leases.fence(session, self._run.lease)
                stock_adopt.adopt(session)
        with session.begin():
            written = stage.compare()
        if stage.differing:
            for part in stage.parts():
                with self._database.write_in(session):
                    leases.fence(session, self._run.lease)
                    stage.write(part)
        with self._database.write_in(session):
            leases.fence(session, self._run.lease)
            if stage.emptied:
                stage.empty()
            self._run.move_cursor(session)
        self._run.add_written(written)

    def _doubt(self, session: Connection, count: int) -> str:
        stored = stored_rows(session, self._origin.connection_id, self._origin.stream)
        option = self._run.store.settings.option
        share = float(option("stock.snapshot_min_share", stock.DEFAULT_MIN_SHARE))
        doubt = stock.snapshot_doubt(stored, count, share)
        accepted = self._run.run.accepted_rows
        return "" if doubt and accepted is not None and count >= accepted else doubt

    # Rows.

    def _staged(self, page: Page) -> list[Staged]:
        run, found = self._run, list[Staged]()
        for place, reason in page.rejected:
            run.add_issue(place, reason, {})
        number = run.counts["rows_read"]
        run.counts["rows_read"] += len(page.rows) + len(page.records)
        for row in page.rows:
            number += 1
            values = self._rows.stage(row) if page.entity == "stock" else None
            if values is None:
                values = self._mapped(SourceRecord(page.entity, "", row), f"row {number}")
            if values is not None:
                found.append(values)
        for record in page.records:
            number += 1
            values = self._mapped(record, record.external_id or f"row {number}")
            if values is not None:
                found.append(values)
        return found

    def _mapped(self, source: SourceRecord, place: str) -> Staged | None:
        record = self._run.map_record(source, place)
        if record is None:
            return None
        try:
            values = staged(stock.stock_row(record))
        except HubError as error:
            self._run.add_issue(place, error.message, record.fields)
            return None
        self._run.add_warnings(place, record.warnings, source.data)
        return values

    # Answers that are known already.

    def remember(self, db: Connection) -> None:
        """The run succeeded: what is stored is this answer."""
        if self._digest:
            counted = ("rows_read", "rows_rejected", "rows_warned")
            kept = {name: self._run.counts[name] for name in counted}
            answer = {"digest": self._digest, "run_id": self._run.run.id, "counts": kept}
            remember_answer(db, self._origin.connection_id, self._origin.stream, answer)

    def _is_known(self, digest: str) -> bool:
        """Whether the stored rows are this answer; its counts and issues are then this run's."""
        self._digest = self._fingerprint(digest)
        with self._database.read() as db:
            known = last_answer(db, self._origin.connection_id, self._origin.stream)
        if known.get("digest") != self._digest:
            return False
        self._run.counts.update(known["counts"])
        if known["counts"]["rows_rejected"] or known["counts"]["rows_warned"]:
            issues = row_issues.c
            kept = (issues.place, issues.message, issues.row, issues.kind)
            listed = select(literal(self._run.run.id), *kept).where(
                issues.run_id == known["run_id"]
            )
            names = ["run_id", *(column.name for column in kept)]
            with self._database.write() as db:
                leases.fence(db, self._run.lease)
                db.execute(insert(row_issues).from_select(names, listed.order_by(issues.id)))
        return True

    def _fingerprint(self, digest: str) -> str:
        """The answer and all that shapes its rows: settings, mapping, zone, the hub's own code."""
        configured, document = self._run.configured, self._run.mappings.document("stock")
        connection = configured.connection
        parts = [
            digest,
            _code(connection.connector),
            to_json(dict(connection.settings)),
            document.content if document else "",
            str(connection.timezone),
            connection.phone_region,
            str(configured.revision),
        ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _stage(session: Connection, stage: StockStage, rows: list[Staged]) -> None:
    """Stage the rows and forget them."""
    if rows:
        with session.begin():
            stage.add(rows)
        rows.clear()


@cache
def _code(connector: str) -> str:
    found = hashlib.sha256(__version__.encode())
    for place in (*SHAPING, f"connectors/{connector}"):
        paths = (ROOT / place).rglob("*.py") if (ROOT / place).is_dir() else ROOT.glob(place)
        for path in sorted(paths):
            found.update(path.read_bytes())
    return found.hexdigest()
