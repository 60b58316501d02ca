"""A whole answer on disk: received before its first row is read, known by the digest of its bytes.

So a reply that is cut on the way gives no row at all, the vendor's connection is not held while
rows are stored, and an answer equal to the last one need not be read again.
"""

from __future__ import annotations

import errno
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from connectors._protocols.soap_namespaces import Namespaces
from connectors._protocols.soap_texts import Reader
from hub.sdk.errors import Rejected, RetryLater

#: A stock of ten million rows; past it something on the other side does not end.
MAX_ANSWER_BYTES = 4 * 1024**3
READ_BYTES = 256 * 1024


class Answer:
    """One answer; close it. `digest` is that of its bytes and of how its rows are looked for."""

    def __init__(self, spool: IO[bytes], digest: str, reader: Reader, names: Namespaces) -> None:
        self._spool, self.digest, self._reader, self._names = spool, digest, reader, names

    def rows(self) -> Iterator[Any]:
        """Yield the rows one by one; ends normally only when the whole answer was read."""
        self._spool.seek(0)
        chunks = iter(lambda: self._spool.read(READ_BYTES), b"")
        return self._reader.rows(self._names.encode(chunks))

    def close(self) -> None:
        """Forget the answer; its file has no name, so a killed process leaves nothing behind."""
        self._spool.close()


def received(chunks: Iterable[bytes], folder: str, reader: Reader, names: Namespaces) -> Answer:
    """Take an answer in whole, into a nameless file in `folder` (empty: the system's own place).

    Raises what `chunks` raises, RetryLater when there is no room, Rejected when it does not end.
    """
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    seen, size = hashlib.sha256(), 0
    spool: IO[bytes] = tempfile.TemporaryFile(dir=folder or None, buffering=0)  # noqa: SIM115  # the answer closes it
    try:
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise Rejected(
                    f"ответ 1С больше {MAX_ANSWER_BYTES // 1024**3} ГБ: разбейте выгрузку"
                )
            seen.update(chunk)
            _write(spool, chunk)
    except BaseException:
        spool.close()
        raise
    seen.update(repr(reader.way).encode())
    return Answer(spool, seen.hexdigest(), reader, names)


def _write(spool: IO[bytes], chunk: bytes) -> None:
    rest: Any = memoryview(chunk)
    try:
        while rest:
            rest = rest[spool.write(rest) :]
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise RetryLater("на диске узла нет места для ответа 1С", detail=str(error)) from error
