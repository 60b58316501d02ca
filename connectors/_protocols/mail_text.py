"""Text out of mails: charsets, encoded words, HTML to text, quoted history cut off.

Follows RFC 2047 as senders really use it: unknown charset labels, raw 8-bit headers, characters
split between two encoded words. Nothing here raises for any input.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re

from inscriptis import get_text

from hub.sdk.payload import CHARSET_ALIASES, clean_text

MAX_TEXT = 500_000
#: The commonest Russian letters: how a guess between Windows-1251 and KOI8-R is scored.
_COMMON = frozenset("оеаинтсрвлОЕАИНТСРВЛ")
_SMALL, _INNER_CAPITAL = re.compile("[а-яё]"), re.compile(r"(?<=\w)[А-ЯЁ]")
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_FOLD = re.compile(r"\r?\n[ \t]*|[\r\t]")
_TAG = re.compile(r"<[^>]{0,2000}>")

#: A line that opens the quoted history, as Russian and English mail programs write it.
_QUOTE_HEAD = re.compile(
    r"""^\s*(?:
      -{3,}\s*(?:Исходное\ сообщение|Пересылаемое\ сообщение|Пересланное\ сообщение
              |Original\ Message|Forwarded\ message)\s*-{3,}
    | _{20,}\s*
    | \d{1,2}\.\d{1,2}\.\d{2,4},?\ (?:в\ )?\d{1,2}:\d{2}.{0,200}(?:<[^>]+>|написал(?:а|\(а\))?)\ ?:
    | (?:пн|вт|ср|чт|пт|сб|вс),?\ \d{1,2}\ \S+\ \d{4}\ г\..{0,250}:
    | (?:Понедельник|Вторник|Среда|Четверг|Пятница|Суббота|Воскресенье),\ .{0,80}\ от\ .{0,200}:
    | (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),\ .{0,80}\ от\ .{0,200}:
    | \d{1,2}\ \S+\ \d{4}\ г\.,\ в\ \d{1,2}:\d{2}.{0,250}написал(?:а|\(а\))?\ ?:
    | On\ .{5,250}\ wrote:
    )\s*$""",
    re.VERBOSE | re.IGNORECASE,
)
#: Outlook's header block: a «From» line with a «Sent»/«Date» line right below.
_OUTLOOK_FROM = re.compile(r"^\s*\*?(?:От|From)\s*:\*?\s*\S", re.IGNORECASE)
_OUTLOOK_SENT = re.compile(r"^\s*\*?(?:Отправлено|Дата|Sent|Date)\s*:", re.IGNORECASE)


def decode_bytes(raw: bytes, charset: str = "") -> str:
    """Decode by the declared charset, else UTF-8, else the likelier Cyrillic one; never fails."""
    label = charset.strip().strip("\"'").lower()
    for name in (CHARSET_ALIASES.get(label, label), "utf-8-sig"):
        if not name:
            continue
        try:
            return clean_text(raw.decode(name))
        except (LookupError, ValueError):
            continue
    guesses = [raw.decode("cp1251", "replace"), raw.decode("koi8-r", "replace")]
    return clean_text(max(guesses, key=_likeliness))


def _likeliness(text: str) -> int:
    """How Russian a guess looks: common letters count for it, «кАПС» inside words against."""
    common = sum(one in _COMMON for one in text)
    return common - (len(_INNER_CAPITAL.findall(text)) if _SMALL.search(text) else 0)


def decode_header(value: str) -> str:
    """One header as readable text: unfolded, encoded words decoded, raw bytes guessed.

    `value` is as the stdlib's parser keeps it: bytes above ASCII as lone surrogates.
    """
    text = _FOLD.sub(" ", value)
    pieces: list[str] = []
    pending, pending_charset, end = b"", "", 0
    for found in _ENCODED_WORD.finditer(text):
        between = text[end : found.start()]
        charset = found[1].split("*", 1)[0].lower()
        if (between.strip() or charset != pending_charset) and pending:
            pieces.append(decode_bytes(pending, pending_charset))
            pending = b""
        if between.strip() or not end:
            pieces.append(_raw_text(between))
        # Words of one charset are joined as bytes: senders cut characters between them.
        pending += _word_bytes(found[2], found[3])
        pending_charset, end = charset, found.end()
    if pending:
        pieces.append(decode_bytes(pending, pending_charset))
    pieces.append(_raw_text(text[end:]))
    return clean_text("".join(pieces)).strip()


def _word_bytes(kind: str, coded: str) -> bytes:
    raw = coded.encode("ascii", "ignore")
    if kind in "qQ":
        return quopri.decodestring(raw, header=True)
    raw = raw.rstrip(b"=")
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4))
    except binascii.Error:
        return raw


def _raw_text(value: str) -> str:
    """Text whose surrogates stand for raw bytes: decoded by guess, the rest left as it is."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return decode_bytes(value.encode("utf-8", "surrogateescape"))
    return value


def html_to_text(html: str) -> str:
    """HTML as plain text; scripts, styles and tags never come through."""
    source = html[:MAX_TEXT]
    if not source.strip():
        return ""
    try:
        text = get_text(source)
    except Exception:
        # A foreign renderer that stumbles over odd HTML must not cost the mail.
        text = _TAG.sub(" ", source)
    return clean_text("\n".join(line.rstrip() for line in text.strip().splitlines()))


def strip_quotes(text: str) -> str:
    """The newly written part of a reply: quoted history in Russian or English form cut off.

    For display only; returns the whole text when cutting would leave nothing.
    """
    lines = text.splitlines()
    for place, line in enumerate(lines):
        # Two programs wrap the long «On … wrote:» line, so it is also read with the next one.
        joined = f"{line.rstrip()} {lines[place + 1].strip()}" if place + 1 < len(lines) else line
        if len(line) < 500 and (
            _QUOTE_HEAD.match(line)
            or (line.strip() and len(joined) < 500 and _QUOTE_HEAD.match(joined))
            or _is_outlook_block(lines, place)
        ):
            lines = lines[:place]
            break
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith(">")):
        lines.pop()
    kept = "\n".join(lines).strip()
    return kept or text.strip()


def _is_outlook_block(lines: list[str], place: int) -> bool:
    below = lines[place + 1 : place + 3]
    return bool(_OUTLOOK_FROM.match(lines[place])) and any(
        _OUTLOOK_SENT.match(line) for line in below
    )
