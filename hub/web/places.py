"""Pages of one process are made a few at a time; the rest wait for their turn.

Making a page is the work of one core. Ten at once in a process take no less time in all, but each
takes as long as all of them together, and each look into the database costs another wait for the
interpreter. Webhooks and streams do not pass here, so they wait for a few pages at most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, TypeVar

from flask import Blueprint, Flask, Response, current_app, g, request

from hub.store.store import Store

#: SQLite works in the page's own thread; while one waits for PostgreSQL, another works.
SQLITE_PLACES, SERVER_PLACES = 1, 2
#: Who waits so long goes on without a place: whatever holds them, no page waits for good.
PATIENCE_SECONDS = 0.3
View = TypeVar("View", bound=Callable[..., Any])


class Places:
    """So many places, given in the order in which they were asked for.

    A semaphore gives a free one to whoever comes first after it was freed, and some wait long.
    """

    def __init__(self, count: int) -> None:
        self._free, self._lock = count, Lock()
        #: Who waits, the first one first.
        self.waiting: deque[Lock] = deque()

    def take(self, patience: float) -> bool:
        """Wait for a place; False when none came in so many seconds."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            called = Lock()
            called.acquire()
            self.waiting.append(called)
        if called.acquire(timeout=patience):
            return True
        with self._lock:
            if called in self.waiting:
                self.waiting.remove(called)
                return False
        # It was called in this very moment.
        return True

    def give_back(self) -> None:
        """Let the next one in."""
        with self._lock:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self._free += 1


def goes_out(view: View) -> View:
    """Mark a view that asks another system: it takes no place while it waits."""
    view.goes_out = True  # type: ignore[attr-defined]  # a mark
    return view


def init(app: Flask, store: Store, blueprints: Iterable[Blueprint]) -> None:
    """Let the pages of these blueprints wait for their turn."""
    places = Places(SQLITE_PLACES if store.database.is_sqlite else SERVER_PLACES)
    ours = frozenset(blueprint.name for blueprint in blueprints)

    def enter() -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        if request.method != "GET" or request.blueprint not in ours or hasattr(view, "goes_out"):
            return
        g.place = places.take(PATIENCE_SECONDS)
        store.database.share_reading()

    def leave(response: Response) -> Response:
        _give_back()
        return response

    def _give_back(_error: BaseException | None = None) -> None:
        store.database.end_shared_reading()
        if g.pop("place", False):
            places.give_back()

    app.before_request(enter)
    app.after_request(leave)
    # What failed before it was a response.
    app.teardown_request(_give_back)
