"""A worker's process that carries out one sync run and stops for ever at a named moment.

`python -m tests.support.doomed_sync RUN_ID MOMENT NUMBER`: at the NUMBER-th time of MOMENT it
prints «here» and waits to be killed. The hub's settings come from the environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

from hub import settings
from hub.flow import poll, sync_run
from hub.store import cursors
from hub.store.store import Store
from tests.support.hub import Hub

#: Where it may stop: inside the transaction of a page; after it; inside a part of a snapshot;
#: when a shop has taken a batch, before and after the hub has that in writing.
MOMENTS = ("cursor", "noted", "part", "sent", "remembered")


def killed_at(hub: Hub, run_id: int, moment: str, number: int) -> None:
    """Carry out a run in a process that is killed (-9) at this moment."""
    given = hub.store.settings
    environment = {
        **os.environ,
        "HUB_HOME": str(given.home),
        "DATABASE_URL": given.database_url,
        "REDIS_URL": given.redis_url,
        "HUB_SECRET_KEY": given.secret_key,
    }
    arguments = [
        sys.executable,
        "-m",
        "tests.support.doomed_sync",
        str(run_id),
        moment,
        str(number),
    ]
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with closing(process.stdout):
        said = process.stdout.readline().strip()
        process.kill()
        process.wait(timeout=30)
    assert said == "here", f"the run ended before {moment} {number}: {said}"


def stopping(function: Callable[..., Any], number: int, *, after: bool) -> Callable[..., Any]:
    """The function, stopping for ever at its call of this number, before or after its work."""
    calls = 0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        result = function(*args, **kwargs) if after or calls < number else None
        if calls == number:
            print("here", flush=True)
            threading.Event().wait()
        return result

    return call


def main() -> None:
    """Carry out the run up to the moment."""
    run_id, moment, number = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    if moment == "cursor":
        vars(sync_run)["move_cursor"] = stopping(cursors.move_cursor, number, after=True)
    elif moment == "noted":
        sync_run.SyncRun.note_issues = stopping(  # type: ignore[method-assign]  # on purpose
            sync_run.SyncRun.note_issues, number, after=True
        )
    elif moment in {"sent", "remembered"}:
        from hub.store import stock_out

        vars(stock_out)["remember"] = stopping(
            stock_out.remember, number, after=moment == "remembered"
        )
    else:
        from hub.store import stock_stage as stage

        stage.ROWS_AT_ONCE = 10
        stage.StockStage.write = stopping(stage.StockStage.write, number, after=True)  # type: ignore[method-assign]  # on purpose
    print(poll.run_sync(Store.open(settings.load()), run_id), flush=True)


if __name__ == "__main__":
    main()
