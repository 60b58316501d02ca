"""A SOAP service shown to an admin: its operations from the WSDL, the first rows of an answer."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

from lxml import etree

from connectors._protocols.soap import SoapService
from connectors._protocols.soap_json import json_lists
from connectors._protocols.soap_texts import TextReader
from connectors._protocols.soap_values import (
    COLUMN,
    KEY,
    NAMED,
    ROW,
    VALUE,
    chain_of,
    children_of,
    local,
)
from connectors._protocols.soap_wire import chunks_of
from hub.sdk.errors import HubError
from hub.sdk.explore import Asked, Operation, Operations, Sample
from hub.sdk.xml import pull_parser

#: So much of an answer is read for a sample, and so long is waited for it.
HEAD_BYTES = 4 * 1024 * 1024
HEAD_SECONDS = 60.0
#: An archive cannot be opened before its end.
ARCHIVE_BYTES = 32 * 1024 * 1024
MAX_DEPTH, MAX_PATHS = 8, 12
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


def operations_of(service: SoapService) -> Operations:
    """The operations of the chosen port, and the ports there are, the chosen one first."""
    found = []
    for name in service.operations:
        asked = [
            Asked(one.name, one.kind, one.required, one.nillable) for one in service.arguments(name)
        ]
        note = str(service.documentation(name))
        found.append(Operation(name, asked, service.list_paths(name), note))
    return Operations(found, service.places)


def sample_of(
    service: SoapService, operation: str, arguments: Mapping[str, Any], path: str, limit: int
) -> Sample:
    """Call the operation, read the beginning of its answer, hang up; the rows in it.

    Raises as a call does; what breaks after the first row is left to the real run to say.
    """
    reader = service.reader(operation, path or "return")
    text = reader if isinstance(reader, TextReader) else None
    most = ARCHIVE_BYTES if text and text.binary else HEAD_BYTES
    with closing(service.answered(operation, arguments)) as response:
        head, cut = _head(chunks_of(response), most)
    found = Counter[str]()
    if text is not None and not text.binary:
        _in_text(found, "".join(text.beginning([head])), text.path[:1])
    elif text is None:
        _in_elements(found, head)
    promised = service.list_paths(operation)
    chosen = path or _best(found, promised)
    rows, trouble = _rows(service.reader(operation, chosen).rows([head]), limit)
    if trouble is not None and not rows and not cut:
        raise trouble
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0].count("."), item[0]))
    return Sample(chosen, rows, ranked[:MAX_PATHS], cut or len(rows) == limit, len(head))


def _head(chunks: Iterable[bytes], most: int) -> tuple[bytes, bool]:
    """The beginning of an answer, and whether it goes on."""
    until = time.monotonic() + HEAD_SECONDS
    pieces: list[bytes] = []
    size = 0
    for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size >= most or time.monotonic() > until:
            return b"".join(pieces), True
    return b"".join(pieces), False


def _rows(found: Iterator[Any], limit: int) -> tuple[list[Any], HubError | None]:
    rows: list[Any] = []
    try:
        for row in found:
            rows.append(row)
            if len(rows) == limit:
                break
    except HubError as error:
        return rows, error
    return rows, None


def _best(found: Counter[str], promised: Sequence[str]) -> str:
    """The likeliest path to rows: a list in the answer, then one that the WSDL promises."""
    lists = [path for path, count in found.items() if count > 1]
    if lists:
        return min(lists, key=lambda path: (path.count("."), -found[path]))
    there = [path for path in promised if path in found]
    return next(iter([*there, *promised]), "return")


def _in_text(found: Counter[str], text: str, before: Sequence[str]) -> None:
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith(("{", "[")):
        for path, count in json_lists([text]).items():
            found[".".join([*before, *path])] += count
    elif text.startswith("<"):
        root = text[text.find("?>") + 2 :] if text.startswith("<?xml") else text
        inside = f"<Envelope><Body><Answer>{root}".encode("utf-8", "replace")
        _in_elements(found, inside, before)


def _in_elements(found: Counter[str], head: bytes, before: Sequence[str] = ()) -> None:
    """Count elements that hold others by their path; a head that ends anywhere will do."""
    parser = pull_parser("end")
    with suppress(etree.XMLSyntaxError):  # what was read before it is counted
        parser.feed(head)
    with suppress(etree.XMLSyntaxError):
        for _, element in parser.read_events():
            chain = chain_of(element) if isinstance(element.tag, str) else None
            if not chain or len(chain) > MAX_DEPTH or element.tag in {COLUMN, KEY, *NAMED}:
                continue
            if element.tag in {ROW, VALUE} and element.getparent().tag not in NAMED:
                found[".".join([*before, *chain[:-1]])] += 1
            elif _is_row(element):
                found[".".join([*before, *chain])] += 1
            elif (text := (element.text or "").lstrip()).startswith(("{", "[", "<")):
                _in_text(found, text, [*before, *chain])


def _is_row(element: Any) -> bool:
    if any(not name.startswith(_XSI) for name in element.keys()):  # noqa: SIM118  # lxml's own
        return True
    inside = children_of(element)
    return (
        bool(inside)
        and not all(child.tag in {ROW, VALUE, COLUMN} for child in inside)
        and bool(local(element))
    )
