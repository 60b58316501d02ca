"""Untrusted bodies into plain values: JSON and forms, with limits and no surprises; XML: xml.py.

Every function raises PayloadError with the reason; none reaches for the network or a file.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_to_bytes

from werkzeug.exceptions import HTTPException
from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

from hub.sdk.errors import PayloadError

MAX_DEPTH = 64
MAX_FIELDS = 5_000
MAX_DIGITS = 400
#: Values of one document: a tree takes fifty times the memory of a body that is all brackets.
MAX_VALUES = 500_000
_CHUNK = 65_536

#: Labels senders use that Python's codecs do not know.
CHARSET_ALIASES = {
    "cp-1251": "cp1251",
    "windows1251": "cp1251",
    "win-1251": "cp1251",
    "win1251": "cp1251",
    "koi8-ru": "koi8-r",
    "utf8mb4": "utf-8",
}
_UNCLEAN = re.compile("[\x00\ud800-\udfff]")
_BROKEN_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def clean_text(text: str) -> str:
    """Drop NULs and lone surrogates: no database takes them."""
    if text.isprintable():  # neither of them is, and this is the quickest to ask
        return text
    return _UNCLEAN.sub("", text) if _UNCLEAN.search(text) else text


def decode_text(raw: bytes, charset: str = "") -> str:
    """Decode bytes by the declared charset, else UTF-8, else Windows-1251; never fails."""
    declared = CHARSET_ALIASES.get(charset.strip().lower(), charset.strip().lower())
    for name in (declared, "utf-8", "cp1251"):
        if not name:
            continue
        try:
            return clean_text(raw.decode("utf-8-sig" if name in {"utf-8", "utf8"} else name))
        except (LookupError, ValueError):  # ValueError: «undefined», a NUL in the label
            continue
    return clean_text(raw.decode("koi8-r", "replace"))


def unquote(raw: bytes) -> bytes:
    """Decode %XX piece by piece: the stdlib takes fifty times the memory of a large input."""
    if len(raw) <= _CHUNK:
        return unquote_to_bytes(raw)
    found, at = bytearray(), 0
    while at < len(raw):
        end = at + _CHUNK
        # An escape is not cut in two.
        cut = raw.rfind(b"%", end - 2, end) if end < len(raw) else -1
        end = end if cut < 0 else cut
        found += unquote_to_bytes(raw[at:end])
        at = end
    return bytes(found)


def refuse_many(body: bytes, *marks: bytes) -> None:
    """PayloadError for a body in which these marks stand more than MAX_VALUES times in all."""
    if len(body) > MAX_VALUES and sum(map(body.count, marks)) > MAX_VALUES:
        raise PayloadError(f"the body holds more than {MAX_VALUES} values")


def _refuse_constant(name: str) -> Any:
    raise PayloadError(f"JSON holds {name}, which is not a number")


def _json_float(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise PayloadError("JSON holds a number with an impossible exponent") from None
    if number.adjusted() > 30 or number.adjusted() < -400:
        raise PayloadError("JSON holds a number that is too large or too small")
    return number


def _json_int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise PayloadError("JSON holds a number that is too long")
    return int(text)


#: Without a hook for every whole number, where the text is too short for one that is too long.
_DECODER = json.JSONDecoder(parse_float=_json_float, parse_constant=_refuse_constant)
_LONG_NUMBERS = json.JSONDecoder(
    parse_float=_json_float, parse_constant=_refuse_constant, parse_int=_json_int
)
#: The only ways for a NUL or a lone surrogate into JSON that is UTF-8.
_UNCLEAN_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def load_json(body: bytes) -> Any:
    """Parse JSON; numbers with a point become Decimal, text is cleaned, depth is limited."""
    refuse_many(body, b",", b"[", b"{")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PayloadError(f"the body is not UTF-8 (byte {error.start})") from error
    try:
        value = (_LONG_NUMBERS if len(text) > MAX_DIGITS else _DECODER).decode(text)
    except RecursionError as error:
        raise PayloadError("JSON is nested too deeply") from error
    except ValueError as error:
        raise PayloadError(f"the body is not JSON: {error}") from error
    # Where nothing can be too deep or need cleaning, walking it would only make a copy.
    is_fine = text.count("{") + text.count("[") <= MAX_DEPTH and not _UNCLEAN_ESCAPE.search(text)
    return value if is_fine else _clean(value, 0)


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict | list) and depth >= MAX_DEPTH:
        raise PayloadError(f"JSON is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return {clean_text(name): _clean(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in value]
    return value


@dataclass(frozen=True)
class Upload:
    """A file that came in a multipart form."""

    field: str
    filename: str
    content_type: str
    body: bytes


class Form(Mapping[str, str]):
    """Form fields; of a repeated name the last value counts (user variables may come first)."""

    def __init__(self, pairs: list[tuple[str, str]], files: list[Upload] | None = None) -> None:
        self.pairs = pairs
        self.files = files or []
        self._last = dict(pairs)

    def __getitem__(self, name: str) -> str:
        return self._last[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)

    def tree(self) -> dict[str, Any]:
        """PHP-style names (`payment[products][0][name]`) as nested dictionaries and lists."""
        root: dict[str, Any] = {}
        for name, value in self.pairs:
            _plant(root, _php_path(name), value)
        grown = _lists(root)
        return grown if isinstance(grown, dict) else root


def _php_path(name: str) -> list[str]:
    head, *rest = name.split("[")
    if not rest or any(not part.endswith("]") for part in rest) or len(rest) > MAX_DEPTH:
        return [name]
    return [head, *(part[:-1] for part in rest)]


def _plant(root: dict[str, Any], path: list[str], value: str) -> None:
    node = root
    for step in path[:-1]:
        below = node.setdefault(step or str(len(node)), {})
        if not isinstance(below, dict):
            return
        node = below
    node[path[-1] or str(len(node))] = value


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    grown = {name: _lists(item) for name, item in node.items()}
    if grown and all(name == str(place) for place, name in enumerate(grown)):
        return list(grown.values())
    return grown


def load_form(body: bytes, content_type: str) -> Form:
    """Parse a urlencoded or multipart form from raw bytes, honouring its charset."""
    media, options = parse_options_header(content_type)
    charset = options.get("charset", "")
    if media == "multipart/form-data":
        return _load_multipart(body, options.get("boundary", ""), charset)
    pieces = body.split(b"&", MAX_FIELDS)
    if len(pieces) > MAX_FIELDS:
        raise PayloadError(f"the form has more than {MAX_FIELDS} fields")
    pairs = []
    for piece in pieces:
        if not piece:
            continue
        name, _, value = piece.partition(b"=")
        pairs.append((_unquote(name, charset), _unquote(value, charset)))
    return Form(pairs)


def _unquote(raw: bytes, charset: str) -> str:
    return decode_text(unquote_form(raw), charset)


def unquote_form(raw: bytes) -> bytes:
    """One name or value of a urlencoded form as it was before; broken escapes stay as they are."""
    raw = raw.replace(b"+", b" ")
    if b"%" not in raw:
        return raw
    if _BROKEN_PERCENT.search(raw):
        return unquote(raw)
    # Quoted-printable differs only in its sign, and its decoder is not a loop in Python.
    return binascii.a2b_qp(raw.replace(b"=", b"=3D").replace(b"%", b"="))


class _Latin1Parser(MultiPartParser):
    """Keeps the bytes of text fields: the charset of each is settled afterwards."""

    def get_part_charset(self, headers: Any) -> str:
        return "latin-1"


def _load_multipart(body: bytes, boundary: str, charset: str) -> Form:
    from io import BytesIO

    parser = _Latin1Parser(max_form_memory_size=None, max_form_parts=MAX_FIELDS)
    try:
        fields, files = parser.parse(BytesIO(body), boundary.encode("latin-1"), len(body))
    except (ValueError, HTTPException) as error:
        raise PayloadError(f"the multipart form is broken: {error}") from error
    # A part without a name has none at all (None), whatever the parser's types say.
    pairs = [
        (_relabel(name or "", ""), _relabel(value, charset))
        for name, value in fields.items(multi=True)
    ]
    uploads = [
        Upload(
            _relabel(name or "", ""),
            clean_text(item.filename or ""),
            clean_text(item.mimetype or "application/octet-stream"),
            item.stream.read(),
        )
        for name, item in files.items(multi=True)
    ]
    return Form(pairs, uploads)


def _relabel(text: str, charset: str) -> str:
    try:
        return decode_text(text.encode("latin-1"), charset)
    except UnicodeEncodeError:
        return clean_text(text)
