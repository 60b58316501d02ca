"""The rows of the table of peers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: How many columns are words; the rest are figures.
WORDS = 2
HEADINGS = (
    "peer", "2xx means it is in", "accepts/s", "events/s", "visible p50 / p99 ms",
    "acknowledged", "lost", "doubled", "idle PSS MB",
)  # fmt: skip


def row(found: Mapping[str, Any]) -> tuple[str, ...]:
    """One peer's cells; «–» for what could not be measured."""
    lost = _number(found.get("lost"))
    if found.get("still_working"):
        lost += " (still working)"
    events = _number(found.get("events_per_second"))
    if found.get("flood_left"):
        events += " (falls behind)"
    visible = (
        f"{_number(found.get('visible_p50_ms'), 1)} / {_number(found.get('visible_p99_ms'), 1)}"
    )
    if found.get("never_visible"):
        visible += f" ({found['never_visible']} not within 10 s)"
    return (
        f"{found['title']} {found['version']}",
        str(found["keeps"]),
        _number(found.get("accepts_per_second")),
        events,
        visible,
        _number(found.get("acknowledged")),
        lost,
        _number(found.get("doubled")),
        _number(found.get("idle_pss_mb")),
    )


def _number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}".replace(",", " ")
