"""Rows of a reply one by one as its bytes come, JSON or Atom; memory does not grow with them.

A reply that ends before its closing bracket or tag raises RetryLater after the rows before it:
whoever needs the whole must wait for the end.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from connectors._protocols import odata_errors, onec_replies
from connectors._protocols.odata_pull import ended, local
from hub.sdk.errors import PayloadError
from hub.sdk.payload import clean_text, decode_text
from hub.sdk.xml import free

Row = dict[str, Any]
#: One row, table parts included, is never larger; a reply that claims so is no reply of 1C.
MAX_ROW_CHARACTERS: Final = 32 * 1024 * 1024
_HEAD_CHARACTERS: Final = 64 * 1024
_VALUE = re.compile(r'"value"\s*:\s*\[')
_SKIPPED = re.compile(r"[\s,]*")
_DELETED = re.compile(r"/?([^/]+)\(guid'([0-9a-fA-F-]{36})'\)")
_DEEP: Final = 60


def rows_of(content_type: str, chunks: Iterable[bytes]) -> Iterator[Row]:
    """The rows of a reply of either kind; raises by who must act when it is neither."""
    stream = iter(chunks)
    head = b""
    for chunk in stream:
        head += chunk
        if head.lstrip(b"\xef\xbb\xbf \r\n\t"):
            break
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    whole = _joined(head, stream)
    if start.startswith(b"{"):
        yield from json_rows(whole)
    elif start.startswith(b"<") and not onec_replies.is_html(content_type, decode_text(head[:500])):
        yield from atom_rows(whole)
    else:
        raise onec_replies.not_an_answer(content_type, decode_text(head[:4000]))


def _joined(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


# JSON.


def _decimal(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise PayloadError("в ответе число с невозможным порядком") from None
    if abs(found.adjusted()) > 400:
        raise PayloadError("в ответе слишком большое число")
    return found


def _constant(name: str) -> Any:
    raise PayloadError(f"в ответе {name} вместо числа")


_DECODER: Final = json.JSONDecoder(parse_float=_decimal, parse_constant=_constant)


class _Buffer:
    """The text of a reply that is not used up yet."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.text, self.at, self.ended = "", 0, False

    def more(self) -> bool:
        """Take in as much again as there is; False at the end of the reply."""
        if self.ended:
            return False
        pieces, size = [self.text[self.at :]], 0
        wanted = max(1, len(pieces[0]))
        while size < wanted:
            chunk = next(self._chunks, None)
            try:
                piece = self._decoder.decode(chunk or b"", final=chunk is None)
            except UnicodeDecodeError as error:
                raise PayloadError(f"ответ не в UTF-8: {error.reason}") from error
            pieces.append(piece)
            size += len(piece)
            if chunk is None:
                self.ended = True
                break
        self.text, self.at = "".join(pieces), 0
        return size > 0


def json_rows(chunks: Iterable[bytes]) -> Iterator[Row]:
    """The objects of `{"value": [ … ]}`, each decoded as soon as it is whole."""
    buffer = _Buffer(chunks)
    while not (start := _VALUE.search(buffer.text)):
        if len(buffer.text) > _HEAD_CHARACTERS or not buffer.more():
            raise _no_rows(buffer)
    buffer.at = start.end()
    while True:
        space = _SKIPPED.match(buffer.text, buffer.at)
        buffer.at = space.end() if space else buffer.at
        if buffer.at >= len(buffer.text):
            if not buffer.more():
                raise odata_errors.cut()
            continue
        if buffer.text[buffer.at] == "]":
            break
        yield _next_object(buffer)
    _check_end(buffer)


def _next_object(buffer: _Buffer) -> Row:
    while True:
        start = buffer.at
        try:
            found, buffer.at = _DECODER.raw_decode(buffer.text, start)
            break
        except json.JSONDecodeError as error:
            if len(buffer.text) - buffer.at > MAX_ROW_CHARACTERS:
                raise PayloadError("строка ответа больше 32 МБ") from error
            if not buffer.more():
                raise odata_errors.cut(str(error)) from error
        except (RecursionError, ValueError) as error:
            raise PayloadError(f"ответ не читается: {error}") from error
    if not isinstance(found, dict):
        raise PayloadError(f"строка ответа — {type(found).__name__}, а не объект")
    text = buffer.text[start : buffer.at]
    if "\\u" not in text and text.count("{") + text.count("[") < _DEEP:
        return found  # nothing to clean, and too flat to be too deep
    row: Row = _cleaned(found)
    return row


def _cleaned(value: Any, depth: int = 0) -> Any:
    if depth > _DEEP:
        raise PayloadError("вложенность строки ответа слишком большая")
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(name): _cleaned(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item, depth + 1) for item in value]
    return value


def _no_rows(buffer: _Buffer) -> Exception:
    error = odata_errors.error_in("", buffer.text.encode())
    if error is not None:
        return onec_replies.fault(error[1])
    if '"#exception"' in buffer.text:
        return onec_replies.fault(buffer.text)
    if buffer.ended:
        return odata_errors.cut()
    return PayloadError("в ответе 1С нет списка value")


def _check_end(buffer: _Buffer) -> None:
    """After the list only a few marks may follow, and the object must be closed."""
    while buffer.more():
        if len(buffer.text) - buffer.at > _HEAD_CHARACTERS:
            raise PayloadError("за списком value следует слишком много")
    if not buffer.text[buffer.at + 1 :].strip().endswith("}"):
        raise odata_errors.cut()


# Atom.


def atom_rows(chunks: Iterable[bytes]) -> Iterator[Row]:
    """The entries of a feed as the same rows; `odata.type` names the set, `odata.deleted` a gone
    object of SelectChanges, which has its `Ref_Key` alone."""
    for element, root in ended(chunks, {"feed", "entry"}, "ленты Atom"):
        yield from _entry(element, root)


def _entry(element: Any, root: Any) -> Iterator[Row]:
    if not isinstance(element.tag, str):
        return
    name = local(element.tag)
    if name == "deleted-entry":
        found = _DELETED.search(str(element.get("ref") or ""))
        if found:
            yield {"odata.type": found[1], "odata.deleted": True, "Ref_Key": found[2].lower()}
    elif name == "entry":
        properties = next(element.iter("{*}properties"), None)
        if properties is not None:
            kind = next((node.get("term", "") for node in element.iterfind("{*}category")), "")
            yield {"odata.type": kind.rpartition(".")[2], **_properties(properties, 0)}
    else:
        return
    if element is not root:
        free(element)


def _properties(node: Any, depth: int) -> Row:
    if depth > _DEEP:
        raise PayloadError("вложенность строки ответа слишком большая")
    return {
        local(child.tag): _property(child, depth) for child in node if isinstance(child.tag, str)
    }


def _property(node: Any, depth: int) -> Any:
    marks = {local(name): value for name, value in node.attrib.items()}
    kind = marks.get("type", "")
    if marks.get("null") == "true":
        return None
    if kind.startswith("Collection("):
        return [_properties(item, depth + 1) for item in node if isinstance(item.tag, str)]
    if len(node):
        return _properties(node, depth + 1)
    text = clean_text(node.text or "")
    if kind == "Edm.Boolean":
        return text == "true"
    if kind in {"Edm.Double", "Edm.Decimal", "Edm.Int16", "Edm.Int32"}:
        return _decimal(text or "0")
    return text
