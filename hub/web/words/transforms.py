"""Transforms as people read of them: a name in words, and a value to show what it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask_babel import lazy_gettext as _l

from hub.mapping.transforms import MISSING, TRANSFORMS, MappingContext, TransformError

#: name → (title, an example's value, its argument, what the argument is)
SAYINGS: Final[dict[str, tuple[Any, Any, Any, Any]]] = {
    "text": (_l("Text"), "  Иван  ", None, ""),
    "phone": (_l("Phone number"), "8 (916) 123-45-67", None, ""),
    "phone_or_extension": (_l("Phone or extension"), "101", None, ""),
    "phone_of_country": (_l("Phone of a country"), ["202-555-0143", "US"], None, ""),
    "email": (_l("E-mail"), "Иван <Ivan@Example.RU>", None, ""),
    "person_name": (_l("Person's name"), ["Иван", " Петров "], None, ""),
    "money": (_l("Amount of money"), "1 233,05 ₽", None, ""),
    "quantity": (_l("Quantity"), "1 233,050", None, ""),
    "integer": (_l("Whole number"), "12", None, ""),
    "boolean": (_l("Yes or no"), "да", None, ""),
    "time": (_l("Date and time"), "12.01.2026 18:20:05", None, ""),
    "time_utc": (_l("Date and time in UTC"), "2026-01-12T15:20:05", None, ""),
    "unixtime": (_l("Seconds since 1970"), 1768231205, None, ""),
    "unixtime_ms": (_l("Milliseconds since 1970"), 1768231205000, None, ""),
    "date": (_l("Date of a form of your own"), "12/01/26", "%d/%m/%y", "%d.%m.%Y"),
    "currency": (_l("Currency"), "руб.", None, ""),
    "inn": (_l("INN, checked"), "7707083893", None, ""),
    "kpp": (_l("KPP"), "773601001", None, ""),
    "lower": (_l("Small letters"), "ЗАКАЗ", None, ""),
    "upper": (_l("Capital letters"), "ok", None, ""),
    "digits": (_l("Digits only"), "№ 12-345", None, ""),
    "unescape": (_l("HTML signs into letters"), "Куртка &ndash; M", None, ""),
    "html_to_text": (_l("HTML into plain text"), "<p>Привет,<br>мир</p>", None, ""),
    "join": (_l("A list as one text"), ["Тверь", "Советская, 34"], ", ", ", "),
    "first": (_l("First of a list"), ["", "Иван"], None, ""),
    "json": (_l("Text that holds JSON"), '{"id": 5}', None, ""),
    "lookup": (_l("By a table of the settings"), "101", "settings.managers", "settings.managers"),
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """A transform for people. `argument`: what it asks for; empty when it takes none."""

    name: str
    title: Any
    doc: str
    argument: Any
    example: str
    shown_argument: str
    result: str


def transforms() -> list[Said]:
    """Every transform, the frequent ones first; the example's result is what the code makes."""
    names = [*(name for name in SAYINGS if name in TRANSFORMS)]
    names += sorted(set(TRANSFORMS) - set(names))
    return [_said(name) for name in names]


def _said(name: str) -> Said:
    known = TRANSFORMS[name]
    title, value, argument, asks = SAYINGS.get(name, (name, None, None, ""))
    context = MappingContext(settings={"managers": {"101": "ivanov@example.ru"}})
    try:
        result = "" if value is None else known.function(value, argument, context)
    except TransformError as error:
        result = str(error)
    takes = asks or ("…" if known.check else "")
    return Said(name, title, known.doc, takes, _text(value), str(argument or ""), _text(result))


def _text(value: Any) -> str:
    if value is None or value is MISSING:
        return "—"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return ", ".join(str(one).strip() or "—" for one in value)
    return str(value)
