"""An event that kills its worker is parked after a few deaths and says so; the others are done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from hub.store.models import attempts, events, leads
from tests.faults.conftest import environment
from tests.faults.poison import DEADLY
from tests.support import grafting
from tests.support.hub import Hub, lead
from tests.support.running import running_hub
from tests.support.waiting import wait_until

LEADS, DEATHS = 12, 3
OPEN = ("received", "waiting")


@pytest.mark.timeout(240)
def test_poison_is_parked_and_said(sqlite_hub: Hub, home: Path) -> None:
    hub = sqlite_hub
    hub.site()
    (home / "hub.yml").write_text(f"events: {{poison_deaths: {DEATHS}}}\n")
    grafts = grafting.environment(connectors__standard_webhook__webhook="tests.faults.poison")
    known = environment(hub)
    for number in range(LEADS):
        deadly = {"name": DEADLY} if number == 4 else {}
        hub.post("site", lead(number, **deadly))
    with running_hub(home, **known, **grafts) as running, requests.Session() as session:
        assert running.post(session, "site", lead(LEADS))
        wait_until(
            lambda: not any(hub.statuses().get(status) for status in OPEN),
            90,
            f"the end of the work ({running.output})",
        )
        assert hub.statuses() == {"done": LEADS, "dead": 1}
        parked = hub.one(events, status="dead")
        assert (parked["event_key"], parked["error_code"]) == ("evt-4", "poison")
        assert f"died {DEATHS} times" in parked["error_message"]
        shown = said(home, known, "events", "list", "--status", "dead")
        assert [item["error_code"] for item in shown] == ["poison"]
    assert len(hub.rows(leads)) == LEADS
    # The deaths left no half of anything.
    assert len(hub.rows(attempts, outcome="succeeded")) == LEADS


def said(home: Path, known: dict[str, str], *words: str) -> list[dict[str, str]]:
    """What a command lists."""
    done = subprocess.run(
        [sys.executable, "-m", "hub.cli", *words, "--json"],
        env={**os.environ, **known, "HUB_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    items: list[dict[str, str]] = found["items"] if isinstance(found, dict) else found
    return items
