"""Step poll, over an uploaded file: its pieces put together on the disk, read as a stream.

See decisions/0022.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Row

from hub.sdk.dialogue import Upload, UploadedFile, upload_key
from hub.sdk.errors import ConfigError, PayloadError, RetryLater
from hub.sdk.records import Page
from hub.store import exchanges
from hub.store.connections import Configured
from hub.store.store import Store

#: Under this name a connection keeps what its uploads leave to be remembered: names of warehouses,
#: kinds of prices. One file tells them, another one needs them.
MEMORY = "uploads"


def pages_of(
    store: Store, configured: Configured, run: Row[Any], memory: Mapping[str, Any]
) -> Iterator[Page]:
    """The pages of the upload that a run reads.

    PayloadError when a piece is gone; RetryLater when the disk has no room.
    """
    read = configured.connector.read_upload
    if read is None:
        raise ConfigError(f"{configured.connection.connector} reads no uploads")
    with spooled(store, configured, run.upload) as file:
        named = UploadedFile(file, str(run.upload["name"]), str(run.upload.get("inner") or ""))
        yield from read(configured.connection, run.stream, memory, named)


@contextmanager
def spooled(store: Store, configured: Configured, told: Mapping[str, Any]) -> Iterator[BinaryIO]:
    """The whole file on the disk, at its beginning; only a piece at a time is in memory."""
    upload = Upload(
        session_id=str(told["session_id"]),
        name=str(told["name"]),
        first_event_id=int(told["first_event_id"]),
        last_event_id=int(told["last_event_id"]),
        pieces=int(told["pieces"]),
        size_bytes=int(told["size_bytes"]),
    )
    key = upload_key(upload.session_id, upload.name)
    with store.database.read() as db:
        ids = exchanges.piece_ids(db, configured.id, key, upload)
    if len(ids) != upload.pieces:
        raise PayloadError(f"{len(ids)} pieces of «{upload.name}» are left of {upload.pieces}")
    folder = Path(store.settings.home) / "cache" / configured.name
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            for event_id in ids:
                with store.database.read() as db:
                    file.write(exchanges.body_of(db, event_id))
            file.seek(0)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            raise RetryLater("there is no room on the disk to put the upload together") from error
        yield file
