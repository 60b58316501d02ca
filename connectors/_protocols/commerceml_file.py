"""A CommerceML document as it was uploaded: where it begins and ends, its elements as a stream.

XML is read without entities, DTD and network, and only when all of it is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from lxml import etree

from hub.sdk.errors import PayloadError
from hub.sdk.xml import SAFE, free, has_doctype

ZIP_START: Final = b"PK\x03\x04"
ZIP_END: Final = b"PK\x05\x06"
_BOM: Final = b"\xef\xbb\xbf"
ROOTS: Final = frozenset({"КоммерческаяИнформация", "Классификатор", "Справочник", "Справочники"})
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_XML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml\s")
#: So much may come without one thing that is read: what follows would only fill the memory.
MAX_QUIET_BYTES: Final = 8 * 1024 * 1024
CHUNK: Final = 256 * 1024


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
    return head.startswith(ZIP_START) and ZIP_END in before


def is_whole(body: bytes) -> bool:
    """Whether this piece is the last one of a file: the root is closed, the archive has its end."""
    tail = body[-4096:].rstrip()
    if ZIP_END in body[-66_000:] and (body.startswith(ZIP_START) or not tail.endswith(b">")):
        return True
    for name in ("КоммерческаяИнформация", "Классификатор"):
        for encoding in ("utf-8", "cp1251"):
            if tail.endswith(f"{name}>".encode(encoding)):
                return True
    return False


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
        """Free what was read."""
        self._quiet = 0
        free(element)

    def _check_root(self, element: Any) -> None:
        if self._is_checked:
            return
        self._is_checked = True
        if has_doctype(element):
            raise PayloadError("XML с DOCTYPE не принимается")
        name = local(element.getroottree().getroot())
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
        **SAFE,
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
