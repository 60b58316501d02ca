"""What the benchmarks say and keep; no benchmark is run here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import run
from tests.bench.report import FOLDER_VARIABLE, Figure, Report
from tests.bench.runs import OUTCOME, comparison, run_folders, summary

GOOD = """
from tests.bench.report import Report
report = Report("good")
report.add("accepts", {value}, 1000, at_least=0.7)
report.add("memory", 12.5, unit="MB", at_most=40)
report.add("a word", 1, target="as in the picture")
"""
#: It fails after its first figure.
BAD = """
from tests.bench.report import Report
Report("bad").add("first", 5)
raise SystemExit(3)
"""


@pytest.mark.parametrize(
    ("figure", "reached"),
    [
        (Figure("x", 700, "/s", floor=1000, at_least=0.7), True),
        (Figure("x", 699, "/s", floor=1000, at_least=0.7), False),
        (Figure("x", 699, "/s", at_least=600), True),
        (Figure("x", 50, "ms", at_most=50), True),
        (Figure("x", 50.1, "ms", at_most=50), False),
        (Figure("x", 0.5, "/s", at_least=0, at_most=1), True),
        (Figure("x", 2, "/s", at_least=0, at_most=1), False),
        (Figure("x", 0, "MB", floor=0, at_most=0), True),
        (Figure("x", 700, "/s", floor=1000, target="≥ 0.70"), None),
    ],
)
def test_a_bound_judges_the_ratio_or_without_a_floor_the_value(
    figure: Figure, reached: bool | None
) -> None:
    assert figure.reached is reached


def test_what_must_be_reached_is_said_in_words() -> None:
    assert Figure("x", 1, "/s", floor=2, at_least=0.7).must == "≥ 0.7 of the floor"
    assert Figure("x", 1, "MB", at_least=1, at_most=40).must == "≥ 1 MB, ≤ 40 MB"
    assert Figure("x", 1, "MB", at_most=40, target="flat").must == "flat"


def test_every_figure_is_kept_at_once_with_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    Report("one").add("accepts", 650, 1000, at_least=0.7)

    kept = json.loads((tmp_path / "one.json").read_text("utf-8"))
    assert kept["figures"][0] | {"ratio": 0.65, "reached": False} == kept["figures"][0]
    assert {"cores", "cpu", "system", "python", "sqlite", "postgresql"} <= kept["machine"].keys()
    assert "×0.65 of the floor   [must: ≥ 0.7 of the floor] NOT REACHED" in capsys.readouterr().out


def script(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_benchmark_that_fails_stops_no_other(tmp_path: Path) -> None:
    failed = run(
        {"bad": script(BAD), "good": script(GOOD.format(value=900))}, tmp_path / "runs" / "1"
    )

    assert failed == {"bad": "exit code 3"}
    table = [" ".join(line.split()) for line in summary(tmp_path / "runs" / "1").splitlines()]
    assert "bad: first 5.00 /s" in table
    assert "good: accepts 900.00 /s ×0.90 ≥ 0.7 of the floor yes" in table
    assert "good: memory 12.50 MB ≤ 40 MB yes" in table
    assert "good: a word 1.00 /s as in the picture" in table
    outcome = json.loads((tmp_path / "runs" / "1" / OUTCOME).read_text("utf-8"))
    assert outcome["failed"] == failed
    assert outcome["seconds"].keys() == {"bad", "good"}


def test_a_benchmark_that_hangs_is_ended_and_named(tmp_path: Path) -> None:
    failed = run({"slow": script("import time; time.sleep(60)")}, tmp_path / "1", 0.1)
    assert failed == {"slow": "not done after 0.1 s"}


def test_two_runs_stand_side_by_side(tmp_path: Path) -> None:
    for name, value in (("1", 900), ("2", 600)):
        run({"good": script(GOOD.format(value=value))}, tmp_path / name)
    (tmp_path / "half-done").mkdir()

    before, after = run_folders(tmp_path)
    lines = [" ".join(line.split()) for line in comparison(before, after).splitlines()]
    assert "good: accepts 900.00 /s 600.00 /s ×0.67 ×0.90 ×0.60 yes → NO" in lines
    assert "good: memory 12.50 MB 12.50 MB ×1.00 yes" in lines
