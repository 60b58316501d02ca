"""A ZIP of CommerceML, read as a stream.

Nothing in an archive is trusted: no path leads anywhere (nothing is unpacked to the disk), sizes
are counted while they are read, whatever the archive says of itself.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, BinaryIO, Final

from connectors._protocols.commerceml_file import CHUNK, ZIP_END, ZIP_START, Document
from hub.sdk.errors import PayloadError

#: An archive this small may be packed as tightly as it likes.
SMALL_BYTES: Final = 10 * 1024 * 1024
ARCHIVES: Final = (".zip", ".rar", ".7z", ".gz", ".tar")


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to: bytes, times its packed size, number of files."""

    max_bytes: int = 2 * 1024**3
    max_ratio: int = 200
    max_files: int = 100_000


@contextmanager
def documents(file: BinaryIO, inner: str, limits: Limits) -> Iterator[list[Document]]:
    """The XML documents of an upload: the file itself, the one named `inner` inside an archive,
    or all of them. PayloadError with the reason when the archive is none to open."""
    head = file.read(4)
    file.seek(0)
    if head not in {ZIP_START, ZIP_END}:
        yield [Document("", lambda: _rewound(file))]
        return
    with _unpacking():
        archive = zipfile.ZipFile(file)
        _judge(archive, file, limits)
        wanted = _wanted(archive, inner)
    with archive:
        yield [Document(one.filename, partial(_member, archive, one, limits)) for one in wanted]


@contextmanager
def _unpacking() -> Iterator[None]:
    """Whatever a broken archive makes of its reader is said in words."""
    try:
        yield
    except (NotImplementedError, RuntimeError) as error:
        raise PayloadError(f"архив упакован способом, который не читается: {error}") from error
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError,
            OverflowError, LookupError) as error:  # fmt: skip
        raise PayloadError(f"архив испорчен: {error}") from error


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: Limits) -> Counted:
    with _unpacking():
        return Counted(archive.open(entry), entry, limits)


def _judge(archive: zipfile.ZipFile, file: BinaryIO, limits: Limits) -> None:
    """Refuse an archive that no 1C makes."""
    entries = archive.infolist()
    if len(entries) > limits.max_files:
        raise PayloadError(f"в архиве больше {limits.max_files} файлов")
    names = set()
    for entry in entries:
        name = entry.filename.replace("\\", "/")
        shown = name[:100]
        if name.startswith("/") or ":" in name or ".." in name.split("/") or "\0" in name:
            raise PayloadError(f"в архиве имя с путём наружу: «{shown}»")
        if entry.flag_bits & 0x1:
            raise PayloadError(f"архив с паролем: «{shown}» не прочесть")
        if name.lower().endswith(ARCHIVES):
            raise PayloadError(f"архив внутри архива: «{shown}»")
        if name in names:
            raise PayloadError(f"в архиве два файла с одним именем: «{shown}»")
        names.add(name)
    size = file.seek(0, 2)
    if sum(entry.compress_size for entry in entries) > size:
        raise PayloadError("в архиве файлы наложены друг на друга")
    if sum(entry.file_size for entry in entries) > limits.max_bytes:
        raise PayloadError(f"архив распакуется больше чем в {limits.max_bytes // 1024**2} МБ")


def _wanted(archive: zipfile.ZipFile, inner: str) -> list[zipfile.ZipInfo]:
    entries = [one for one in archive.infolist() if one.filename.lower().endswith(".xml")]
    if not inner:
        return entries
    wanted = inner.replace("\\", "/").lower()
    exact = [one for one in entries if one.filename.replace("\\", "/").lower() == wanted]
    if exact:
        return exact[:1]
    last = wanted.rpartition("/")[2]
    alike = [
        one for one in entries if one.filename.replace("\\", "/").lower().rpartition("/")[2] == last
    ]
    if len(alike) != 1:
        there = ", ".join(one.filename for one in entries[:10]) or "ни одного XML"
        raise PayloadError(f"в архиве нет файла «{inner}»; есть: {there}")
    return alike


class Counted:
    """A file of an archive that ends the reading when it grows beyond the limits."""

    def __init__(self, member: IO[bytes], entry: zipfile.ZipInfo, limits: Limits) -> None:
        self._member, self._limits = member, limits
        self._most = max(SMALL_BYTES, entry.compress_size * limits.max_ratio)
        self._read = 0

    def read(self, size: int = -1, /) -> bytes:
        """Read on; PayloadError beyond the limits."""
        with _unpacking():
            data = self._member.read(size if size >= 0 else CHUNK)
        self._read += len(data)
        if self._read > self._limits.max_bytes:
            size_mb = self._limits.max_bytes // 1024**2
            raise PayloadError(f"файл в архиве больше {size_mb} МБ")
        if self._read > self._most:
            times = self._limits.max_ratio
            raise PayloadError(f"архив сжат больше чем в {times} раз: так упаковывают бомбы")
        return data
