"""Requests refused before they became events: counted by cause, with a cut sample, no body.

A flood of them costs one write a second and connection, not one a request.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from hub.sdk.payload import clean_text
from hub.store.database import Database, insert_for, utc_now
from hub.store.models import rejections

SAMPLE_CHARACTERS = 300
FLUSH_SECONDS = 1.0
MAX_CAUSES = 200


@dataclass
class _Tally:
    count: int
    at: datetime
    remote_addr: str
    sample: str


def cut_sample(body: bytes) -> str:
    """The beginning of a body, enough to recognise a sender by."""
    return clean_text(body[:SAMPLE_CHARACTERS].decode("utf-8", "replace"))


class Rejections:
    """Counts refusals of one process and writes them down soon."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._tallies: dict[tuple[str, str, str], _Tally] = {}
        self._flushed_at = float("-inf")
        self._timer: threading.Timer | None = None

    def note(
        self, connection: str, cause: str, message: str, remote_addr: str, sample: str
    ) -> None:
        """Count one refusal."""
        key = (connection, cause, clean_text(message)[:200])
        with self._lock:
            tally = self._tallies.get(key)
            if tally is None and len(self._tallies) >= MAX_CAUSES:
                return
            count = tally.count + 1 if tally else 1
            self._tallies[key] = _Tally(count, utc_now(), remote_addr, sample)
            due = time.monotonic() - self._flushed_at >= FLUSH_SECONDS
            if not due and self._timer is None:
                self._timer = threading.Timer(FLUSH_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()
        if due:
            self.flush()

    def flush(self) -> None:
        """Write what was counted."""
        with self._lock:
            tallies, self._tallies = self._tallies, {}
            self._flushed_at, self._timer = time.monotonic(), None
        if not tallies:
            return
        with self._database.write() as db:
            statement = insert_for(db, rejections)
            new = statement.excluded
            db.execute(
                statement.on_conflict_do_update(
                    index_elements=["connection_name", "cause", "message"],
                    set_={
                        "count": rejections.c.count + new["count"],
                        "last_at": new.last_at,
                        "remote_addr": new.remote_addr,
                        "sample": new.sample,
                    },
                ),
                [
                    {
                        "connection_name": key[0],
                        "cause": key[1],
                        "message": key[2],
                        "first_at": tally.at,
                        "last_at": tally.at,
                        "count": tally.count,
                        "remote_addr": tally.remote_addr,
                        "sample": tally.sample,
                    }
                    for key, tally in sorted(tallies.items())
                ],
            )
