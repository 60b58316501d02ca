"""How old the stock is: when each source last answered, and whether that is too long ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.schedules import expected_period
from hub.sdk.errors import HubError
from hub.store.connections import Configured
from hub.store.database import utc_now
from hub.store.lists import pages
from hub.store.store import Store


@dataclass(frozen=True)
class StockSource:
    """One polled stock stream. `state`: fresh | stale | never."""

    connection: str
    title: str
    stream: str
    fresh_at: datetime | None
    state: str
    paused: bool


def stock_sources(store: Store, now: datetime | None = None) -> list[StockSource]:
    """Every stock stream with its age; the sources that matter for «as of» on pages."""
    moment = now or utc_now()
    fresh = pages.fresh_times(store.database)
    factor = float(store.settings.option("stock.stale_after_periods", 3))
    found = []
    for configured in store.catalog.all():
        for name in configured.stream_names():
            stream = configured.stream(name)
            if stream.entity != "stock" or stream.direction == "out":
                continue
            at = fresh.get((configured.id, name))
            limit = _period(configured, name, moment) * factor
            title = configured.connection.title or configured.name
            paused = configured.state == "paused"
            state = _state(at, moment, limit)
            found.append(StockSource(configured.name, title, name, at, state, paused))
    return found


def _state(at: datetime | None, now: datetime, limit: float) -> str:
    if at is None:
        return "never"
    return "stale" if limit and (now - at).total_seconds() > limit else "fresh"


def _period(configured: Configured, stream: str, now: datetime) -> float:
    """Seconds between two polls; 0 for a stream that is polled by hand only."""
    rule = configured.schedule.get(stream) or configured.stream(stream).schedule
    if not rule:
        return 0.0
    try:
        return expected_period(rule, now, configured.connection.timezone)
    except (HubError, ValueError):
        return 0.0
