"""What reports are made of: figures, tables, and the arithmetic of the kept numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from hub.crm.periods import Period
from hub.store.report_tally import added

#: In a filter: those that have no manager, line, channel …
NOTHING: Final = "~"
Cell = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """One number with that of the period before. `good`: 1 more is better, -1 less is, 0 neither.

    `records` is the filter that lists exactly the records behind it; None for what is no number of
    records.
    """

    name: str
    value: Any
    unit: str = "count"
    before: Any = None
    good: int = 0
    records: Mapping[str, Any] | None = None
    currency: str = ""

    @property
    def change(self) -> Decimal | None:
        """By how many per cent it differs from the period before; points, of a share."""
        if self.value is None or self.before is None:
            return None
        value, former = Decimal(str(self.value)), Decimal(str(self.before))
        if self.unit == "percent":
            return value - former
        return (value - former) * 100 / abs(former) if former else None

    @property
    def verdict(self) -> str:
        """Whether the change is good news: good, bad or neither."""
        if not self.change or not self.good:
            return ""
        return "good" if (self.change > 0) == (self.good > 0) else "bad"


Key = tuple[str, ...]
Line = tuple[Key, dict[str, "Figure"]]


@dataclass(frozen=True)
class Table:
    """Rows of figures; each row's key tells of what: (manager,), (channel, campaign) …"""

    name: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    rows: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class Scope:
    """Whose records of which time: the filter that every number of a report begins with."""

    kind: str
    period: Period
    manager: str

    def records(self, **narrower: Any) -> dict[str, Any]:
        """The filter of some of the records."""
        found: dict[str, Any] = {
            "kind": self.kind,
            "since": self.period.first.isoformat(),
            "until": self.period.last.isoformat(),
        }
        if self.manager:
            found["manager"] = self.manager
        return found | {name: value for name, value in narrower.items() if value is not None}


def share(part: Any, whole: Any) -> float | None:
    """A part in per cent, to a tenth; None of nothing."""
    return float(round(Decimal(100) * Decimal(part) / Decimal(whole), 1)) if whole else None


def percentile(histogram: Mapping[str, Sequence[int]], per_cent: int) -> int | None:
    """The smallest value that so many per cent of all do not exceed; words are no values."""
    values = sorted((int(key), cell[0]) for key, cell in histogram.items() if key.isdigit())
    wanted = sum(number for _, number in values) * per_cent
    met = 0
    for value, number in values:
        met += number
        if met * 100 >= wanted:
            return value
    return None


def cell(names: tuple[str, ...], values: Iterable[Sequence[Any]]) -> Cell:
    """Cells added up, by name."""
    found: list[Any] = []
    for one in values:
        found = added(found, one) if found else list(one)
    return dict(zip(names, found or [0] * len(names), strict=True))


def in_band(histogram: Mapping[str, Sequence[int]], low: int, high: int | None) -> int:
    """How many lie from `low` to below `high`."""
    return sum(
        one[0]
        for key, one in histogram.items()
        if key.isdigit() and low <= int(key) and (high is None or int(key) < high)
    )


def pairs(
    now: Cell, then: Cell, wanted: Sequence[tuple[str, str, int, Mapping[str, Any] | None]]
) -> list[Figure]:
    """Figures (name, unit, which way is good, filter) of two periods."""
    return [
        Figure(name, now[name], unit, then[name], good, records)
        for name, unit, good, records in wanted
    ]


def banded(
    scope: Scope,
    name: str,
    histogram: Mapping[str, Sequence[int]],
    bands: Sequence[tuple[int, int | None]],
    ends: Sequence[tuple[str, int]],
    whole: int,
) -> Table:
    """A table of how long it took: records and their share by band, then by end."""
    counted = [(f"{low}-{high or ''}", in_band(histogram, low, high)) for low, high in bands]
    rows: list[Line] = [
        (
            (key,),
            {
                "records": Figure("records", number, records=scope.records(**{name: key})),
                "share": Figure("share", share(number, whole), "percent"),
            },
        )
        for key, number in (*counted, *ends)
    ]
    return Table(name, (name,), ("records", "share"), rows if whole else [])


def largest_first(rows: list[Line], column: str) -> list[Line]:
    """Rows by a number, the largest first, then by name."""
    return sorted(rows, key=lambda row: (-(row[1][column].value or 0), row[0]))
