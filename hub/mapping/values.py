"""What a row does with single values: kinds to transforms, ids, choices, lists."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from hub.mapping.transforms import (
    MISSING,
    MappingContext,
    TransformError,
    as_text,
    is_empty,
    sample,
)
from hub.sdk import entities

#: The transform that stands for a field's kind when a row names none.
KIND_TRANSFORM: Final = {
    entities.TEXT: "text",
    entities.LONG_TEXT: "text",
    entities.PHONE: "phone",
    entities.EMAIL: "email",
    entities.MONEY: "money",
    entities.QUANTITY: "quantity",
    entities.TIME: "time",
    entities.INTEGER: "integer",
    entities.BOOLEAN: "boolean",
    entities.PHONE_OR_EXTENSION: "phone_or_extension",
}
#: Lists whose elements have a kind of their own.
ELEMENT_TRANSFORM: Final = {"phones": "phone", "emails": "email"}
MAX_LINES = 10_000
MAX_EXTERNAL_ID = 255


def as_json(value: Any, argument: Any, context: MappingContext) -> Any:
    """Any value as JSON can hold it: times become ISO text."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def as_list(value: Any, argument: Any, context: MappingContext) -> list[Any]:
    """A list field: a single value is a list of one."""
    return value if isinstance(value, list) else [value]


def id_text(value: Any, argument: Any = None, context: MappingContext | None = None) -> str:
    """An external id as text: 12 and 12.0 are «12», nothing is «».

    Raises TransformError for lists, objects and what is longer than 255 characters.
    """
    if is_empty(value):
        return ""
    text = choice_key(value)
    if len(text) > MAX_EXTERNAL_ID:
        raise TransformError(f"an external id is longer than {MAX_EXTERNAL_ID} characters")
    return text


def id_field(value: Any, argument: Any, context: MappingContext) -> str | None:
    """A field that holds another record's external id; what gives no text is no value."""
    return id_text(value) or None


def as_is(value: Any, argument: Any, context: MappingContext) -> Any:
    """The value untouched."""
    return value


def hollow(value: Any) -> bool:
    """No value, or a list without one: the next path of the row is tried."""
    return is_empty(value) or (isinstance(value, list) and all(is_empty(one) for one in value))


def choice_key(value: Any) -> str:
    """A source value as the text choices and ids are written in: 1.0 is «1».

    Raises TransformError for lists and objects.
    """
    if isinstance(value, Decimal | float):
        text = as_text(value)
        return text.rstrip("0").rstrip(".") if "." in text else text
    return as_text(value)


def line_items(items: Any) -> Any:
    """The list that an `each` goes over; None or MISSING when there is none.

    A single element (as XML gives it) is a list of one. Raises TransformError for other values.
    """
    if items is MISSING or items is None or items == "":
        return MISSING if items is MISSING else None
    if isinstance(items, dict):
        return [items]
    if not isinstance(items, list):
        raise TransformError(f"«{sample(items)}» is no list of lines")
    if len(items) > MAX_LINES:
        raise TransformError(f"more than {MAX_LINES} lines")
    return items
