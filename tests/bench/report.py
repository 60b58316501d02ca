"""How every benchmark prints: one line a figure, its floor, their ratio; JSON kept beside."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.machine import machine

RESULTS = Path("var/bench")
#: Where one whole run of `make bench` collects its reports; tests/bench/__main__.py sets it.
FOLDER_VARIABLE = "BENCH_FOLDER"


@dataclass(frozen=True)
class Figure:
    """One measured thing. A bound is for the ratio where there is a floor, else for the value."""

    what: str
    value: float
    unit: str
    floor: float | None = None
    target: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        """The value over its floor."""
        return self.value / self.floor if self.floor else None

    @property
    def must(self) -> str:
        """What it must reach, for people."""
        if self.target:
            return self.target
        unit = " of the floor" if self.floor else f" {self.unit}"
        bounds = (("≥", self.at_least), ("≤", self.at_most))
        return ", ".join(f"{sign} {bound:g}{unit}" for sign, bound in bounds if bound is not None)

    @property
    def reached(self) -> bool | None:
        """Whether it is within its bounds; None when it has none that a machine can read."""
        if self.at_least is None and self.at_most is None:
            return None
        ratio = self.ratio
        judged = self.value if ratio is None else ratio
        return (self.at_least is None or judged >= self.at_least) and (
            self.at_most is None or judged <= self.at_most
        )

    def as_json(self) -> dict[str, Any]:
        """Everything, the derived too."""
        derived = {"ratio": self.ratio, "must": self.must, "reached": self.reached}
        return {**asdict(self), **derived}


class Report:
    """Figures of one benchmark; each is kept as soon as it is added."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.figures: list[Figure] = []
        self._at = datetime.now(UTC).isoformat(timespec="seconds")
        print(f"\n== {name} ({platform.machine()}, {os.cpu_count()} cores)")

    def add(
        self,
        what: str,
        value: float,
        floor: float | None = None,
        unit: str = "/s",
        target: str = "",
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Print a figure, its ratio to the floor, and what it must reach; nothing is asserted.

        `at_least` and `at_most` bound the ratio where a floor is given, else the value; from them
        comes «reached: yes/no». `target` is text for people alone; it takes the bounds' place in
        print, not in judging.
        """
        figure = Figure(what, value, unit, floor, target, at_least, at_most)
        self.figures.append(figure)
        line = f"{what:<60} {value:>12,.2f} {unit}"
        if figure.ratio is not None:
            line += f"   ×{figure.ratio:.2f} of the floor"
        if figure.must:
            line += f"   [must: {figure.must}]"
        if figure.reached is not None:
            line += f" {YES_NO[figure.reached]}"
        print(line, flush=True)
        self.save()

    def save(self) -> None:
        """Keep the figures with the date and the machine, for comparison."""
        folder = Path(os.environ.get(FOLDER_VARIABLE) or RESULTS)
        folder.mkdir(parents=True, exist_ok=True)
        document = {
            "name": self.name,
            "at": self._at,
            "machine": machine(),
            "figures": [figure.as_json() for figure in self.figures],
        }
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


#: Of `Figure.reached`, for people.
YES_NO = {True: "reached", False: "NOT REACHED", None: ""}
