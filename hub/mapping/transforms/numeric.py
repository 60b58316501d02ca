"""Transforms that give exact numbers and yes or no."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import Any

from hub.mapping.transforms.registry import (
    MappingContext,
    TransformError,
    as_text,
    sample,
    transform,
)

LIMIT = Decimal(10) ** 18
MAX_FRACTION_DIGITS = 18
MAX_TEXT = 64
PLAIN_CHARACTERS = 18
INTEGER_LIMIT = 2**31

TRUE = frozenset({"1", "true", "yes", "y", "on", "+", "да", "истина", "д"})
FALSE = frozenset({"0", "false", "no", "n", "off", "-", "нет", "ложь", "н"})

_WIDE = Context(prec=80)
#: Space, tab, NBSP, figure space, thin space, narrow NBSP and apostrophes group thousands.
_GROUP = re.compile("[ \t\u00a0\u2007\u2009\u202f'’]")
_CURRENCY_TAIL = re.compile(r"\s*(?:₽|руб\.?|р\.?|rub|rur|usd|eur|\$|€)$", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?: [0-9]{3})*(?:[.,][0-9]*)?|[^ ]+")


def _separators(text: str) -> str:
    """One decimal point at most: «1.234,56», «1,234.56», «1,234,567» and «0,5» understood."""
    commas, points = text.count(","), text.count(".")
    if commas and points:
        thousands, point = (",", ".") if text.rindex(".") > text.rindex(",") else (".", ",")
    elif commas > 1 or points > 1:
        thousands, point = ("," if commas else "."), ""
    else:
        return text.replace(",", ".")
    whole, _, fraction = text.partition(point) if point else (text, "", "")
    head, *groups = whole.split(thousands)
    if any(len(group) != 3 for group in groups) or not 1 <= len(head.lstrip("+-")) <= 3:
        return "?"
    return f"{head}{''.join(groups)}.{fraction}" if fraction else head + "".join(groups)


def _from_text(text: str) -> Decimal | None:
    if len(text) > MAX_TEXT:
        return None
    spaced = _GROUP.sub(" ", _CURRENCY_TAIL.sub("", text)).replace("\u2212", "-").strip()
    if not _GROUPED.fullmatch(spaced):
        return None
    plain = _separators(spaced.replace(" ", ""))
    return Decimal(plain) if _NUMBER.fullmatch(plain) else None


def exact(value: Any, what: str) -> Decimal:
    """Any number, or text that shows one, as a finite Decimal below 1e18.

    Raises TransformError that says the value is not `what`.
    """
    return Decimal(value) if _is_plain(value) else _exact(value, what)


def _is_plain(value: Any) -> bool:
    """Text that is a plain number, as most are: nothing to take off and nothing to guess."""
    return (
        value.__class__ is str
        and len(value) <= PLAIN_CHARACTERS
        and value.isascii()
        and value.replace(".", "", 1).isdecimal()
    )


def _exact(value: Any, what: str) -> Decimal:
    number: Decimal | None
    if isinstance(value, bool):
        number = None
    elif isinstance(value, Decimal):
        number = value
    elif isinstance(value, int):
        number = Decimal(value) if value.bit_length() < 64 else LIMIT
    elif isinstance(value, float):
        number = Decimal(repr(value))
    else:
        number = _from_text(as_text(value))
    if number is None or not number.is_finite():
        raise TransformError(f"«{sample(value)}» is not {what}")
    if number.adjusted() >= 18 and number:
        raise TransformError(f"«{sample(value)}» is too large for {what}")
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MAX_FRACTION_DIGITS:
        raise TransformError(f"«{sample(value)}» has too many digits after the point")
    if exponent > 0:
        number = number.quantize(Decimal(1), context=_WIDE) if number else Decimal(0)
    return number if number else number.copy_abs()


@transform("money", gives="number")
def money(value: Any, argument: Any, context: MappingContext) -> Decimal:
    """An exact amount, its kopecks as they came: «1 233,05», «1,234.56», 1500, «99,90 ₽»."""
    return exact(value, "an amount of money")


@transform("quantity", gives="number")
def quantity(value: Any, argument: Any, context: MappingContext) -> Decimal:
    """An exact quantity without idle zeros: «1 233,050» becomes 1233.05."""
    number = exact(value, "a quantity").normalize(_WIDE)
    return number.quantize(Decimal(1), context=_WIDE) if number == number.to_integral() else number


@transform("integer", gives="number")
def integer(value: Any, argument: Any, context: MappingContext) -> int:
    """A whole number; a fraction is refused."""
    if type(value) is int and -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        return value
    number = exact(value, "a whole number")
    if number != number.to_integral_value():
        raise TransformError(f"«{sample(value)}» is not a whole number")
    if not -INTEGER_LIMIT <= number < INTEGER_LIMIT:
        raise TransformError(f"«{sample(value)}» is too large for a whole number")
    return int(number)


@transform("boolean", gives="boolean")
def boolean(value: Any, argument: Any, context: MappingContext) -> bool:
    """Yes or no: да/нет, истина/ложь, true/false, yes/no, on/off, 1/0."""
    if isinstance(value, bool):
        return value
    word = as_text(value).lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise TransformError(f"«{sample(value)}» is neither yes nor no")
