"""An answer's text before it is parsed: its start judged, its bytes as UTF-8 text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

from connectors._protocols import onec_replies
from hub.sdk import payload
from hub.sdk.errors import PayloadError, RetryLater

_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_ROOT = re.compile(rb"<([A-Za-z_\x80-\xff][^\s/>]*)[\s/>]")
_ENCODING = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([^"'>]*)""")


def checked_start(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass the chunks on once the prolog is seen: a DOCTYPE and a root not of SOAP are refused."""
    head, checked = b"", False
    for chunk in chunks:
        if checked:
            yield chunk
            continue
        head += chunk
        match = _PROLOG.match(head)
        start = head[match.end() if match else 0 :]
        root = _ROOT.match(start)
        if root is not None:
            name = root.group(1).rpartition(b":")[2].decode("utf-8", "replace")
            if name != "Envelope":
                raise onec_replies.not_an_answer(
                    "html" if name == "html" else f"XML <{name}>", payload.decode_text(head[:4000])
                )
            checked = True
            yield head
        elif start.lower().startswith(b"<!doctype"):
            if start[9:20].strip().lower().startswith(b"html"):
                raise onec_replies.not_an_answer("text/html", payload.decode_text(head[:4000]))
            raise PayloadError("XML с DOCTYPE не принимается")
        elif len(head) > 65536:
            raise RetryLater("ответ 1С — не XML")
    if not checked and head.strip():
        raise onec_replies.not_an_answer("", payload.decode_text(head))
    if not checked:
        raise onec_replies.not_an_answer("", "")


def in_utf8(chunks: Iterable[bytes]) -> Iterator[str | bytes]:
    """Pass a document on as text; as bytes from where it is not UTF-8 on."""
    decoder: codecs.IncrementalDecoder | None = None
    for number, chunk in enumerate(chunks):
        if not number and _is_utf8(chunk):
            decoder = codecs.getincrementaldecoder("utf-8")()
        if decoder is None:
            yield chunk
            continue
        kept = decoder.getstate()[0]
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError:
            decoder = None
            yield kept + chunk
            continue
        yield text
    if decoder is not None and (rest := decoder.getstate()[0]):
        yield rest


def _is_utf8(head: bytes) -> bool:
    declared = _ENCODING.search(head[:1000])
    return declared is None or declared.group(1).lower() in {b"utf-8", b"utf8"}
