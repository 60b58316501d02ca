"""Transforms that give text."""

from __future__ import annotations

import html
import re
from typing import Any

from hub.mapping.transforms.registry import (
    MappingContext,
    TransformError,
    as_text,
    sample,
    transform,
)
from hub.sdk.payload import clean_text

#: HTML above this size is no message a person wrote.
MAX_HTML_CHARACTERS = 2_000_000

#: What shops and 1C write instead of an ISO 4217 code.
CURRENCIES = {
    "RUR": "RUB",
    "РУБ": "RUB",
    "РУБ.": "RUB",
    "Р": "RUB",
    "Р.": "RUB",
    "₽": "RUB",
    "РУБЛЬ": "RUB",
    "РУБЛЕЙ": "RUB",
    "643": "RUB",
    "810": "RUB",
    "$": "USD",
    "840": "USD",
    "€": "EUR",
    "978": "EUR",
    "¥": "CNY",
    "156": "CNY",
    "ТЕНГЕ": "KZT",
    "₸": "KZT",
    "398": "KZT",
    "933": "BYN",
}
_CODE = re.compile(r"[A-Z]{3}")
_NOT_DIGITS = re.compile(r"[^0-9]+")


@transform("text")
def text(value: Any, argument: Any, context: MappingContext) -> str | None:
    """Any single value as text, trimmed; a number is written without an exponent."""
    return as_text(value) or None


@transform("lower")
def lower(value: Any, argument: Any, context: MappingContext) -> str | None:
    """Text in lower case."""
    return as_text(value).lower() or None


@transform("upper")
def upper(value: Any, argument: Any, context: MappingContext) -> str | None:
    """Text in upper case."""
    return as_text(value).upper() or None


@transform("digits")
def digits(value: Any, argument: Any, context: MappingContext) -> str | None:
    """Only the digits of a text; no digits, no value."""
    return _NOT_DIGITS.sub("", as_text(value)) or None


@transform("unescape")
def unescape(value: Any, argument: Any, context: MappingContext) -> str | None:
    """Text with its HTML entities (&quot;, &#8381;) turned into characters."""
    return clean_text(html.unescape(as_text(value))).strip() or None


@transform("html_to_text")
def html_to_text(value: Any, argument: Any, context: MappingContext) -> str | None:
    """HTML as readable plain text: lists and line breaks kept, tags and scripts gone."""
    source = as_text(value)
    if len(source) > MAX_HTML_CHARACTERS:
        raise TransformError("the HTML is too large")
    try:
        # Imported here: few mappings take text out of HTML, and it brings a parser.
        import inscriptis

        plain = inscriptis.get_text(source)
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, RuntimeError) as e:
        raise TransformError(f"the HTML cannot be read ({type(e).__name__})") from e
    return clean_text(plain).strip() or None


@transform("currency")
def currency(value: Any, argument: Any, context: MappingContext) -> str:
    """A currency as its ISO 4217 code: RUR, руб., ₽ and 643 become RUB."""
    code = as_text(value).upper()
    code = CURRENCIES.get(code, code)
    if not _CODE.fullmatch(code):
        raise TransformError(f"«{sample(value)}» is not a currency: a code such as RUB is wanted")
    return code
