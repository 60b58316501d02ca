"""What the leading scheduler does beside the sweep: in a thread, so that no sweep waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hub.store.leases import LeaseLostError
from hub.store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chore:
    """Something to do every so many seconds; safe to be killed in the middle."""

    name: str
    seconds: float
    work: Callable[[Store], object]


class Chores:
    """Does each chore when its time has come, one after another."""

    def __init__(self, store: Store, chores: Sequence[Chore]) -> None:
        self._store, self._chores = store, chores
        self._next = {chore.name: 0.0 for chore in chores}
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Begin what is due, unless the thread is still at work."""
        if self._thread is not None and self._thread.is_alive():
            return
        now = time.monotonic()
        due = [chore for chore in self._chores if self._next[chore.name] <= now]
        if due:
            self._thread = threading.Thread(target=self._do, args=(due,), daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Until what has begun is done."""
        if self._thread is not None:
            self._thread.join()

    def _do(self, due: Sequence[Chore]) -> None:
        for chore in due:
            try:
                chore.work(self._store)
            except LeaseLostError:
                log.warning("another process has taken over", extra={"chore": chore.name})
            except Exception as error:
                # The next round tries again; the others must not wait for its mending.
                log.exception("a chore failed", extra={"chore": chore.name, "reason": str(error)})
            self._next[chore.name] = time.monotonic() + chore.seconds
