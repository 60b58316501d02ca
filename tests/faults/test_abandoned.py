"""What a killed worker was at never shows as running: not a sync run, not a job in RQ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
import requests

from connectors.onec_soap.emulator import Emulator as OneC
from hub.flow import poll
from tests.faults.conftest import environment
from tests.flow.onec import goods
from tests.support.hub import Hub
from tests.support.running import RunningHub, running_hub
from tests.support.waiting import wait_until

DEPTH = re.compile(r'^uzel_queue_depth\{queue="(\w+)"\} (\S+)$', re.MULTILINE)


def depths(running: RunningHub) -> dict[str, float]:
    """How many jobs wait in each queue, as Prometheus reads it."""
    text = requests.get(f"http://127.0.0.1:{running.port}/metrics", timeout=10).text
    return {name: float(count) for name, count in DEPTH.findall(text)}


@pytest.mark.timeout(240)
def test_a_killed_workers_run_waits_and_is_done(sqlite_hub: Hub, home: Path) -> None:
    hub, base, answered = sqlite_hub, OneC(), Event()

    def slowly() -> Iterator[bytes]:
        yield goods(10)[:900]
        answered.wait(60)

    base.answers["GetRemains"] = slowly()
    base.start()
    try:
        hub.connect("onec", {**base.connection(), "schedule": {}})
        with running_hub(home, **environment(hub)) as running:
            run_id = poll.request_run(hub.store, "onec", "stock", "person")
            wait_until(lambda: hub.run(run_id)["status"] == "running", 60, running.output)
            first_start = hub.run(run_id)["started_at"]
            base.answers["GetRemains"] = goods(10)
            assert running.kill("worker bulk") == 1
            wait_until(
                lambda: hub.run(run_id)["status"] == "succeeded", 60, f"the run ({running.output})"
            )
            assert hub.run(run_id)["started_at"] > first_start
            # RQ itself counts the dead worker's job as begun for hours; no figure of ours does.
            assert depths(running) == {"live": 0, "deliver": 0, "bulk": 0}
    finally:
        answered.set()
        base.stop()
