"""`hub demo --once`: every emulated vendor's data arrive, the first time and the second."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.embedded import demo, demo_memory, demo_report
from hub.embedded.demo_report import Tally
from hub.registry import manifests
from hub.store.store import Store
from tests.embedded.conftest import HubProcess
from tests.support.hub import Hub, lead

pytestmark = pytest.mark.timeout(180)


def polled(output: str, name: str) -> int:
    """The number under «polled» in a connection's line of the table."""
    (line,) = [line for line in output.splitlines() if line.startswith(f"✓ {name} ")]
    number = line.split()[5]
    return int(number) if number.isdigit() else 0


def test_everything_arrives_and_a_second_start_only_repeats(tmp_path: Path) -> None:
    for start in ("first", "second"):
        run = HubProcess(tmp_path / "home", "demo", "--once")
        try:
            assert run.process.wait(100) == 0, f"{start}: {run.output}"
        finally:
            run.cleanup()
        for name in manifests():
            assert f"✓ {name}-demo" in run.output, start
        assert "missing" not in run.output
        if start == "first":
            assert (
                polled(run.output, "imap-demo") >= 8
            )  # each of its letters, whoever began the run
        assert "admin@uzel.local, password " in run.output
        assert run.children() == {}


def test_what_is_short_or_doubled_is_named() -> None:
    tally = Tally("shop", 1, {"order": 14, "contact": 6}, stored={"order": 13, "contact": 7})
    assert demo_report.missing(tally, exact=True) == [
        "order: 13 instead of 14",
        "contact: 7 instead of 6",
    ]
    assert demo_report.missing(tally, exact=False) == ["order: 13 instead of 14"]


def test_the_table_shows_what_failed() -> None:
    good = Tally("site", 1, {"lead": 8}, sent=13, accepted=13, events_now=10, stored={"lead": 8})
    bad = Tally("shop", 2, {"order": 14}, stored={"order": 3}, problems=["order: 3 instead of 14"])
    head, first, second = demo_report.lines([good, bad], "en")
    assert "repeats" in head
    assert first.startswith("✓ site")
    assert "13" in first
    assert "leads 8/8" in first
    assert second.startswith("✗ shop")
    assert good.repeats == 3


def test_it_counts_what_a_connection_brought(sqlite_store: Store) -> None:
    hub = Hub(sqlite_store)
    key = hub.site().id
    for number in (1, 2):
        hub.post("site", lead(number))
    with sqlite_store.database.read() as db:
        assert demo_report.count_events(db, key) == 2
        assert demo_report.unfinished(db, [key]) == 2
        assert demo_report.troubles(db, key, [])
    hub.drain()
    with sqlite_store.database.read() as db:
        assert demo_report.stored(db, key) == {"lead": 2, "contact": 2}
        assert demo_report.unfinished(db, [key]) == 0
        assert demo_report.troubles(db, key, []) == []


def test_its_memory_is_for_the_owner_only(tmp_path: Path) -> None:
    first = demo_memory.first_start(tmp_path)
    demo_memory.remember(tmp_path, password="secret")
    assert demo_memory.first_start(tmp_path) == first
    assert demo_memory.remembered(tmp_path)["password"] == "secret"
    assert (tmp_path / demo_memory.MEMORY).stat().st_mode & 0o777 == 0o600


def test_an_own_hub_yml_is_kept(tmp_path: Path) -> None:
    demo.write_defaults(tmp_path)
    assert "127.0.0.0/8" in (tmp_path / "hub.yml").read_text()
    (tmp_path / "hub.yml").write_text("network: {allow: []}\n")
    demo.write_defaults(tmp_path)
    assert (tmp_path / "hub.yml").read_text() == "network: {allow: []}\n"
