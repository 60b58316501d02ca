"""A mail, from MIME bytes or from a provider's fields, as one normal dictionary.

Follows RFC 5322, 2045–2047, 2231, 3464 (delivery reports) and 3834 (automatic replies), tolerant
to what senders really write. All limits are here: size of text, parts, depth, attachments.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parsedate_to_datetime
from itertools import islice
from typing import Any

from connectors._protocols.mail_parts import Content, read_content
from connectors._protocols.mail_text import MAX_TEXT, decode_header, strip_quotes
from hub.sdk.errors import HubError, PayloadError
from hub.sdk.payload import clean_text
from hub.sdk.records import SourceRecord

MAX_HEADER = 20_000
MAX_HEADERS = 2_000
MAX_ADDRESSES = 200
MAX_REFERENCES = 50
#: A column for ids holds this many characters; longer ones are kept as their hash.
MAX_ID = 255

_MESSAGE_ID = re.compile(r"<\s*([^<>\s]{1,900})\s*>")
_IN_ADDRESS = r"[^\s<>()\[\],;:\"@]"
#: Only from the beginning of a word, and no longer than an address: linear on any text.
_ADDRESS = re.compile(rf"(?<!{_IN_ADDRESS}){_IN_ADDRESS}{{1,256}}@{_IN_ADDRESS}{{1,256}}")
_NAMED = re.compile(r"^(.*)<\s*([^<>]*?)\s*>[^<>]*$", re.DOTALL)
_BOUNCERS = frozenset({"mailer-daemon", "mailerdaemon"})
_NOBODY = re.compile(
    r"^(?:mailer-?daemon|postmaster|no[-_.]?reply|do[-_.]?not[-_.]?reply|bounces?)(?:[-+_.].*)?$",
    re.IGNORECASE,
)
_BULK_PRECEDENCE = frozenset({"bulk", "junk", "list"})
#: What this hub writes into mails of its own, so that it never treats them as a client's.
ORIGIN_HEADER = "X-Hub-Origin"


@dataclass(frozen=True)
class Headers:
    """A mail's headers in their order, read by name in any case; values undecoded."""

    pairs: Sequence[tuple[str, str]] = field(default_factory=tuple)

    def all(self, name: str) -> list[str]:
        """Every value of this name."""
        return [str(value)[:MAX_HEADER] for key, value in self.pairs if key.lower() == name.lower()]

    def raw(self, name: str) -> str:
        """The first value of this name, or empty."""
        return next(iter(self.all(name)), "")

    def text(self, name: str) -> str:
        """The first value of this name as readable text."""
        return decode_header(self.raw(name))


def headers_of(message: Message) -> Headers:
    """The headers of a parsed mail, raw bytes kept as lone surrogates."""
    items = islice(message.raw_items(), MAX_HEADERS)
    return Headers(tuple((name, str(value)) for name, value in items))


def read_headers(raw: bytes) -> Headers:
    """Only the headers of MIME bytes."""
    return headers_of(BytesHeaderParser().parsebytes(raw))


def read_mail(raw: bytes, received_at: datetime) -> dict[str, Any]:
    """MIME bytes → the normal dictionary (see `build_mail`).

    PayloadError when they cannot be read as a mail, whatever the bytes.
    """
    try:
        message, content = read_content(raw)
        headers = headers_of(message)
        if not headers.pairs:
            raise PayloadError("the mail has no headers")
        return build_mail(headers, content, received_at)
    except HubError:
        raise
    except Exception as error:
        # Anyone may send anything: bytes the stdlib's parser stumbles over are the payload's fault.
        raise PayloadError(f"the mail cannot be read: {type(error).__name__}: {error}") from error


def build_mail(headers: Headers, content: Content, received_at: datetime) -> dict[str, Any]:
    """The normal dictionary both mail connectors hand to the mapping.

    message_id, in_reply_to, references, from_name, from_address, to, cc, reply_to, subject, date
    (ISO, UTC, or None), received_at, text, stripped_text, html_present, attachments
    [{name, content_type, size_bytes}], kind (mail | auto_reply | bounce | bulk), bounce
    {final_recipient, action, status} or None, spam, contact_name, contact_address.
    """
    name, address = _sender(headers.raw("From"))
    date = read_date(headers.raw("Date"), received_at)
    kind = _kind(headers, address, content)
    is_person = kind == "mail"
    mail: dict[str, Any] = {
        "message_id": "",
        "in_reply_to": next(iter(message_ids(headers.raw("In-Reply-To"))), None),
        "references": references(headers),
        "from_name": name,
        "from_address": address,
        "to": addresses(headers.all("To")),
        "cc": addresses(headers.all("Cc")),
        "reply_to": addresses(headers.all("Reply-To")),
        "subject": headers.text("Subject"),
        "date": iso(date) if date else None,
        "received_at": iso(received_at),
        "text": content.text[:MAX_TEXT],
        "stripped_text": strip_quotes(content.text[:MAX_TEXT]),
        "html_present": content.html_present,
        "attachments": content.attachments,
        "kind": kind,
        "bounce": content.bounce,
        "spam": _is_spam(headers),
        "contact_name": name if is_person and name != address else None,
        "contact_address": address if is_person and "@" in address else None,
    }
    mail["message_id"] = own_message_id(headers) or _made_id(mail, headers.raw("Date"))
    return mail


def message_record(mail: Mapping[str, Any]) -> SourceRecord:
    """The source record of one mail; its external id is the Message-ID."""
    return SourceRecord(
        entity="message",
        external_id=short_id(str(mail["message_id"])),
        data=mail,
        occurred_at=datetime.fromisoformat(str(mail["date"] or mail["received_at"])),
    )


def short_id(text: str) -> str:
    """An id that fits its column: itself, or the SHA-256 of a longer one."""
    if len(text) <= MAX_ID:
        return text
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def iso(moment: datetime) -> str:
    """A moment as ISO text in UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_date(value: str, received_at: datetime) -> datetime | None:
    """A Date header; None when it is broken, before 1980 or two days after the mail's arrival."""
    try:
        date = parsedate_to_datetime(decode_header(value))
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.year >= 1980 and date <= received_at + timedelta(days=2) else None


def message_ids(value: str) -> list[str]:
    """The ids of a References, In-Reply-To or Message-ID header, in their order, no repeats."""
    text = clean_text(decode_header(value))
    return list(dict.fromkeys(f"<{found}>" for found in _MESSAGE_ID.findall(text)))


def own_message_id(headers: Headers) -> str:
    """The Message-ID in angle brackets, empty when the mail has none."""
    if found := message_ids(headers.raw("Message-ID")):
        return found[0]
    bare = headers.text("Message-ID").strip("<> \t")
    return f"<{bare}>" if bare and not re.search(r"\s", bare) else ""


def references(headers: Headers) -> list[str]:
    """The thread's ids, oldest first; of a very long chain the first one and the newest."""
    found = message_ids(" ".join(headers.all("References")))
    return found if len(found) <= MAX_REFERENCES else [found[0], *found[1 - MAX_REFERENCES :]]


def thread_hint(headers: Headers) -> str:
    """A key the mails of one conversation share: its first reference, else the mail's own id."""
    chain = references(headers) or message_ids(headers.raw("In-Reply-To"))
    return short_id(chain[0] if chain else own_message_id(headers))


def addresses(values: Iterable[str]) -> list[dict[str, str]]:
    """Address headers as [{name, address}], names decoded; entries without an address dropped."""
    found = []
    for value in values:
        text = re.sub(r"\r?\n", " ", value)
        try:
            pairs = getaddresses([text])
        except (RecursionError, ValueError, IndexError, TypeError):
            pairs = []
        pairs = [pair for pair in pairs if "@" in pair[1]] or [
            ("", one) for one in _ADDRESS.findall(text)
        ]
        found += [
            {"name": decode_header(name), "address": decode_header(address)}
            for name, address in pairs[:MAX_ADDRESSES]
        ]
    return found[:MAX_ADDRESSES]


def _sender(value: str) -> tuple[str, str]:
    """From as (name, address), also with a comma in a name that should have been quoted."""
    text = re.sub(r"\r?\n", " ", value)
    if (named := _NAMED.match(text)) and "@" in named[2] and text.count("@") == named[2].count("@"):
        name = decode_header(named[1].strip().strip('"')).strip("\"' ").replace('\\"', '"')
        return name, decode_header(named[2])
    if found := addresses([value]):
        return found[0]["name"].strip("\"' "), found[0]["address"]
    return "", decode_header(value).strip("<> ")


def _made_id(mail: Mapping[str, Any], date: str) -> str:
    """A stand-in for a missing Message-ID: the same mail gets the same one."""
    digest = hashlib.sha256()
    for piece in (mail["from_address"], date, mail["subject"], mail["text"]):
        digest.update(" ".join(str(piece).split()).encode("utf-8", "replace") + b"\0")
    return f"<{digest.hexdigest()}@missing>"


def _kind(headers: Headers, sender: str, content: Content) -> str:
    """mail | auto_reply | bounce | bulk, by the signs of RFC 3464, 3834 and 2919.

    X-Auto-Response-Suppress is no sign: Exchange puts it on ordinary mail.
    """
    local = sender.partition("@")[0].lower()
    if content.bounce is not None or local in _BOUNCERS:
        return "bounce"
    submitted = headers.text("Auto-Submitted").lower()
    precedence = headers.text("Precedence").lower()
    if (
        submitted.startswith("auto-replied")
        or precedence == "auto_reply"
        or headers.raw("X-Autoreply").strip()
        or headers.raw("X-Autorespond").strip()
        or content.is_report
    ):
        return "auto_reply"
    if precedence in _BULK_PRECEDENCE or headers.raw("List-Id") or headers.raw("List-Unsubscribe"):
        return "bulk"
    empty_return = [value.strip() for value in headers.all("Return-Path")][:1] == ["<>"]
    is_automatic = submitted not in {"", "no"} or empty_return or headers.raw(ORIGIN_HEADER)
    return "auto_reply" if is_automatic or _NOBODY.match(local) else "mail"


def _is_spam(headers: Headers) -> bool:
    """What the mail servers on the way said; a mark only, spam is kept like any mail."""
    return any(
        headers.text(name).lower().startswith("yes")
        for name in ("X-Mailgun-Sflag", "X-Spam-Flag", "X-Spam-Status")
    )
