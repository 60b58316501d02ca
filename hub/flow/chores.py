"""What the leading scheduler does beside the sweep: in threads, so that no sweep waits for it."""

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
    """Does each chore when its time has come, in a thread of its own: no other waits."""

    def __init__(self, store: Store, chores: Sequence[Chore]) -> None:
        self._store, self._chores = store, chores
        self._next = {chore.name: 0.0 for chore in chores}
        self._threads: dict[str, threading.Thread] = {}

    def look(self) -> None:
        """Begin what is due and not still at work."""
        now = time.monotonic()
        for chore in self._chores:
            last = self._threads.get(chore.name)
            if self._next[chore.name] <= now and not (last and last.is_alive()):
                thread = threading.Thread(target=self._do, args=(chore,), daemon=True)
                self._threads[chore.name] = thread
                thread.start()

    def wait(self) -> None:
        """Until what has begun is done."""
        for thread in self._threads.values():
            thread.join()

    def _do(self, chore: Chore) -> None:
        try:
            chore.work(self._store)
        except LeaseLostError:
            log.warning("another process has taken over", extra={"chore": chore.name})
        except Exception as error:
            # The next round tries again.
            log.exception("a chore failed", extra={"chore": chore.name, "reason": str(error)})
        self._next[chore.name] = time.monotonic() + chore.seconds
