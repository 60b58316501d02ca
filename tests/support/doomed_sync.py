"""A worker's process that carries out one sync run and is killed at a named moment."""

from __future__ import annotations

from hub.flow import poll, sync_run
from hub.store import cursors
from hub.store.store import Store
from tests.support.doomed import Doom, killed_in
from tests.support.hub import Hub

#: Where it may stop: inside the transaction of a page; after it; inside a part of a snapshot;
#: when a shop has taken a batch, before and after the hub has that in writing.
MOMENTS = ("cursor", "noted", "part", "sent", "remembered")


def killed_at(hub: Hub, run_id: int, moment: str, number: int) -> None:
    """Carry out a run in a process that is killed (-9) at the NUMBER-th time of this moment."""
    killed_in(hub, _carry_out, run_id, moment, number)


def _carry_out(doom: Doom, store: Store, run_id: int, moment: str, number: int) -> object:
    if moment == "cursor":
        vars(sync_run)["move_cursor"] = doom.stopping(cursors.move_cursor, number, after=True)
    elif moment == "noted":
        sync_run.SyncRun.note_issues = doom.stopping(  # type: ignore[method-assign]  # on purpose
            sync_run.SyncRun.note_issues, number, after=True
        )
    elif moment in {"sent", "remembered"}:
        from hub.store import stock_out

        vars(stock_out)["remember"] = doom.stopping(
            stock_out.remember, number, after=moment == "remembered"
        )
    else:
        from hub.store import stock_stage as stage

        stage.ROWS_AT_ONCE = 10
        stage.StockStage.write = doom.stopping(stage.StockStage.write, number, after=True)  # type: ignore[method-assign]  # on purpose
    return poll.run_sync(store, run_id)
