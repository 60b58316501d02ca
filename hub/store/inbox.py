"""The inbox: durable accept with group commit. When `accept` returns, the event is on the disk.

Leader and followers: the first request of a moment commits its own row with all that queued
meanwhile and hands the lead to the oldest waiter. While commits are shared the leader lingers for
as many as shared the last one, a millisecond at most; a lone request waits for nobody. A thread
that serves several requests in turn lets all of them queue before the first one leads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.store.database import Database
from hub.store.inbox_rows import NewEvent, store_events

MAX_GROUP = 256
#: The longest that a leader waits for company, and only while the last commit had some.
LINGER_SECONDS = 0.001


class _Here(threading.local):
    """What the inbox and the thread that calls it know of each other."""

    #: Set by a thread that serves several requests in turn: goes on with the others, and returns
    #: when each of them has come as far.
    others_first: Callable[[], object] | None = None
    #: Whether this thread's last event was stored by a commit that others could share.
    has_shared = False


here = _Here()


@dataclass
class _Ticket:
    event: NewEvent
    ready: threading.Lock = field(default_factory=threading.Lock)
    is_new: bool = False
    leads: bool = False
    #: Whether a leader has it in its group; its `ready` will come then.
    is_taken: bool = False
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.ready.acquire()


class Inbox:
    """Accepts events of one process into the store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._queue: deque[_Ticket] = deque()
        self._leading = False
        self._last_size = 1
        #: While a leader lingers: how many it waits for, and the lock it is woken by.
        self._wanted = 0
        self._enough = threading.Lock()
        self._enough.acquire()

    def accept(self, event: NewEvent, *, others_first: bool = False) -> bool:
        """Store the event durably. True when it is new, False when the same one was there.

        `others_first`: the caller holds nothing that another request of its thread could want, so
        those may go on before the commit. Raises what the database raises when it cannot be
        stored; then nothing is promised.
        """
        ticket = _Ticket(event)
        with self._mutex:
            self._queue.append(ticket)
            if self._wanted and len(self._queue) >= self._wanted:
                self._wanted = 0
                self._enough.release()
        others = here.others_first if others_first else None
        if others is not None:
            others()
        with self._mutex:
            lead = not self._leading and not ticket.is_taken
            self._leading = self._leading or lead
        if not lead:
            ticket.ready.acquire()
            lead = ticket.leads
        if lead:
            if others is None:
                # Otherwise the company is here: it is this thread that would bring more.
                self._linger()
            self._commit_group()
        here.has_shared = others_first and ticket.error is None
        if ticket.error is not None:
            raise ticket.error
        return ticket.is_new

    def _linger(self) -> None:
        """Wait a moment for as many as shared the last commit. A lone request never does."""
        with self._mutex:
            if len(self._queue) >= self._last_size:
                return
            self._wanted = self._last_size
        woken = self._enough.acquire(timeout=LINGER_SECONDS)
        with self._mutex:
            if not woken and not self._wanted:
                # Released between the time running out and here: taken back for the next linger.
                self._enough.acquire()
            self._wanted = 0

    def _commit_group(self) -> None:
        with self._mutex:
            group = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_GROUP))]
            self._last_size = len(group)
            for ticket in group:
                ticket.is_taken = True
        error: BaseException | None = None
        try:
            fresh = store_events(self._database, [ticket.event for ticket in group])
            for ticket, is_new in zip(group, fresh, strict=True):
                ticket.is_new = is_new
        except BaseException as caught:
            error = caught
        with self._mutex:
            heir = self._queue[0] if self._queue else None
            if heir is None:
                self._leading = False
            else:
                heir.leads = True
        for ticket in group:
            ticket.error = error
            ticket.ready.release()
        if heir is not None:
            heir.ready.release()
