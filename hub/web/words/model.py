"""How one value is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

GOOD, BAD, WARN, INFO, QUIET = "green", "red", "orange", "azure", "secondary"


@dataclass(frozen=True)
class Word:
    """How one value is shown."""

    label: Any
    icon: str
    tone: str = QUIET
