"""What a connector's dialogue works with: sessions, uploads, runs over them, hand-outs.

A dialogue is for systems that call the hub step by step and fetch from it what others are sent: a
login, files in pieces, «import this», «what is new for me», «I have it».
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final, Protocol

from hub.sdk.errors import HubError
from hub.sdk.records import Change

#: The type of an event that is a piece of an upload.
UPLOAD_TYPE: Final = "file"
#: How much of a piece's beginning, and of the end of the piece before it, `StartsFile` sees.
EDGE_BYTES: Final = 64
MAX_KEY: Final = 200
StartsFile = Callable[[bytes, bytes], bool]
"""Whether a piece begins a file anew: (its first bytes, the last bytes of the piece before)."""


def upload_key(session_id: str, name: str) -> str:
    """The ordering key of the events that are the pieces of one file of a session."""
    key = f"{session_id}/{name}"
    if len(key) <= MAX_KEY:
        return key
    return f"{session_id}/sha256:{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Session:
    """One login of an outside system, until it logs in anew."""

    id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came in pieces, each an event; the ids of the first and the last of them."""

    session_id: str
    name: str
    first_event_id: int
    last_event_id: int
    pieces: int
    size_bytes: int
    head: bytes = b""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """An upload put together: a seekable file, its name, and the part of it that is wanted
    (the name inside an archive; empty: all of it)."""

    file: BinaryIO
    name: str
    inner: str = ""


@dataclass(frozen=True, slots=True)
class RunState:
    """How a sync run stands: queued | running | succeeded | failed, and the words of a failure."""

    status: str
    message: str = ""
    rows_read: int = 0
    rows_rejected: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.status in {"queued", "running"}


class Desk(Protocol):
    """What the hub does for a dialogue, within one request of one connection."""

    @property
    def now(self) -> datetime:
        """When the request came, aware."""

    @property
    def is_paused(self) -> bool:
        """Whether an admin has paused the connection: pieces are kept, nothing is read."""

    @property
    def is_locked(self) -> bool:
        """Whether the sender's address gave so many wrong passwords that a login must wait."""

    def open_session(self) -> Session:
        """Begin a session; its id cannot be guessed."""

    def session(self, session_id: str) -> Session | None:
        """The session of this id; None when there is none or it is too old."""

    def keep(self) -> bool:
        """Store this very request as an event now, durably; whether it is new."""

    def uploaded(self, session_id: str, name: str, starts: StartsFile) -> Upload | None:
        """The file of this name as far as it came, from its last beginning on; None: no piece."""

    def names(self, session_id: str) -> Sequence[str]:
        """The names of the session's files, in the order of their first pieces."""

    def start_run(self, stream: str, upload: Upload, inner: str = "") -> int:
        """Ask for a run over an upload, durably; the same upload asked for again is the same run,
        unless its failure was told. Returns its id."""

    def run_state(self, run_id: int, wait_seconds: float = 0) -> RunState:
        """How the run stands; waits as long as given for its end. A failure is told once: the
        next `start_run` over the same upload is a new run."""

    def hand_out(self, session_id: str, entity: str, limit: int) -> list[Change]:
        """The newest states of what this destination must learn, oldest duty first; remembered in
        the session, and handed out again until they are confirmed."""

    def refuse(self, change: Change, error: HubError) -> None:
        """A change of this hand-out cannot be brought: its delivery fails with these words."""

    def confirm(self, session_id: str) -> int:
        """The other side has what the session was handed out; what changed meanwhile stays due.
        Returns how many deliveries are made by it; asked again it makes none."""
