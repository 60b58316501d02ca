"""Step receive, when a system calls step by step: its dialogue and what the hub does for it.

See decisions/0021 (dialogues, destinations that fetch) and 0022 (uploads).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select

from hub.flow import hand_out, logins
from hub.queues import queues_for
from hub.sdk.dialogue import RunState, Session, StartsFile, Upload, upload_key
from hub.sdk.errors import HubError, SignatureError
from hub.sdk.records import Change
from hub.sdk.request import RawRequest, Reply
from hub.store import exchanges
from hub.store.connections import Configured
from hub.store.database import utc_now
from hub.store.models import sync_runs
from hub.store.store import Store

#: Between two looks at a run that somebody waits for.
LOOK_SECONDS = 0.2
#: Waiting senders of one process; each holds a thread of the gateway. Further ones wait shortly.
MAX_WAITING = 8
SHORT_SECONDS = 1.0
_waiting = threading.BoundedSemaphore(MAX_WAITING)


def hold(
    store: Store,
    configured: Configured,
    request: RawRequest,
    now: datetime,
    keep: Callable[[], bool],
) -> tuple[Reply | None, bool | None]:
    """One step of a dialogue: the reply, and whether the request was stored as a new event (None:
    it was not stored). No reply: it is an ordinary event.

    Raises what `verify` raises; a refused password is counted against the sender's address.
    """
    connector, connection = configured.connector, configured.connection
    assert connector.verify is not None  # who has no verify takes no requests
    assert connector.converse is not None  # asked by the caller
    try:
        connector.verify(request, connection, now)
    except SignatureError:
        if request.header("authorization") or request.header("redirect-http-authorization"):
            logins.failed(configured.id, request.remote_addr)
        raise
    desk = HubDesk(store, configured, request, now, keep)
    return connector.converse(request, connection, desk), desk.kept


class HubDesk:
    """The hub's side of one request of a dialogue; the protocol is `hub.sdk.dialogue.Desk`."""

    def __init__(
        self,
        store: Store,
        configured: Configured,
        request: RawRequest,
        now: datetime,
        keep: Callable[[], bool],
    ) -> None:
        self._store, self._configured, self._request = store, configured, request
        self._now, self._keep = now, keep
        #: Whether the request became a new event; None while it is none.
        self.kept: bool | None = None
        self._rows: hand_out.Rows = {}

    @property
    def now(self) -> datetime:
        """When the request came."""
        return self._now

    @property
    def is_paused(self) -> bool:
        """Whether an admin has paused the connection."""
        return self._configured.state == "paused"

    @property
    def is_locked(self) -> bool:
        """Whether the sender's address gave too many wrong passwords lately."""
        return logins.is_locked(self._configured.id, self._request.remote_addr)

    def open_session(self) -> Session:
        """Begin a session."""
        with self._store.database.write() as db:
            return exchanges.open_session(db, self._configured.id, self._now)

    def session(self, session_id: str) -> Session | None:
        """The session of this id, unless it is too old."""
        with self._store.database.read() as db:
            return exchanges.find_session(db, self._configured.id, session_id, self._now)

    def keep(self) -> bool:
        """Store the request as an event; whether it is new."""
        self.kept = self._keep()
        return self.kept

    def uploaded(self, session_id: str, name: str, starts: StartsFile) -> Upload | None:
        """The file of this name, from the last piece that begins one."""
        key = upload_key(session_id, name)
        with self._store.database.read() as db:
            pieces = exchanges.pieces_of(db, self._configured.id, key)
        if not pieces:
            return None
        first = 0
        for place in range(1, len(pieces)):
            if starts(pieces[place].head, pieces[place - 1].tail):
                first = place
        whole = pieces[first:]
        size = sum(piece.size_bytes for piece in whole)
        return Upload(session_id, name, whole[0].id, whole[-1].id, len(whole), size, whole[0].head)

    def names(self, session_id: str) -> Sequence[str]:
        """The names of the session's files, in order."""
        with self._store.database.read() as db:
            keys = exchanges.names_of(db, self._configured.id, session_id)
        return [key.removeprefix(f"{session_id}/") for key in keys]

    def start_run(self, stream: str, upload: Upload, inner: str = "") -> int:
        """Ask durably for a run over the upload; returns its id."""
        self._configured.stream(stream)
        with self._store.database.write() as db:
            run_id, is_new = exchanges.claim_run(
                db, self._configured.id, stream, upload, inner, self._now
            )
        if is_new:
            queues_for(self._store.settings).ring_run(run_id)
        return run_id

    def run_state(self, run_id: int, wait_seconds: float = 0) -> RunState:
        """How the run stands, at its end or after the wait; a failure is told once."""
        may_wait = wait_seconds > 0 and _waiting.acquire(blocking=False)
        until = time.monotonic() + (wait_seconds if may_wait else min(wait_seconds, SHORT_SECONDS))
        try:
            while (state := self._run_state(run_id)).is_open and time.monotonic() < until:
                time.sleep(LOOK_SECONDS)
        finally:
            if may_wait:
                _waiting.release()
        if state.status == "failed":
            with self._store.database.write() as db:
                exchanges.close_failed(db, run_id)
        return state

    def _run_state(self, run_id: int) -> RunState:
        run = sync_runs.c
        query = select(run.status, run.error_message, run.rows_read, run.rows_rejected)
        with self._store.database.read() as db:
            row = db.execute(query.where(run.id == run_id)).one()
        return RunState(row.status, row.error_message or "", row.rows_read, row.rows_rejected)

    def hand_out(self, session_id: str, entity: str, limit: int) -> list[Change]:
        """What this destination must learn, remembered in the session."""
        if self.is_paused:
            return []
        changes, self._rows = hand_out.hand_out(
            self._store, self._configured, session_id, entity, limit, self._now
        )
        return changes

    def refuse(self, change: Change, error: HubError) -> None:
        """The delivery of a change just handed out fails with these words."""
        row = self._rows[change.delivery_key]
        hand_out.settle(self._store, self._configured, row, utc_now(), error)

    def confirm(self, session_id: str) -> int:
        """The other side has what the session was handed."""
        return hand_out.confirm(self._store, self._configured, session_id, utc_now())
