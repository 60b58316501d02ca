"""A CommerceML file as it was uploaded: XML, or a ZIP with XML in it, read as a stream.

Nothing in an archive is trusted: no path leads anywhere (nothing is unpacked to the disk), sizes
are counted while they are read, whatever the archive says of itself.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, BinaryIO, Final, Protocol

from lxml import etree

from hub.sdk.errors import PayloadError

ZIP_START: Final = b"PK\x03\x04"
_ZIP_END: Final = b"PK\x05\x06"
_BOM: Final = b"\xef\xbb\xbf"
ROOTS: Final = frozenset({"КоммерческаяИнформация", "Классификатор", "Справочник", "Справочники"})
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_XML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml\s")
#: So much may come without one thing that is read: what follows would only fill the memory.
MAX_QUIET_BYTES: Final = 8 * 1024 * 1024
#: An archive this small may be packed as tightly as it likes.
SMALL_BYTES: Final = 10 * 1024 * 1024
CHUNK: Final = 256 * 1024
ARCHIVES: Final = (".zip", ".rar", ".7z", ".gz", ".tar")


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to: bytes, times its packed size, number of files."""

    max_bytes: int = 2 * 1024**3
    max_ratio: int = 200
    max_files: int = 100_000


class Readable(Protocol):
    """What is read in pieces."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end."""


@dataclass(frozen=True)
class Document:
    """One XML document of an upload; it can be read more than once."""

    name: str
    open: Callable[[], Readable]


def starts_file(head: bytes, before: bytes) -> bool:
    """Whether a piece begins a file anew: XML always, a ZIP only after one that is finished."""
    if _XML_START.match(head):
        return True
    return head.startswith(ZIP_START) and _ZIP_END in before


def is_whole(body: bytes) -> bool:
    """Whether this piece is the last one of a file: the root is closed, the archive has its end."""
    tail = body[-4096:].rstrip()
    if _ZIP_END in body[-66_000:] and (body.startswith(ZIP_START) or not tail.endswith(b">")):
        return True
    for name in ("КоммерческаяИнформация", "Классификатор"):
        for encoding in ("utf-8", "cp1251"):
            if tail.endswith(f"{name}>".encode(encoding)):
                return True
    return False


@contextmanager
def documents(file: BinaryIO, inner: str, limits: Limits) -> Iterator[list[Document]]:
    """The XML documents of an upload: the file itself, the one named `inner` inside an archive,
    or all of them. PayloadError with the reason when the archive is none to open."""
    head = file.read(4)
    file.seek(0)
    if head not in {ZIP_START, _ZIP_END}:
        yield [Document("", lambda: _rewound(file))]
        return
    try:
        with zipfile.ZipFile(file) as archive:
            _judge(archive, file, limits)
            yield [
                Document(one.filename, partial(_member, archive, one, limits))
                for one in _wanted(archive, inner)
            ]
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise PayloadError(f"архив испорчен: {error}") from error
    except (NotImplementedError, RuntimeError) as error:
        raise PayloadError(f"архив упакован способом, который не читается: {error}") from error


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: Limits) -> Counted:
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
        data = self._member.read(size if size >= 0 else CHUNK)
        self._read += len(data)
        if self._read > self._limits.max_bytes:
            size_mb = self._limits.max_bytes // 1024**2
            raise PayloadError(f"файл в архиве больше {size_mb} МБ")
        if self._read > self._most:
            times = self._limits.max_ratio
            raise PayloadError(f"архив сжат больше чем в {times} раз: так упаковывают бомбы")
        return data


def local(element: Any) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


class _Nothing:
    """A parser's target that keeps nothing."""

    def doctype(self, *_: object) -> None:
        raise PayloadError("XML с DOCTYPE не принимается")

    def close(self) -> None:
        """All was read."""


def check_whole(file: Readable) -> None:
    """Read a document to its end, keeping nothing: PayloadError when it is broken or cut.

    A file is taken up only when all of it is there.
    """
    head = _head(file)
    _feed(_parser(etree.XMLParser, head, target=_Nothing()), head, file)


class Elements:
    """The elements of some local names as they end, in document order.

    Whoever has read one calls `forget` with it, unless it is a part of a larger one still to come.
    PayloadError when the document is none of CommerceML or nothing is forgotten for too long.
    """

    def __init__(self, file: Readable, names: frozenset[str]) -> None:
        self._file, self._names = file, names
        self._quiet, self._is_checked = 0, False

    def __iter__(self) -> Iterator[Any]:
        head = _head(self._file)
        tags = [f"{{*}}{name}" for name in sorted(self._names)]
        parser = _parser(etree.XMLPullParser, head, events=("end",), tag=tags)
        for chunk in _chunks(head, self._file):
            with _explained():
                parser.feed(chunk)
            self._quiet += len(chunk)
            for _, element in parser.read_events():
                self._check_root(element)
                yield element
            if self._quiet > MAX_QUIET_BYTES:
                raise PayloadError("в файле нет ни товаров, ни предложений, ни документов")
        with _explained():
            root = parser.close()
        self._check_root(root)

    def forget(self, element: Any) -> None:
        """Free what was read: the element's content and all before it in its parent."""
        self._quiet = 0
        element.clear(keep_tail=False)
        parent = element.getparent()
        if parent is not None:
            while element.getprevious() is not None:
                del parent[0]

    def _check_root(self, element: Any) -> None:
        if self._is_checked:
            return
        self._is_checked = True
        tree = element.getroottree()
        if tree.docinfo.internalDTD is not None:
            raise PayloadError("XML с DOCTYPE не принимается")
        name = local(tree.getroot())
        if name not in ROOTS:
            raise PayloadError(f"это не CommerceML: корень <{name[:60]}>")


def _head(file: Readable) -> bytes:
    head = file.read(CHUNK)
    if not head.strip():
        raise PayloadError("файл пуст")
    prolog = _PROLOG.match(head)
    if head[prolog.end() if prolog else 0 :][:9].lower() == b"<!doctype":
        raise PayloadError("XML с DOCTYPE не принимается")
    return head


def _parser(kind: Any, head: bytes, **options: Any) -> Any:
    # After a UTF-8 mark the declaration may lie: 1C's files are converted by all kinds of tools.
    return kind(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8" if head.startswith(_BOM) else None,
        **options,
    )


def _chunks(head: bytes, file: Readable) -> Iterator[bytes]:
    chunk = head.removeprefix(_BOM)
    while chunk:
        yield chunk
        chunk = file.read(CHUNK)


def _feed(parser: Any, head: bytes, file: Readable) -> None:
    with _explained():
        for chunk in _chunks(head, file):
            parser.feed(chunk)
        parser.close()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except etree.XMLSyntaxError as error:
        raise PayloadError(f"файл обрезан или испорчен: {error}") from error
    except (LookupError, UnicodeError) as error:
        raise PayloadError(f"кодировка файла не читается: {error}") from error
