"""Stock levels: pages and webhooks written set-wise, what is gone, how many there are."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select, text

from hub.store import stock_adopt, stock_history
from hub.store.cursors import forget_answers
from hub.store.database import utc_now
from hub.store.models import stock_levels
from hub.store.stock_rows import KEY, Origin, Staged, Written, moment_text
from hub.store.stock_stage import EMPTIED, StockStage
from hub.store.stock_words import fill_blanks


def write_rows(
    db: Connection, origin: Origin, rows: Iterable[Staged], *, replaces: bool = False
) -> Written:
    """Write rows that a page or webhooks brought, newer ones only, in the caller's transaction.

    `replaces`: an item's rows are all its warehouses, levels of others become zero.
    """
    stage = StockStage(db, origin, full=False)
    stage.replaces = replaces
    stage.add(list(rows))
    stage.settle()
    if replaces:
        fill_blanks(db, origin.connection_id)
    if stock_adopt.find(db, origin.connection_id):
        stock_adopt.adopt(db)
    written = stage.compare()
    if stage.differing:
        for part in stage.parts():
            stage.write(part)
    if stage.emptied:
        stage.empty()
    return written


def note_events(db: Connection, connection_id: int, setters: Iterable[tuple[Staged, int]]) -> None:
    """Remember which event told each of these rows, right after they were written."""
    given = [
        {"event": event_id, "connection": connection_id, **dict(zip(KEY, row[:3], strict=True))}
        for row, event_id in setters
    ]
    if given:
        where = " AND ".join(f"{name} = :{name}" for name in KEY)
        db.execute(
            text(
                "UPDATE stock_levels SET event_id = :event"  # noqa: S608  # our names
                f" WHERE connection_id = :connection AND {where}"
                # Rows that the write left as they were keep whose they are.
                " AND run_id IS NULL AND event_id IS NULL"
            ),
            given,
        )


def stored_rows(db: Connection, connection_id: int, stream: str) -> int:
    """How many levels the stream has."""
    levels = stock_levels.c
    return (
        db.scalar(
            select(func.count())
            .select_from(stock_levels)
            .where(levels.connection_id == connection_id, levels.stream == stream)
            .where(levels.removed_at.is_(None))
        )
        or 0
    )


def forget_item(db: Connection, origin: Origin, item_key: str, event_id: int | None) -> None:
    """What webhooks told of a product's stock up to the origin's moment is gone; polled rows
    stay."""
    moment = ("{}" if db.dialect.name == "sqlite" else "CAST({} AS TIMESTAMPTZ)").format
    told = (
        "s.connection_id = :connection_id AND s.stream = '' AND s.item_key = :item_key"
        f" AND s.removed_at IS NULL AND (s.as_of IS NULL OR s.as_of <= {moment(':at')})"
    )
    given = {
        "connection_id": origin.connection_id,
        "item_key": item_key,
        "at": moment_text(origin.at),
    }
    stock_history.keep(db, f"stock_levels s WHERE {told}", given, stock_history.today(origin.zone))
    done = db.execute(
        text(
            f"UPDATE stock_levels AS s SET {EMPTIED}, run_id = :run_id, event_id = :event_id,"  # noqa: S608  # our names
            f" updated_at = {moment(':now')}, removed_at = {moment(':now')} WHERE {told}"
        ),
        {
            **given,
            "now": moment_text(utc_now()),
            "run_id": origin.run_id,
            "event_id": event_id,
        },
    )
    if done.rowcount:
        forget_answers(db, origin.connection_id)
