"""What the demo keeps between its starts: when the first one was, the password it showed."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from hub.store.database import utc_now

MEMORY = "demo.json"


def remembered(home: Path) -> dict[str, str]:
    """What the demo keeps between its starts."""
    try:
        found: dict[str, str] = json.loads((home / MEMORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def remember(home: Path, **values: str) -> None:
    """Keep some values for the next start, for the owner's eyes only."""
    handle = os.open(home / f"{MEMORY}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({**remembered(home), **values}, file)
    (home / f"{MEMORY}.new").replace(home / MEMORY)


def first_start(home: Path) -> datetime:
    """When the demo was first started in this HUB_HOME."""
    known = remembered(home).get("started_at")
    if known is None:
        known = utc_now().replace(microsecond=0).isoformat()
        remember(home, started_at=known)
    return datetime.fromisoformat(known)
