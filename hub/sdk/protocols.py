"""The contract of a connector: module-level functions, each optional by direction.

`webhook.py`: verify, answer, accepted, refused, event_key, event_type, ordering_key, parse.
`poll.py`: read, history, check, cursor_since.
`sample.py`: sample.
`sink.py`: push, push_stock.
`client.py`: recording_link, originate.
`dialogue.py`: converse.
`upload.py`: read_upload.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from hub.sdk.connection import Connection
from hub.sdk.dialogue import Desk, UploadedFile
from hub.sdk.records import (
    Change,
    CheckStep,
    Page,
    Receipt,
    SourceRecord,
    StockLevel,
    StockResult,
    WantedRun,
)
from hub.sdk.request import Event, RawRequest, Reply

Lookup = Callable[[str, str], Mapping[str, Any] | None]
"""Ask the store a question while the sender waits: (kind, value) → facts, or None."""


class Verify(Protocol):
    def __call__(self, request: RawRequest, connection: Connection, now: datetime) -> None:
        """Raise SignatureError unless the sender proved itself; several secrets may be valid."""


class Answer(Protocol):
    def __call__(self, request: RawRequest, connection: Connection, lookup: Lookup) -> Reply | None:
        """The vendor's handshake or ping, answered without an event; None when it is an event.

        Called before `verify`: an unsigned ping has no other way in, so it must not reveal or
        change anything that a signature protects.
        """


class Accepted(Protocol):
    def __call__(self, request: RawRequest, connection: Connection) -> Reply:
        """The reply to a stored event, in the vendor's own form."""


class Refused(Protocol):
    def __call__(self, status: int, message: str) -> Reply:
        """The reply to a refused request, in the vendor's own form: its status and the reason."""


class EventKey(Protocol):
    def __call__(self, request: RawRequest, connection: Connection) -> str:
        """The delivery's own id, or empty: then the body's SHA-256 is the key."""


class EventText(Protocol):
    def __call__(self, request: RawRequest, connection: Connection) -> str:
        """The event's type, or the key whose events must stay in order. Must not raise."""


class Parse(Protocol):
    def __call__(self, event: Event, connection: Connection) -> Iterable[SourceRecord | WantedRun]:
        """Pure: bytes in, source records out, or the streams to read again. Ignored or
        PayloadError when there are none."""


class Read(Protocol):
    def __call__(
        self, connection: Connection, stream: str, cursor: Mapping[str, Any]
    ) -> Iterator[Page]:
        """Yield pages of a stream from the cursor on, each with the cursor that covers it."""


class Converse(Protocol):
    def __call__(self, request: RawRequest, connection: Connection, desk: Desk) -> Reply | None:
        """One step of a dialogue, after `verify`; None when the request is an ordinary event.

        SignatureError when the sender's session is none of ours.
        """


class ReadUpload(Protocol):
    def __call__(
        self, connection: Connection, stream: str, cursor: Mapping[str, Any], upload: UploadedFile
    ) -> Iterator[Page]:
        """Yield pages of an uploaded file. `cursor` is what the connection's uploads before it
        left to be remembered; a page's cursor is the same object while nothing is added to it.
        A page of stock names its entity."""


class History(Protocol):
    def __call__(
        self, connection: Connection, since: datetime, until: datetime
    ) -> Iterator[SourceRecord]:
        """What the vendor says happened in the period, for reconciliation."""


class Push(Protocol):
    def __call__(self, connection: Connection, change: Change, binding: str | None) -> Receipt:
        """Bring one change to the vendor; raises by who must act."""


class PushStock(Protocol):
    def __call__(
        self, connection: Connection, levels: Sequence[StockLevel]
    ) -> Iterable[StockResult]:
        """Set these quantities in the shop; one result per level, in any order.

        At most `limits.stock_batch` levels of the manifest (100) at a time. What the shop says of
        one product is that level's result; only what concerns all of them is raised. The same
        levels may come again: setting is not adding.
        """


class RecordingLink(Protocol):
    def __call__(self, connection: Connection, recording_id: str) -> str:
        """A fresh address under which a call's recording can be heard once; never stored."""


class Originate(Protocol):
    def __call__(self, connection: Connection, extension: str, number: str) -> None:
        """Ring an employee's extension, then the number (E.164) they want to talk to.

        Returns when the vendor has taken it up; Rejected with its words when it has not.
        """


class Check(Protocol):
    def __call__(self, connection: Connection) -> Iterable[CheckStep]:
        """Test the connection step by step."""


class SampleRequest(Protocol):
    def __call__(self, connection: Connection, now: datetime, content: bytes = b"") -> RawRequest:
        """One event as the vendor would send it to this very connection, signed with its secrets.

        `content` stands for what the vendor would tell; empty: something small and plainly
        invented. ConfigError when the connection has no secret to sign with.
        """


class CursorSince(Protocol):
    def __call__(
        self, connection: Connection, stream: str, cursor: Mapping[str, Any], since: datetime
    ) -> Mapping[str, Any] | None:
        """The cursor from which `read` brings what changed since that moment; `cursor` is the
        present one. None when the stream cannot begin at a moment: it is read from its
        beginning then."""
