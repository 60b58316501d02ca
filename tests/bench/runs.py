"""The kept runs of `make bench`: var/bench/runs/<when>/<benchmark>.json, and how they are shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench.report import RESULTS
from tests.bench.tables import aligned

RUNS = RESULTS / "runs"
#: What the runner itself writes beside the reports.
OUTCOME = "_run.json"
REACHED = {True: "yes", False: "NO", None: ""}

Document = Mapping[str, Any]


def run_folders(runs: Path = RUNS) -> list[Path]:
    """The kept runs, oldest first."""
    return sorted(path.parent for path in runs.glob(f"*/{OUTCOME}"))


def reports(folder: Path) -> list[Document]:
    """The reports of one run, by name."""
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.json"))
        if path.name != OUTCOME
    ]


def summary(folder: Path) -> str:
    """One table of everything that one run measured."""
    rows: list[tuple[str, ...]] = [("what", "value", "ratio", "must", "reached")]
    for report in reports(folder):
        rows += [
            (
                f"{report['name']}: {figure['what']}",
                _value(figure),
                _ratio(figure),
                str(figure["must"]),
                REACHED[figure["reached"]],
            )
            for figure in report["figures"]
        ]
    return aligned(rows)


def comparison(before: Path, after: Path) -> str:
    """Two runs side by side: value and ratio then and now, how much the value changed."""
    rows: list[tuple[str, ...]] = [
        ("what", "before", "after", "change", "ratio before", "ratio after", "reached")
    ]
    old, new = _by_name(before), _by_name(after)
    for name in dict.fromkeys([*old, *new]):
        rows.append((name, *_side_by_side(old.get(name), new.get(name))))
    return aligned(rows)


def _by_name(folder: Path) -> dict[str, Document]:
    return {
        f"{report['name']}: {figure['what']}": figure
        for report in reports(folder)
        for figure in report["figures"]
    }


def _side_by_side(old: Document | None, new: Document | None) -> Iterator[str]:
    yield _value(old)
    yield _value(new)
    yield f"×{new['value'] / old['value']:.2f}" if old and new and old["value"] else ""
    yield _ratio(old)
    yield _ratio(new)
    words = [REACHED[figure["reached"]] if figure else "" for figure in (old, new)]
    yield words[1] if words[0] == words[1] else " → ".join(word or "–" for word in words)


def _value(figure: Document | None) -> str:
    return f"{figure['value']:,.2f} {figure['unit']}" if figure else "–"


def _ratio(figure: Document | None) -> str:
    ratio = figure["ratio"] if figure else None
    return "" if ratio is None else f"×{ratio:.2f}"
