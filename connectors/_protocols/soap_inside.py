"""Rows inside a text of an answer: JSON or XML in a string, or in a zip in base64.

The text comes in pieces and is read in pieces: three hundred thousand rows in one string take the
memory of one row.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import gzip
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Any

from lxml import etree

from connectors._protocols.soap_json import json_rows
from connectors._protocols.soap_values import V8
from hub.sdk.errors import PayloadError
from hub.sdk.xml import pull_parser

READ_BYTES = 256 * 1024
#: Unpacked; past it the archive is a trap or the list does not end.
MAX_UNPACKED_BYTES = 4 * 1024**3
MAX_ENTRIES = 1000
#: So much of a text is looked at to learn what it is.
HEAD_CHARACTERS = 64 * 1024
MAX_SHOWN = 200
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError)
_SPACE = " \t\r\n\ufeff"
_PROLOG = re.compile(r"(?:\s+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_ROOT = re.compile(r"<([^\s/<>!?]+)")
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([^"'>]*)""")
_BEFORE, _AFTER = "<Envelope><Body><Answer>", "</Answer></Body></Envelope>"
ReadXml = Callable[[Sequence[str], Iterable[bytes]], Iterator[Any]]


def text_rows(pieces: Iterable[str], path: Sequence[str], read_xml: ReadXml) -> Iterator[Any]:
    """Yield the rows under `path` of a JSON or XML text; PayloadError for any other text.

    `read_xml` reads rows out of an envelope, as those of an answer. An empty text has no rows.
    """
    coming = iter(pieces)
    head = _head(coming, 1)
    if head.startswith(("{", "[")):
        yield from json_rows(chain((head,), coming), path)
    elif head.startswith("<"):
        yield from _xml_rows(head, coming, path, read_xml)
    elif head:
        head = _head(coming, MAX_SHOWN, head)
        for _ in coming:  # a message of an error after it says more
            pass
        raise PayloadError(f"вместо строк 1С вернула текст: «{head[:MAX_SHOWN]}»")


def _head(coming: Iterator[str], characters: int, head: str = "") -> str:
    for piece in coming:
        head = (head + piece).lstrip(_SPACE)
        if len(head) >= characters:
            break
    return head


def _xml_rows(
    head: str, coming: Iterator[str], path: Sequence[str], read_xml: ReadXml
) -> Iterator[Any]:
    head = _head(coming, HEAD_CHARACTERS, head) if len(head) < HEAD_CHARACTERS else head
    prolog = _PROLOG.match(head)
    head = head[prolog.end() if prolog else 0 :]
    root = _ROOT.match(head)
    if root is None:
        raise PayloadError(f"текст ответа — не XML: «{head[:100]}»")
    name = root.group(1).rpartition(":")[2]
    steps = list(path) if path and path[0] == name else [name, *(path or _rows_of(head))]
    text = chain((_BEFORE, head), coming, (_AFTER,))
    yield from read_xml(steps, (piece.encode("utf-8", "replace") for piece in text))


def _rows_of(head: str) -> list[str]:
    """The name of a root's rows, when its first child is more than a bare value."""
    parser = pull_parser("start")
    try:
        parser.feed(head.encode("utf-8", "replace"))
        started = [element for _, element in parser.read_events()][:3]
    except etree.XMLSyntaxError:
        return []
    if len(started) < 2 or started[1].tag.startswith(V8):
        return []
    row = started[1]
    is_row = row.attrib or (len(started) == 3 and started[2].getparent() is row)
    return [etree.QName(row).localname] if is_row else []


def documents_in(pieces: Iterable[str], folder: str) -> Iterator[Iterator[str]]:
    """The texts in a base64 value: a zip's files, an unpacked gzip, or what it is as it stands.

    `folder` is where it lies while it is read. PayloadError for what cannot be unpacked.
    """
    with tempfile.TemporaryFile(dir=folder or None) as spool:
        _decode(pieces, spool)
        spool.seek(0)
        start = spool.read(4)
        spool.seek(0)
        try:
            if start == b"PK\x03\x04":
                yield from _zipped(spool)
            elif start[:2] == b"\x1f\x8b":
                with gzip.open(spool) as file:
                    yield _decoded(file, [0])
            elif start:
                yield _decoded(spool, [0])
        except _BROKEN as error:
            # RuntimeError: a password is wanted; NotImplementedError, its kind: a foreign method.
            raise PayloadError(f"архив в ответе 1С не раскрывается: {error}") from error


def _decode(pieces: Iterable[str], spool: IO[bytes]) -> None:
    held = ""
    try:
        for piece in pieces:
            held += "".join(piece.split())
            whole = len(held) // 4 * 4
            spool.write(base64.b64decode(held[:whole], validate=True))
            held = held[whole:]
        if held:
            raise PayloadError("base64 в ответе 1С оборван")
    except (binascii.Error, ValueError) as error:
        raise PayloadError(f"в ответе 1С не base64: {error}") from error


def _zipped(spool: IO[bytes]) -> Iterator[Iterator[str]]:
    with zipfile.ZipFile(spool) as archive:
        files = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(files) > MAX_ENTRIES:
            raise PayloadError(f"в архиве больше {MAX_ENTRIES} файлов")
        total = [0]
        for entry in files:
            with archive.open(entry) as file:
                yield _decoded(file, total)


def _decoded(file: Any, total: list[int]) -> Iterator[str]:
    """A file's text, in the encoding its XML declaration names, else UTF-8."""
    chunk = _read(file)
    named = _DECLARED.search(chunk[:1000])
    encoding = named.group(1).decode("ascii", "replace").lower() if named else "utf-8"
    try:
        decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
        while chunk:
            total[0] += len(chunk)
            if total[0] > MAX_UNPACKED_BYTES:
                raise PayloadError(f"в архиве больше {MAX_UNPACKED_BYTES // 1024**3} ГБ")
            yield decoder.decode(chunk)
            chunk = _read(file)
        yield decoder.decode(b"", final=True)
    except (LookupError, UnicodeError) as error:
        raise PayloadError(f"текст в архиве не читается: {error}") from error


def _read(file: Any) -> bytes:
    try:
        return bytes(file.read(READ_BYTES))
    except _BROKEN as error:
        raise PayloadError(f"архив в ответе 1С не раскрывается: {error}") from error
