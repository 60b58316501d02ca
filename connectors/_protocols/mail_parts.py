"""The parts of a MIME mail: its text, its attachments, its delivery report. With limits.

Follows RFC 2045–2049, 2231 (parameters) and 3464 (multipart/report).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from typing import Any

from connectors._protocols.mail_text import (
    MAX_TEXT,
    decode_bytes,
    decode_header,
    html_to_text,
)
from hub.sdk.errors import PayloadError
from hub.sdk.payload import clean_text

MAX_PARTS = 500
MAX_DEPTH = 30
MAX_ATTACHMENTS = 100
#: Lines times boundaries the stdlib's parser would compare: some seconds of work, far above any
#: honest mail.
MAX_PARSER_WORK = 20_000_000


@dataclass
class Content:
    """What stands below a mail's headers.

    `bounce` is the delivery report {final_recipient, action, status}; `is_report` tells of another
    machine's report (a read receipt, an abuse report).
    """

    text: str = ""
    html_present: bool = False
    attachments: list[dict[str, Any]] = field(default_factory=list)
    bounce: dict[str, str] | None = None
    is_report: bool = False


def read_content(raw: bytes) -> tuple[Message, Content]:
    """Parse MIME bytes and read their parts; PayloadError beyond the limits."""
    boundaries = raw.lower().count(b"boundary=")
    if boundaries * (raw.count(b"\n") + raw.count(b"\r")) > MAX_PARSER_WORK:
        raise PayloadError(f"the mail has too many parts ({boundaries} boundaries)")
    try:
        message = BytesParser().parsebytes(raw)
    except RecursionError as error:
        raise PayloadError("the mail's parts are nested too deeply") from error
    content = Content()
    reader = _Reader(content)
    content.text = "\n\n".join(text for text in reader.texts(message, 0) if text.strip()).strip()
    if message.get_content_type() == "multipart/report" and content.bounce is None:
        content.is_report = True
    return message, content


class _Reader:
    """Walks the parts once, counting them."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.parts = 0

    def texts(self, part: Message, depth: int) -> list[str]:
        """The readable texts of a part and those below; files go to the attachments."""
        self.parts += 1
        if self.parts > MAX_PARTS or depth > MAX_DEPTH:
            raise PayloadError(f"the mail has over {MAX_PARTS} parts or {MAX_DEPTH} levels of them")
        _decode_raw_headers(part)
        media = part.get_content_type()
        if media == "message/delivery-status":
            self.content.bounce = self.content.bounce or _delivery_report(part)
            return []
        if media in {"message/disposition-notification", "message/feedback-report"}:
            self.content.is_report = True
            return []
        if media == "text/rfc822-headers":
            return []
        if media == "multipart/alternative":
            return self._alternative(part, depth)
        if media.startswith("multipart/") and part.is_multipart():
            return [text for child in _children(part) for text in self.texts(child, depth + 1)]
        if media in {"text/plain", "text/html"} and (depth == 0 or not _is_attachment(part)):
            return [self._inline(part, media)]
        self._attach(part, media)
        return []

    def _alternative(self, part: Message, depth: int) -> list[str]:
        """Of several forms of one text: the first plain one that says something, else any."""
        found = [
            (child.get_content_type(), self.texts(child, depth + 1)) for child in _children(part)
        ]
        filled = [(kind, texts) for kind, texts in found if any(text.strip() for text in texts)]
        plain = [texts for kind, texts in filled if kind == "text/plain"]
        return (plain or [texts for _, texts in filled] or [[]])[0]

    def _inline(self, part: Message, media: str) -> str:
        raw = _payload(part)
        # A few bytes more than the text may hold: no need to decode a whole 20 MB body.
        text = decode_bytes(raw[: MAX_TEXT * 4], part.get_content_charset() or "")[:MAX_TEXT]
        if media == "text/html":
            self.content.html_present = self.content.html_present or bool(text.strip())
            return html_to_text(text)
        return text.replace("\r\n", "\n")

    def _attach(self, part: Message, media: str) -> None:
        if len(self.content.attachments) >= MAX_ATTACHMENTS:
            return
        name = _file_name(part)
        if part.is_multipart():
            inner = next(iter(_children(part)), None)
            name = name or f"{_subject(inner) or 'message'}.eml"
            size = sum(len(_payload(leaf)) for leaf in _leaves(part))
        else:
            size = len(_payload(part))
        self.content.attachments.append(
            {"name": name[:255] or "unnamed", "content_type": media[:100], "size_bytes": size}
        )


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if part.is_multipart() else []


def _leaves(part: Message) -> list[Message]:
    return [leaf for leaf in part.walk() if not leaf.is_multipart()]


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _subject(part: Message | None) -> str:
    if part is None:
        return ""
    raw = next((str(value) for name, value in part.raw_items() if name.lower() == "subject"), "")
    return decode_header(raw)


def _decode_raw_headers(part: Message) -> None:
    """Make raw 8-bit headers readable text, or the stdlib turns their letters into «�»."""
    for name, value in list(part.raw_items()):
        text = str(value)
        if name.lower().startswith("content-") and not text.isascii():
            part.replace_header(name, clean_text(decode_header(text)))


def _is_attachment(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(_file_name(part))


def _file_name(part: Message) -> str:
    """The file's name: RFC 2231, encoded words or raw bytes; a path is cut to its last piece."""
    value = part.get_param("filename", None, "content-disposition") or part.get_param("name")
    if isinstance(value, tuple):
        value = decode_bytes(str(value[2]).encode("latin-1", "replace"), str(value[0] or ""))
    name = decode_header(str(value or ""))
    return name.replace("\\", "/").rpartition("/")[2].strip()


def _delivery_report(part: Message) -> dict[str, str]:
    """The first recipient block of a message/delivery-status part."""
    for block in _children(part):
        values = {
            name.lower(): decode_header(str(value))[:500] for name, value in block.raw_items()
        }
        recipient = values.get("final-recipient") or values.get("original-recipient")
        if recipient:
            return {
                "final_recipient": recipient.partition(";")[2].strip() or recipient.strip(),
                "action": values.get("action", ""),
                "status": values.get("status", "").split(" ", 1)[0],
            }
    return {"final_recipient": "", "action": "", "status": ""}
