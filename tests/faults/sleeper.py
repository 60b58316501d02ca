"""A worker's process that falls asleep in the middle of its work, for tests that stop it there.

`python -m tests.faults.sleeper drain CONNECTION_ID` or `… sync RUN_ID`, in the hub's environment.
It says that it is there by the file `asleep` in HUB_HOME and goes on when `go` lies there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub import settings as hub_settings
from hub.flow import drain, poll
from hub.registry import connector
from hub.store.store import Store
from tests.support.waiting import wait_until

LONGEST_SECONDS = 60


def sleepy(home: Path, real: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with a sleep before its first call."""

    def call(*arguments: Any) -> Any:
        (home / "asleep").touch()
        wait_until(lambda: (home / "go").exists(), LONGEST_SECONDS, "the end of the sleep")
        return real(*arguments)

    return call


def main(work: str, number: int) -> None:
    """Do the work and print what it said."""
    settings = hub_settings.load()
    store = Store.open(settings)
    if work == "drain":
        site = connector("standard_webhook")
        site.__dict__["parse"] = sleepy(settings.home, site.parse or print)
        print(drain.drain(store, number, max_seconds=0.1))
    else:
        onec = connector("onec_soap")
        onec.__dict__["read"] = sleepy(settings.home, onec.read or print)
        print(repr(poll.run_sync(store, number)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
