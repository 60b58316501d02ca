"""How every benchmark prints: one line a figure, its floor, their ratio; JSON kept beside."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

RESULTS = Path("var/bench")


class Report:
    """Figures of one benchmark."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.figures: dict[str, float] = {}
        print(f"\n== {name} ({platform.machine()}, {os.cpu_count()} cores)")

    def add(
        self,
        what: str,
        value: float,
        floor: float | None = None,
        unit: str = "/s",
        target: str = "",
    ) -> None:
        """Print a figure, its ratio to the floor, and what it must reach; nothing is asserted."""
        self.figures[what] = value
        line = f"{what:<60} {value:>12,.2f} {unit}"
        if floor:
            self.figures[f"{what}: ratio"] = value / floor
            line += f"   ×{value / floor:.2f} of the floor"
        print(f"{line}   [must: {target}]" if target else line, flush=True)

    def save(self) -> None:
        """Keep the figures for comparison."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        path.write_text(json.dumps(self.figures, indent=1, ensure_ascii=False), encoding="utf-8")
