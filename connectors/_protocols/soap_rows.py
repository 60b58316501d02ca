"""The rows of a SOAP answer, read as a stream: memory stays flat whatever the answer's size.

Only a row at a time is held; no zeep objects are built. Rows are found by their path of local
names below the response element; v8 arrays and tables at the path's end yield their items; a text
holding JSON or XML is opened and the rest of the path goes into it (a text that is the whole
result: `soap_texts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lxml import etree

from connectors._protocols import onec_replies
from connectors._protocols.soap_inside import text_rows
from connectors._protocols.soap_text import checked_start, in_utf8
from connectors._protocols.soap_twins import Twins
from connectors._protocols.soap_values import (
    COLUMN,
    NAMED,
    ROW,
    VALUE,
    chain_of,
    children_of,
    column_name,
    forget,
    local,
    named,
    plain,
    table_row,
)
from hub.sdk.errors import PayloadError, Rejected, RetryLater
from hub.sdk.xml import pull_parser

#: So much may come without a single row: past it the path leads nowhere or the answer is no list.
MAX_BYTES_WITHOUT_ROW = 64 * 1024 * 1024
#: A row longer than this goes to the parser in pieces, as it comes.
MAX_HELD = 1024 * 1024
#: Standard 1C services tell of an error here, with status 200.
ERROR_FIELDS = frozenset(
    {"ErrorMessage", "ErrorDescription", "Error", "Ошибка", "ОписаниеОшибки", "ТекстОшибки"}
)
Path = tuple[str, ...]


class RowReader:
    """Reads one answer. `path` leads from the response element to its rows (`return`, `Row`).

    `response` is the response element's name by the WSDL; `path_known` says that the WSDL has the
    path.
    """

    def __init__(
        self, path: Sequence[str], response: str = "", *, path_known: bool = False
    ) -> None:
        self.path: Path = tuple(path)
        self.response, self.path_known = response, path_known
        self.count = 0
        self.whole = False
        self._quiet = 0
        self._columns: list[str] = []
        self._items = 0
        self._opened_text = False
        self._twins = Twins()
        # The last plain row that the parser has read: its parent, its end tag; how many there were.
        self._parent: Any = None
        self._end_tag = ""
        self._plain_rows = 0

    @property
    def way(self) -> tuple[Any, ...]:
        """What decides which rows come of an answer's bytes."""
        return (self.path, self.response, self.path_known)

    def rows(self, chunks: Iterable[bytes]) -> Iterator[Any]:
        """Yield the rows; ends normally only after the envelope's closing tag.

        Raises RetryLater (cut, not SOAP), PayloadError (broken XML, wrong path), Rejected (fault).
        """
        parser = pull_parser(
            "end",
            tag=["{*}Envelope", "{*}Fault", COLUMN, ROW, VALUE, *(f"{{*}}{n}" for n in self.path)],
        )
        held, between = "", False
        for text in in_utf8(checked_start(chunks)):
            if isinstance(text, bytes):  # of another encoding: the parser's alone
                yield from self._parsed(parser, held.encode() + text)
                held = ""
                continue
            held, at = held + text, 0
            while self._end_tag:
                if between:
                    rows, at = self._twins.take(held, at)
                    if rows:
                        self.count += len(rows)
                        self._quiet = 0
                        yield from rows
                end = held.find(self._end_tag, at)
                if end < 0:
                    break
                piece = held[at : end + len(self._end_tag)]
                at += len(piece)
                before = self._plain_rows
                rows = list(self._parsed(parser, piece.encode()))
                between = self._is_between(piece, before)
                if between and len(rows) == 1:
                    self._twins.learn(piece, rows[0])
                yield from rows
            held = held[at:]
            if not self._end_tag or len(held) > MAX_HELD:
                yield from self._parsed(parser, held.encode())
                held, between = "", False
        yield from self._parsed(parser, held.encode())
        self._close(parser)

    def _is_between(self, piece: str, before: int) -> bool:
        """Whether the parser now stands right after a row, inside the parent of rows.

        It has read exactly one row in this piece, which ends with the row's end tag; nothing in
        it could hide that tag in a comment, a CDATA section or an instruction.
        """
        return (
            self._plain_rows == before + 1
            and piece.count(self._end_tag[:-1]) == 1
            and not any(mark in piece for mark in ("<!", "<?", "-->", "]]>", "?>"))
        )

    def _parsed(self, parser: Any, chunk: bytes) -> Iterator[Any]:
        self._quiet += len(chunk)
        if self._quiet > MAX_BYTES_WITHOUT_ROW:
            raise PayloadError(f"в ответе нет строк по пути {'.'.join(self.path)}")
        try:
            parser.feed(chunk)
        except etree.XMLSyntaxError as error:
            raise PayloadError(f"ответ 1С — испорченный XML: {error}") from error
        for _, element in parser.read_events():
            for row in self._take(element):
                self.count += 1
                self._quiet = 0
                yield row

    def _close(self, parser: Any) -> None:
        try:
            parser.close()
        except etree.XMLSyntaxError as error:
            if error.code == etree.ErrorTypes.WAR_NS_URI:  # type: ignore[attr-defined]  # not in stubs
                raise PayloadError(f"пространство имён в ответе 1С: {error}") from error
            raise RetryLater(
                f"ответ 1С оборван после {self.count} строк", detail=str(error)
            ) from error
        if not self.whole:
            raise RetryLater("ответ 1С не закончен: нет конца конверта SOAP")

    def _take(self, element: Any) -> Iterator[Any]:
        if element.getparent() is None:
            self.whole = local(element) == "Envelope"
            self._finish(element)
            return
        chain = chain_of(element)
        if chain is None:
            if local(element) == "Fault":
                raise onec_replies.fault(fault_text(element))
            return
        parent = element.getparent()
        inside = chain[:-1] == self.path and parent.tag != ROW and parent.tag not in NAMED
        if element.tag == COLUMN and (inside or chain[:-1] == self.path[:-1]):
            self._columns.append(column_name(element))
        elif element.tag in NAMED:
            return  # its Value has already told everything
        elif chain == self.path:
            yield from self._target(element)
            forget(element)
        elif inside and element.tag in {ROW, VALUE}:
            self._items += 1
            yield from self._row(element)
            forget(element)
        elif chain == self.path[: len(chain)]:
            yield from self._text(element, self.path[len(chain) :])

    def _row(self, element: Any) -> Iterator[Any]:
        row = table_row(element, self._columns) if element.tag == ROW else plain(element)
        if isinstance(row, dict):
            if any(value is not None for value in row.values()):
                yield row
        elif row not in (None, "", []):
            yield {"#text": row}

    def _target(self, element: Any) -> Iterator[Any]:
        if self._items or (self._columns and element.tag != ROW):
            self._items, self._columns = 0, []
            return
        before = self.count
        yield from self._text(element, ())
        if self.count > before or self._opened_text:
            return
        if not len(element) and self.path == ("return",) and (element.text or "").strip():
            raise PayloadError(f"вместо строк 1С вернула текст: «{(element.text or '')[:200]}»")
        parent = element.getparent()
        if parent is not self._parent:
            self._parent = parent
            self._twins.forget()
        self._end_tag = (
            f"</{element.prefix}:{local(element)}>" if element.prefix else (f"</{local(element)}>")
        )
        self._plain_rows += 1
        for row in self._row(element):
            alone = self.path == ("return",) and len(row) == 1
            only = next(iter(row.values())) if alone else None
            if isinstance(only, list) and all(isinstance(item, dict | None) for item in only):
                yield from (item for item in only if item)
            else:
                yield only if isinstance(only, dict) else row

    def _text(self, element: Any, rest: Path) -> Iterator[Any]:
        text = "" if len(element) else (element.text or "").strip()
        if not text.startswith(("{", "[", "<")):
            return
        self._opened_text = True
        yield from text_rows([text], rest, inner_rows)

    def _finish(self, envelope: Any) -> None:
        body = next((child for child in envelope if local(child) == "Body"), None)
        answers = children_of(body) if body is not None else []
        if not answers:
            raise RetryLater("подозрительный ответ 1С: конверт SOAP пуст")
        answer = answers[0]
        if self.response and local(answer) != self.response:
            raise PayloadError(f"1С ответила «{local(answer)}» вместо «{self.response}»")
        for child in children_of(answer):
            said = (child.text or "").strip()
            if local(child) in ERROR_FIELDS and said and not len(child):
                raise error_said(said)
        if not self.count and not self._opened_text:
            self._explain_nothing(answer)

    def _explain_nothing(self, answer: Any) -> None:
        """Zero rows are believed when the path is there; else the path is wrong, and is named."""
        node = answer
        for name in self.path:
            found = named(node)
            if name in found:
                node = found[name]
                continue
            text = (node.text or "").strip()
            if text and not len(node):
                raise PayloadError(f"вместо строк 1С вернула текст: «{text[:200]}»")
            if found and not self.path_known:
                raise PayloadError(
                    f"в ответе нет строк по пути {'.'.join(self.path)}: «{name}» не найдено, "
                    f"есть: {', '.join(list(found)[:20])}"
                )
            return


def inner_rows(path: Sequence[str], chunks: Iterable[bytes]) -> Iterator[Any]:
    """Rows of an XML text that stands in an envelope like an answer."""
    return RowReader(path).rows(chunks)


def error_said(words: str) -> Rejected:
    """The error for what a service tells of an error with status 200."""
    return Rejected(f"1С сообщила об ошибке: {onec_replies.plain_words(words)}")


def fault_text(element: Any) -> str:
    """The words of a Fault of SOAP 1.1 or 1.2; empty when it has none."""
    for node in element.iter("{*}faultstring", "{*}Text"):
        if (node.text or "").strip():
            return str(node.text)
    return ""
