"""A worker that sleeps past its lease in the middle of its work wakes up and cannot write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.onec_soap.emulator import Emulator as OneC
from hub.flow import poll
from hub.store.models import attempts, changes, leads, leases
from tests.faults.conftest import environment
from tests.flow.onec import goods
from tests.support.hub import Hub, lead
from tests.support.waiting import wait_until

LEADS = 5
LEASES = "leases: {drain_seconds: 0.5, sync_seconds: 0.5}\n"
START_SECONDS = 30


@contextmanager
def asleep(hub: Hub, home: Path, work: str, number: int) -> Iterator[subprocess.Popen[str]]:
    """A worker at this work, stopped in the middle of it; it goes on when the block ends."""
    (home / "hub.yml").write_text(LEASES)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.sleeper", work, str(number)],
        env={**os.environ, **environment(hub), "HUB_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until((home / "asleep").exists, START_SECONDS, "the sleeper's work")
        process.send_signal(signal.SIGSTOP)
        yield process
    finally:
        (home / "go").touch()
        process.send_signal(signal.SIGCONT)


def test_its_batch_is_another_ones_now(hub: Hub, home: Path) -> None:
    site = hub.site()
    for number in range(LEADS):
        hub.post("site", lead(number))
    with asleep(hub, home, "drain", site.id) as sleeper:
        # Refused as long as the lease holds: its holder's process is there.
        wait_until(lambda: hub.drain() == LEADS, 20, "the end of the lease")
        hub.post("site", lead(1, event_id="later", subject="Новое"))
        assert hub.drain() == 1
        before = (hub.rows(leads), hub.rows(changes), hub.one(leases, name=f"drain-{site.id}"))
    said, _ = sleeper.communicate(timeout=START_SECONDS)
    assert (said.strip(), sleeper.returncode) == ("0", 0)
    assert before == (
        hub.rows(leads),
        hub.rows(changes),
        hub.one(leases, name=f"drain-{site.id}"),
    )
    tried = Counter(row["subject_id"] for row in hub.rows(attempts))
    assert set(tried.values()) == {1}


def test_its_sync_run_is_another_ones_now(hub: Hub, home: Path) -> None:
    base = OneC()
    base.start()
    try:
        base.answers["GetRemains"] = goods(10, quantity="5")
        hub.connect("onec", base.connection())
        run_id = poll.request_run(hub.store, "onec", "stock", "person")
        with asleep(hub, home, "sync", run_id) as sleeper:
            wait_until(
                lambda: poll.run_sync(hub.store, run_id) == "succeeded", 20, "the end of the lease"
            )
            base.answers["GetRemains"] = goods(10, quantity="6")
            assert hub.sync("onec", "stock")["status"] == "succeeded"
            base.answers["GetRemains"] = goods(10, quantity="4")
            before = hub.levels()
        said, _ = sleeper.communicate(timeout=START_SECONDS)
    finally:
        base.stop()
    assert (said.strip(), sleeper.returncode) == ("''", 0)
    assert {row["quantity"] for row in before} == {6}
    assert before == hub.levels()
    assert hub.run(run_id)["status"] == "succeeded"
