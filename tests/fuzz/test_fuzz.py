"""The short form of `make fuzz`, and proof that it finds what there is to find."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.mutate import mutate_json
from tests.fuzz.runner import Job, run_jobs
from tests.fuzz.target import Run, Target
from tests.fuzz.worker import Worker

ROOT = Path(__file__).parents[2]
SEED = b'{"name": "x", "items": [1, 2]}'


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    yield
    logging.disable(logging.NOTSET)


def test_a_thousand_hostile_inputs() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--inputs", "1500", "--seconds", "12", "--light"]
    done = subprocess.run(
        [*command, "--jobs", "1"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def planted(blob: bytes) -> None:
    """A parser with a mistake in it."""
    if b'"name": null' in blob:
        raise ZeroDivisionError


def spinning(blob: bytes) -> None:
    """A parser that does not end."""
    while blob != SEED:
        pass


def open_planted() -> Run:
    return Run([SEED], mutate_json, planted)


def test_a_planted_mistake_is_found_and_its_input_made_small() -> None:
    tally = Worker(Target("planted", open_planted), seed=3).work(0, 2000)
    (found,) = tally.found.values()
    assert found.kind.startswith("ZeroDivisionError")
    assert found.blob == b'"name": null'


def test_the_same_seed_gives_the_same_inputs() -> None:
    run = open_planted()
    cases = [run.case("planted", 5, index) for index in range(50)]
    assert cases == [open_planted().case("planted", 5, index) for index in range(50)]
    assert cases != [run.case("planted", 6, index) for index in range(50)]


def test_what_does_not_end_is_stopped_and_told() -> None:
    target = Target("spin", lambda: Run([SEED], mutate_json, spinning, limit=0.2))
    tally = Worker(target, seed=1).work(0, 3)
    assert [found.kind.split(" at ")[0] for found in tally.found.values()] == ["TooLong"]


def dying(blob: bytes) -> None:
    """A parser that takes the whole process with it."""
    if blob != SEED:
        import os

        os._exit(7)


def test_a_process_that_dies_is_a_finding_and_the_rest_goes_on() -> None:
    job = Job(Target("dying", lambda: Run([SEED], mutate_json, dying)), 3, 60.0)
    (done,) = run_jobs([job], seed=1, processes=1)
    (found,) = done.tally.found.values()
    assert (found.kind, found.index) == ("died (7)", 1)


def test_a_mutation_never_fails_itself() -> None:
    random = Random(1)  # noqa: S311  # repeatable, not secret
    blob = SEED
    for _ in range(500):
        blob = mutate_json(blob, random)[:5000] or SEED
