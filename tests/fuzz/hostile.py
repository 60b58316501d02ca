"""Values that systems send by mistake and people send on purpose."""

from __future__ import annotations

import gzip
import json
from random import Random
from typing import Any

#: Marks a JSON token that no Python value writes: `1e999`, numbers of 5 000 digits, NaN.
RAW = "@@RAW:"
#: Marks an object key that is written a second time under the name before it.
AGAIN = "@@AGAIN"

NUMBERS: list[Any] = [
    0,
    -1,
    1,
    0.1,
    2**31 - 1,
    2**31,
    -(2**31) - 1,
    2**53 + 1,
    2**63,
    -(2**63) - 1,
    2**64,
    10**30,
    10**399,
    *(
        RAW + text
        for text in (
            "1e999",
            "-1e999",
            "1e-999",
            "1E400",
            "1e30",
            "1e-400",
            "0e999999999",
            "-0",
            "-0.0",
            "1.00000000000000000000000000001",
            "NaN",
            "Infinity",
            "-Infinity",
            "9" * 5000,
            "-" + "9" * 401,
            "0." + "1" * 3000,
            "99999999999999999999.99",
            "1767950000000",
        )
    ),
]
TIMES = [
    "0000-00-00",
    "0000-00-00 00:00:00",
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00+14:00",
    "1900-01-01T00:00:00",
    "9999-12-31",
    "9999-12-31T23:59:59.999999",
    "9999-12-31T23:59:59-14:00",
    "10000-01-01",
    "2026-02-30",
    "2026-01-12T24:00:00",
    "2026-01-12T23:59:60Z",
    "2026-01-12T15:00:00+99:99",
    "2026-W03-1",
    "3999-12-31T00:00:00",
    "31.12.9999",
    "29.02.1900 25:61",
    "Mon, 32 Jan 99999 99:99:99 +9999",
    "Mon, 12 Jan 2026 15:00:00 -9999999999999",
    "20260112",
    "1e9",
]
TEXTS = [
    "",
    " ",
    "0",
    "-",
    "null",
    "undefined",
    "NaN",
    "Infinity",
    "true",
    "1e999",
    "1E999999999",
    "-1e-999999999",
    "1_000",
    "0x10",
    "1,2.3,4",
    "9" * 40,
    "9" * 5000,
    "٣٤٥",
    "１２３４５６７８９０",
    "²³",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "\ufeff",
    "\u202eabc\u202c",
    "\u2028",
    "\u00a0",
    "é" * 3,
    "е\u0301" * 40,
    "😀" * 70,
    "İ" * 130,
    "ﬃ" * 90,
    "ё" * 256,
    "A" * 300,
    "A" * 2000,
    "\r\n",
    "a\r\nX-Injected: 1",
    "\t",
    "\x1b[31m",
    "\x7f\x80\x9f",
    "<script>alert(1)</script>",
    "<b",
    "=cmd|' /C calc'!A0",
    "'; DROP TABLE events; --",
    "../../etc/passwd",
    "{{7*7}}${7*7}",
    "%s%n%00",
    "%",
    "\\",
    '"',
    "@",
    "a@",
    "@b",
    "a@b" * 500,
    "a@" + "b." * 130 + "c",
    '"a b"@example.ru',
    "анна@пример.рф",
    "xn--a@xn--b.xn--c",
    "+",
    "+7",
    "+" * 30,
    "+7916" * 30,
    "8 (916) 000-00-00 доб. 12",
    "tel:+79160000077;ext=5",
    "sip:user@" + "a" * 300,
    "+883510000000000",
    "+1 (555) 0123",
    "ftp://[::1",
    "http://[",
    "javascript:1",
    "[" * 100,
    "{" * 100,
    "(" * 500,
    "<" * 500,
    '{"a":' * 70,
    "=?utf-8?B?" + "w" * 90 + "?=",
    "=?undefined?q?=ff?=",
    "=?utf-8?Q?" + "=" * 30,
]
SCALARS: list[Any] = [None, True, False, [], {}, [[]], [None], {"": None}]
BYTES = [
    b"\x00",
    b"\xff",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xfe\xff\x00a",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xf0\x9f\x98",
    b"\r\n",
    b"\n\n",
    b"\r",
    b"%00",
    b"%c0%af",
    b"%zz",
    b"%",
    b"&",
    b"&&&&",
    b";",
    b"=",
    b"[]",
    b"[[[[",
    b'"',
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"<!--",
    b"]]>",
    b"&#0;",
    b"&#xD800;",
    b"&#99999999;",
    b"<![CDATA[",
    b"<?xml version='1.1' encoding='utf-7'?>",
    b"--",
    b"1e999",
    b"9" * 5000,
    b"NaN",
    b"\xe2\x80\xae",
    b"\xd9\xa3",
]


def scalar(random: Random) -> Any:
    """One hostile value."""
    return random.choice(random.choice((NUMBERS, TIMES, TEXTS, SCALARS)))


def text(random: Random) -> str:
    """One hostile text; now and then a huge one."""
    if random.random() < 0.002:
        return random.choice("AёŠ😀<@(") * 70_000
    return random.choice(random.choice((TIMES, TEXTS)))


def tree(random: Random, depth: int = 3) -> Any:
    """A small tree of hostile values; sometimes a very deep or a very long one."""
    roll = random.random()
    if depth == 0 or roll < 0.5:
        return scalar(random)
    if roll < 0.55:
        return deep(random.choice((10, 65, 500)), scalar(random), random.random() < 0.5)
    if roll < 0.56:
        return [scalar(random)] * random.choice((30, 30, 30, 3000))
    if roll < 0.8:
        return [tree(random, depth - 1) for _ in range(random.randrange(4))]
    return {text(random)[:60]: tree(random, depth - 1) for _ in range(random.randrange(4))}


def deep(levels: int, value: Any, is_list: bool) -> Any:
    """The value inside so many lists or objects."""
    for _ in range(levels):
        value = [value] if is_list else {"a": value}
    return value


def write_json(value: Any, random: Random) -> bytes:
    """The tree as JSON, hostile tokens and repeated keys as they are."""
    try:
        found = json.dumps(value, ensure_ascii=random.random() < 0.5)
    except (RecursionError, ValueError):
        # Deeper or longer than Python writes.
        return b"[" * 100_000 if random.random() < 0.5 else b"9" * 5000
    if RAW in found:
        pieces = found.split(f'"{RAW}')
        found = pieces[0] + "".join(piece.replace('"', "", 1) for piece in pieces[1:])
    return found.replace(AGAIN, "").encode("utf-8", "surrogatepass")


def squeezed(body: bytes, random: Random) -> bytes:
    """The body gzipped; sometimes a bomb, sometimes cut."""
    if random.random() < 0.3:
        body = body[:20] + b" " * random.choice((1_000_000, 20_000_000))
    packed = gzip.compress(body, 1)
    return packed[: random.randrange(len(packed))] if random.random() < 0.2 else packed


#: Documents that grow, reach out, or pretend to be another encoding.
XML_HEADS = [
    b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>',
    b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">',
    b'<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///dev/zero">%p;]>',
    b"<!-- a -- b -->",
    b"<?xml-stylesheet href='x'?>",
    b"<!--" + b"x" * 70_000 + b"-->",
    b"\xef\xbb\xbf",
    b"\n\n",
    b'<?xml version="1.0" encoding="windows-1251"?>',
    b'<?xml version="1.0" encoding="utf-16"?>',
    b'<?xml version="1.0" encoding="no-such"?>',
    b'<?xml version="1.0" encoding="utf-7"?>',
]
