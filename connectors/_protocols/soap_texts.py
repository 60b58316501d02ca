"""An answer whose result is one text, a string or base64: read without ever holding the text.

libxml2 builds a node of a whole text before anyone sees it; expat hands it on as it comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.parsers import expat

from connectors._protocols import onec_replies
from connectors._protocols.soap_inside import documents_in, text_rows
from connectors._protocols.soap_rows import ERROR_FIELDS, RowReader, error_said, inner_rows
from connectors._protocols.soap_text import checked_start
from hub.sdk.errors import PayloadError, RetryLater

#: Words of a fault or an error longer than this are cut.
MAX_WORDS = 64 * 1024
BUFFER_BYTES = 64 * 1024


class TextReader:
    """Reads one answer whose element `path[0]` is a text; the rest of the path leads into it.

    `binary`: the text is base64, of a zip or of a bare text. `folder` keeps it while it is read.
    """

    def __init__(
        self, path: Sequence[str], response: str = "", *, binary: bool = False, folder: str = ""
    ) -> None:
        self.path, self.response = tuple(path), response
        self.binary, self._folder = binary, folder
        self.count = 0

    @property
    def way(self) -> tuple[Any, ...]:
        """What decides which rows come of an answer's bytes."""
        return (self.path, self.response, "base64" if self.binary else "text")

    def rows(self, chunks: Iterable[bytes]) -> Iterator[Any]:
        """Yield the rows; ends normally only after the envelope's closing tag.

        Raises RetryLater (cut, not SOAP), PayloadError (broken, wrong path), Rejected (fault).
        """
        envelope = _Envelope(self.path[0], self.response)
        pieces = self._pieces(envelope, checked_start(chunks))
        texts = documents_in(pieces, self._folder) if self.binary else iter([pieces])
        for text in texts:
            for row in text_rows(text, self.path[1:], inner_rows):
                self.count += 1
                yield row
        for piece in pieces:
            if piece.strip():
                raise PayloadError("за текстом ответа идёт ещё что-то")

    def beginning(self, chunks: Iterable[bytes]) -> Iterator[str]:
        """The text as far as these bytes go; they may end anywhere."""
        try:
            yield from self._pieces(_Envelope(self.path[0], self.response), checked_start(chunks))
        except (RetryLater, PayloadError):
            return

    def _pieces(self, envelope: _Envelope, chunks: Iterable[bytes]) -> Iterator[str]:
        for chunk in chunks:
            try:
                envelope.parser.Parse(chunk, False)
            except (expat.ExpatError, LookupError, ValueError) as error:
                # The latter two: an encoding that Python does not know, or not for expat.
                raise PayloadError(f"ответ 1С — испорченный XML: {error}") from error
            if envelope.found:
                yield "".join(envelope.found)
                envelope.found.clear()
        try:
            envelope.parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise RetryLater(
                f"ответ 1С оборван после {self.count} строк", detail=str(error)
            ) from error
        if not envelope.answered:
            raise RetryLater("подозрительный ответ 1С: конверт SOAP пуст")


class _Envelope:
    """Follows an envelope: gathers the result's text, raises a fault and an error with 200."""

    def __init__(self, result: str, response: str) -> None:
        self.found: list[str] = []
        self.answered = False
        self._result, self._response = result, response
        self._line: list[str] = []
        self._said = ""
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.buffer_size = BUFFER_BYTES
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _refuse(self, *_: Any) -> None:
        raise PayloadError("XML с DOCTYPE не принимается")

    @property
    def _in_fault(self) -> bool:
        return len(self._line) > 2 and self._line[2] == "Fault"

    def _start(self, name: str, _: Any) -> None:
        self._line.append(name.rpartition(" ")[2])
        line = self._line
        if len(line) == 3 and line[1] == "Body":
            self.answered = True
            if line[2] != "Fault" and self._response and line[2] != self._response:
                raise PayloadError(f"1С ответила «{line[2]}» вместо «{self._response}»")
        elif len(line) == 5 and self._is_result(line[3]):
            raise PayloadError(f"в «{self._result}» вместо текста элемент «{line[4]}»")
        if not self._in_fault or line[-1] in {"faultstring", "Text"}:
            self._said = ""

    def _is_result(self, name: str) -> bool:
        return name == self._result and not self._in_fault

    def _data(self, text: str) -> None:
        line = self._line
        if len(line) == 4 and self._is_result(line[3]):
            self.found.append(text)
        elif (self._in_fault or len(line) == 4) and len(self._said) < MAX_WORDS:
            self._said += text

    def _end(self, _: str) -> None:
        line, said = self._line, self._said.strip()
        if self._in_fault and line[-1] in {"faultstring", "Text"} and said:
            raise onec_replies.fault(said)
        if len(line) == 3 and line[2] == "Fault":
            raise onec_replies.fault("")
        if len(line) == 4 and line[3] in ERROR_FIELDS and line[3] != self._result and said:
            raise error_said(said)
        line.pop()


Reader = RowReader | TextReader
