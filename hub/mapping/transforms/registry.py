"""What a transform is: a named pure function, the context it may see, the error it may raise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from zoneinfo import ZoneInfo

from hub.sdk.payload import clean_text

SAMPLE_CHARACTERS = 80
MAX_DIGITS = 400


class Missing(Enum):
    """The type of MISSING: «the source says nothing», which is not the same as null."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING


class TransformError(ValueError):
    """A value that a transform cannot take; the text tells the admin what is wrong with it."""


@dataclass(frozen=True)
class MappingContext:
    """What a transform may know besides the value: the connection's zone, region and settings."""

    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Moscow"))
    phone_region: str = "RU"
    settings: Mapping[str, Any] = field(default_factory=dict)


Function = Callable[[Any, Any, MappingContext], Any]


@dataclass(frozen=True)
class Transform:
    """A registered transform.

    `gives` is the type of its result (text, number, time, boolean, any); `takes_list` tells that
    it wants a list whole (others are applied to each element). `check` judges the argument when
    a mapping is loaded: it returns what is wrong, or "". None: the transform takes no argument.
    """

    name: str
    function: Function
    gives: str = "text"
    takes_list: bool = False
    check: Callable[[Any], str] | None = None

    @property
    def doc(self) -> str:
        """The docstring, shown to admins."""
        return " ".join((self.function.__doc__ or "").split())


TRANSFORMS: Final[dict[str, Transform]] = {}


def transform(
    name: str,
    *,
    gives: str = "text",
    takes_list: bool = False,
    check: Callable[[Any], str] | None = None,
) -> Callable[[Function], Function]:
    """Register a function (value, argument, context) → value as the transform `name`.

    It is never called with None or blank text. It returns None for «no value», MISSING for «the
    source says nothing», and raises TransformError for rubbish.
    """

    def register(function: Function) -> Function:
        TRANSFORMS[name] = Transform(name, function, gives, takes_list, check)
        return function

    return register


def is_empty(value: Any) -> bool:
    """Whether a value is no value: missing, None or blank text."""
    if value is MISSING or value is None:
        return True
    return isinstance(value, str) and (not value or value.isspace())


def sample(value: Any) -> str:
    """A value as short text for an error, cut at 80 characters."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, list | dict):
        text = f"{'list' if isinstance(value, list) else 'object'} of {len(value)}"
    elif isinstance(value, int) and value.bit_length() > MAX_DIGITS * 3:
        text = "a very long number"
    else:
        text = str(value)
    text = clean_text(text)
    return text if len(text) <= SAMPLE_CHARACTERS else text[: SAMPLE_CHARACTERS - 1] + "…"


def as_text(value: Any) -> str:
    """A scalar as trimmed text; an XML element with attributes gives its own text.

    Raises TransformError for lists, objects and numbers too long to be anything real.
    """
    if isinstance(value, str):
        return clean_text(value).strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if value.bit_length() > MAX_DIGITS * 3:
            raise TransformError("the number is too long")
        return str(value)
    if isinstance(value, Decimal | float):
        return _number_text(value)
    if isinstance(value, dict) and isinstance(value.get("#text"), str):
        return as_text(value["#text"])
    if isinstance(value, list):
        raise TransformError("a list came where one value is wanted: use first, join or each")
    if isinstance(value, dict):
        raise TransformError("an object came where one value is wanted: name a field inside it")
    return str(value)


def _number_text(value: Decimal | float) -> str:
    number = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not number.is_finite() or abs(number.adjusted()) > MAX_DIGITS:
        raise TransformError(f"«{sample(value)}» is not a usable number")
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MAX_DIGITS:
        raise TransformError("the number is too long")
    text = format(number, "f")
    if isinstance(value, float) and text.endswith(".0"):
        return text[:-2]
    return text
