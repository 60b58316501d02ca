"""Structural changes of XML, of mails and multipart forms, and of whole HTTP requests."""

from __future__ import annotations

import copy
import re
from random import Random
from typing import Any

from lxml import etree

from tests.fuzz import hostile
from tests.fuzz.mutate import mutate_body, mutate_bytes, mutate_form

_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BOUNDARY = re.compile(rb"boundary=\"?([^\"\s;]+)")
CHARSETS = (b"utf-8", b"koi8-r", b"undefined", b"\x00", b"utf-16", b"idna", b"hex", b"utf-7", b"")
ENCODINGS = (b"base64", b"quoted-printable", b"x-uuencode", b"7bit", b"binary", b"gzip")
MEDIA = (
    b"multipart/mixed",
    b"multipart/alternative",
    b"multipart/report",
    b"message/rfc822",
    b"message/delivery-status",
    b"message/external-body",
    b"text/html",
    b"text/plain",
    b"application/zip",
    b"image/png",
    b"/",
    b"",
)


def mutate_xml(body: bytes, random: Random) -> bytes:
    """Change elements, or the text of the document where no tree can hold the change."""
    if random.random() < 0.4:
        return _xml_text(body, random)
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        return mutate_bytes(body, random)
    for _ in range(random.choice((1, 1, 2, 4))):
        nodes = [node for node in root.iter() if isinstance(node.tag, str)]
        _change_element(random.choice(nodes), random)
    coding = random.choice(("utf-8", "utf-8", "cp1251", "utf-16"))
    written: bytes = etree.tostring(root, encoding=coding)  # type: ignore[assignment]  # no text encoding is among them
    return written


def _change_element(node: Any, random: Random) -> None:
    parent, roll = node.getparent(), random.randrange(10)
    if roll < 4:
        node.text = _UNWRITABLE.sub("", hostile.text(random))
    elif roll == 4 and parent is not None:
        parent.remove(node)
    elif roll == 5 and parent is not None:
        copies = 300 if random.random() < 0.02 else random.choice((1, 2))
        for _ in range(copies):
            parent.append(copy.deepcopy(node))
    elif roll == 6:
        below = node
        for _ in range(
            random.choice((1, 2, 3, 63, 64, 65, 300) if random.random() < 0.2 else (1, 2))
        ):
            below = etree.SubElement(below, random.choice(("a", node.tag)))
    elif roll == 7:
        name = random.choice(("nil", "{http://www.w3.org/2001/XMLSchema-instance}nil", "name"))
        node.set(name, random.choice(("true", "1", "", "x" * 300)))
    elif roll == 8:
        node.tag = random.choice(("a", "Row", "return", "Fault", "Ошибка", node.tag))
    else:
        node.append(random.choice((etree.Comment("x"), etree.ProcessingInstruction("x", "y"))))


def _xml_text(body: bytes, random: Random) -> bytes:
    """Heads, entities, CDATA, huge texts, broken tags."""
    tags = [found.start() for found in re.finditer(b"<", body)] or [0]
    at = random.choice(tags)
    roll = random.randrange(6)
    if roll == 0:
        declared = body.startswith(b"<?xml") and random.random() < 0.7
        start = body.find(b"?>") + 2 if declared else 0
        return body[:start] + random.choice(hostile.XML_HEADS) + body[start:]
    if roll == 1:
        entity = random.choice((b"&c;", b"&x;", b"&#0;", b"&#xD800;", b"&amp;&lt;", b"&nope;"))
        return body[:at] + entity + body[at:]
    if roll == 2:
        return body[:at] + b"<a>" * random.choice((1, 70, 300)) + body[at:]
    if roll == 3 and random.random() < 0.002:
        return body[:at] + b"x" * 11_000_000 + body[at:]
    if roll == 4:
        return body[:at] + b"<![CDATA[" + random.choice(hostile.BYTES) + b"]]>" + body[at:]
    return mutate_bytes(body, random)


def mutate_mime(body: bytes, random: Random) -> bytes:
    """Change header lines, boundaries, encodings and parts of a mail or a multipart form."""
    for _ in range(random.choice((1, 1, 2, 4))):
        lines = body.split(b"\n")
        heads = [n for n, line in enumerate(lines) if re.match(rb"[A-Za-z-]{2,40}:", line)]
        at = random.choice(heads) if heads else random.randrange(len(lines))
        name = lines[at].partition(b":")[0]
        roll = random.randrange(10)
        if roll == 0:
            del lines[at]
        elif roll == 1:
            lines[at:at] = [lines[at]] * (2001 if random.random() < 0.01 else random.choice((1, 3)))
        elif roll in (2, 3):
            hard = hostile.text(random).encode("utf-8", "surrogatepass")
            lines[at] = name + b": " + hard
        elif roll == 4:
            media, charset = random.choice(MEDIA), random.choice(CHARSETS)
            lines[at] = b"Content-Type: " + media + b"; charset=" + charset + b"; boundary=b"
        elif roll == 5:
            lines[at] = b"Content-Transfer-Encoding: " + random.choice(ENCODINGS)
        elif roll == 6:
            found = _BOUNDARY.findall(body) or [b"b"]
            lines[at:at] = [b"--" + found[0] + random.choice((b"", b"--", b" ")), b""]
        elif roll == 7:
            many = 999 if random.random() < 0.02 else random.choice((1, 20))
            lines[at] = lines[at] + b"\n " + random.choice(hostile.BYTES) * many
        elif roll == 8:
            lines[at] = name + b": =?" + random.choice(CHARSETS) + b"?q?=ff=D0?= =?utf-8?b?0?="
        else:
            return mutate_bytes(b"\n".join(lines), random)
        body = b"\n".join(lines)
    return body


def split_http(blob: bytes) -> tuple[bytes, list[bytes], bytes]:
    """A request's first line, header lines and body."""
    ends = [(blob.find(mark), mark) for mark in (b"\r\n\r\n", b"\n\n")]
    found = [pair for pair in ends if pair[0] >= 0]
    if not found:
        return blob, [], b""
    at, mark = min(found)
    first, *headers = blob[:at].splitlines() or [b""]
    return first, headers, blob[at + len(mark) :]


def join_http(first: bytes, headers: list[bytes], body: bytes) -> bytes:
    """The same three as one request."""
    return b"\n".join([first, *headers]) + b"\n\n" + body


def mutate_http(blob: bytes, random: Random) -> bytes:
    """Change a request: mostly its body, now and then headers, path, query or method."""
    first, headers, body = split_http(blob)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        roll = random.random()
        if roll < 0.72:
            body = mutate_body(body, random)
        elif roll < 0.9:
            headers = _headers(headers, random)
        elif roll < 0.93:
            body = hostile.squeezed(body, random) if random.random() < 0.05 else body
            headers = [*headers, b"Content-Encoding: gzip"]
        else:
            first = _first_line(first, random)
    return join_http(first, headers, body)


def _headers(headers: list[bytes], random: Random) -> list[bytes]:
    headers = list(headers)
    if not headers:
        return [b"Content-Type: " + random.choice(MEDIA)]
    at = random.randrange(len(headers))
    name, _, value = headers[at].partition(b":")
    roll = random.randrange(7)
    if roll == 0:
        del headers[at]
    elif roll == 1:
        headers.insert(0, headers[at])
    elif roll == 2:
        hard = hostile.text(random).encode("utf-8", "surrogatepass")
        headers[at] = name + b": " + hard.replace(b"\n", b" ").replace(b"\r", b" ")
    elif roll == 3:
        changed = mutate_bytes(value, random)
        headers[at] = name + b":" + changed.replace(b"\n", b" ").replace(b"\r", b" ")
    elif roll == 4:
        headers.append(
            b"X-" + b"Huge" * 8 + b": " + b"x" * (60_000 if random.random() < 0.02 else 100)
        )
    elif roll == 5:
        media, charset = random.choice(MEDIA), random.choice(CHARSETS)
        headers.append(b"Content-Type: " + media + b"; charset=" + charset)
    else:
        headers += [b"X-N%d: 1" % number for number in range(random.choice((5, 90)))]
    return headers


def _first_line(first: bytes, random: Random) -> bytes:
    method, _, target = first.partition(b" ")
    target = target.removesuffix(b" HTTP/1.1")
    path, _, query = target.partition(b"?")
    roll = random.randrange(4)
    if roll == 0:
        method = random.choice((b"GET", b"HEAD", b"PUT", b"OPTIONS", b"PATCH", b"POST"))
    elif roll == 1:
        path = b"/" + mutate_bytes(path.lstrip(b"/"), random)
    elif roll == 2:
        query = mutate_form(query or b"a=1", random)
    else:
        path += random.choice((b"/", b"//", b"/../..", b"/%2e%2e", b"/" + b"a" * 3000, b"/%00"))
    target = path + (b"?" + query if query else b"")
    return method + b" " + target.replace(b" ", b"%20").replace(b"\n", b"").replace(b"\r", b"")
