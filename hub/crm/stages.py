"""Where a lead or an order stands in the hub's own work with it.

Its `status` belongs to its source and is never written by a person's move. The stage follows the
status whenever that changes; between two changes people move the record themselves (decision 0032).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hub.settings import Settings

#: The column that holds it, of each entity that has a board.
COLUMN: Final = {"lead": "stage", "order": "stage", "deal": "stage"}
DEFAULT: Final[dict[str, tuple[str, ...]]] = {
    "lead": ("new", "in_work", "waiting", "won", "lost"),
    "order": ("new", "in_work", "waiting", "shipping", "done", "cancelled"),
    "deal": (),
}
FIRST: Final = "new"
MAX_CHARACTERS: Final = 32
_OF_STATUS: Final[dict[str, dict[str, str]]] = {
    "order": {
        "pending": "new",
        "processing": "in_work",
        "on-hold": "waiting",
        "completed": "done",
        "cancelled": "cancelled",
        "refunded": "cancelled",
        "failed": "cancelled",
    },
    "lead": {
        "new": "new",
        "open": "new",
        **dict.fromkeys(("in_work", "in_progress", "processing", "contacted"), "in_work"),
        **dict.fromkeys(("won", "converted", "done", "success"), "won"),
        **dict.fromkeys(("lost", "rejected", "spam", "junk", "cancelled"), "lost"),
    },
}


def stages(settings: Settings, entity: str) -> tuple[str, ...]:
    """The stages of an entity's board in their order (`sales.<entity>_stages` of hub.yml)."""
    given = settings.option(f"sales.{entity}_stages", None)
    if not isinstance(given, list) or not given:
        return DEFAULT[entity]
    return tuple(dict.fromkeys(str(item).strip()[:MAX_CHARACTERS] for item in given if str(item)))


def stage_changes(
    entity: str, row: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The stage that a new status brings, with who brought it; empty when it brings none."""
    words = _OF_STATUS.get(entity)
    if words is None or "status" not in changes or "stage" in changes:
        return {}
    origins = dict(changes.get("origins") or row.get("origins") or {})
    stage = words.get(str(changes["status"] or "").strip().lower())
    if stage is None:
        # A word nobody knows leaves what a person has moved; else it says nothing, in whatever
        # order it came.
        stage = row.get("stage") if "u" in origins.get("stage", {}) else FIRST
    if stage == (row.get("stage") or FIRST):
        return {}
    if "status" in origins:
        origins["stage"] = origins["status"]
    return {"stage": stage, "origins": origins}
