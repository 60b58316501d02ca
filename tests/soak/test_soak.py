"""The short form of `make soak`: what the long one does, a few kills on each database."""

from __future__ import annotations

import pytest

from tests.soak.effects import differences
from tests.soak.plan import OTHERS, VICTIMS, plan
from tests.soak.script import chapters
from tests.soak.soak import quiet, soak

SEED, KILLS, MINUTES = 20, 8, 0.3


@pytest.mark.timeout(400)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_is_lost_or_doubled(database: str) -> None:
    quiet()
    outcome = soak(database, SEED, KILLS, MINUTES)
    assert outcome.problems == []
    assert outcome.kills.total()
    assert outcome.figures["events acknowledged"]
    assert outcome.figures["messages out"]


def test_a_seed_replays() -> None:
    assert list(chapters(3, 12)) == list(chapters(3, 12))
    assert list(chapters(3, 2)) != list(chapters(4, 2))
    assert plan(3, 50, postgres=True) == plan(3, 50, postgres=True)
    assert plan(3, 50, postgres=True) != plan(4, 50, postgres=True)


def test_a_plan_holds_every_kind_of_fault() -> None:
    faults = plan(1, 1000, postgres=False)
    assert sum(fault.is_kill for fault in faults) == 1000
    assert {fault.kind for fault in faults} == {*VICTIMS, *OTHERS}


def test_a_difference_is_named() -> None:
    calm = {"leads": {"L-1": "a", "L-2": "b"}}
    assert differences(calm, calm) == []
    (said,) = differences({"leads": {"L-1": "a"}}, calm)
    assert said == "leads L-2: None instead of b"
